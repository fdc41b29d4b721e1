/* SPDX-License-Identifier: MIT */
#include "inject_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct nfqueue_injector *injector;

void start(struct nfqueue_injector_options options)
{
	int error;

	options.size = sizeof(options);
	error = nfqueue_injector_new(&injector, &options);
	if (error)
		fail_msg("%d: %s", error, nfqueue_injector_error(injector));
}

int end(void **state)
{
	nfqueue_injector_free(injector);
	injector = NULL;
	return clean_up(state);
}

struct raw_packet datagram(const char *from, const char *to, uint32_t *wire,
			   uint32_t number)
{
	*wire = htonl(number);
	return (struct raw_packet){.from = from,
				   .to = to,
				   .from_port = 4000,
				   .to_port = PORT,
				   .protocol = IPPROTO_UDP,
				   .payload = wire,
				   .length = sizeof(*wire)};
}

int inject(const struct raw_packet *packet, struct nfqueue_injection how)
{
	uint8_t *bytes = malloc(RAW_PACKET_MAX);
	int error;

	assert_non_null(bytes);
	how.size = sizeof(how);
	how.data = bytes;
	how.length = raw_packet_make(packet, bytes);
	error = nfqueue_inject(injector, &how);
	free(bytes);
	return error;
}

void inject_datagram(const char *from, const char *to, uint32_t number,
		     struct nfqueue_injection how)
{
	uint32_t wire;
	struct raw_packet packet = datagram(from, to, &wire, number);
	int error = inject(&packet, how);

	if (error)
		fail_msg("%d: %s", error, nfqueue_injector_error(injector));
}

struct nfqueue_injector_stats injector_stats(void)
{
	struct nfqueue_injector_stats stats = {.size = sizeof(stats)};

	assert_int_equal(nfqueue_injector_stats_get(injector, &stats), 0);
	assert_int_equal(stats.injected,
			 stats.sent + stats.failed + stats.overflow + stats.waiting);
	return stats;
}

void assert_counts(uint64_t sent, uint64_t failed, uint64_t overflow, uint64_t waiting)
{
	struct nfqueue_injector_stats stats = injector_stats();

	assert_int_equal(stats.sent, sent);
	assert_int_equal(stats.failed, failed);
	assert_int_equal(stats.overflow, overflow);
	assert_int_equal(stats.waiting, waiting);
}

void assert_come(int server, uint32_t count)
{
	uint32_t *numbers = calloc(count + 1, sizeof(*numbers));

	assert_non_null(numbers);
	assert_int_equal(netns_udp_numbers(server, numbers, count, WAIT_MS), count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(numbers[i], i);
	assert_int_equal(netns_udp_numbers(server, numbers, 1, QUIET_MS), 0);
	free(numbers);
}
