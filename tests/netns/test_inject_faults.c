/* SPDX-License-Identifier: MIT */
/* What a test cannot make this kernel do: tell an old error in place of sending, as it
 * did before it knew better, and have no IPv6. */
#include "inject_fixture.h"

#include <sys/syscall.h>

#define TEST(name) cmocka_unit_test_teardown(name, end)

static const struct nfqueue_injection now;
static const struct nfqueue_injector_options defaults;

/* The two functions stand before those of libc, for the library, too. */
static int error_told; /* by the next sendmsg(2), once */
static int refused_domain = -1;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (!error_told)
		return syscall(SYS_sendmsg, fd, message, flags);
	errno = error_told;
	error_told = 0;
	return -1;
}

int socket(int domain, int type, int protocol)
{
	if (domain != refused_domain)
		return (int)syscall(SYS_socket, domain, type, protocol);
	errno = EAFNOSUPPORT;
	return -1;
}

/* Forged ICMP errors about IPPROTO_RAW, which anybody could send: raw_err(). */
static void an_error_of_another_packet_stops_nothing(void **state)
{
	static const int errors[] = {ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT, ECONNREFUSED,
				     EMSGSIZE,    EOPNOTSUPP,   EHOSTDOWN,   ENONET,
				     EPROTO,      EACCES};
	const uint32_t count = sizeof(errors) / sizeof(errors[0]);
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);

	start(defaults);
	for (uint32_t i = 0; i < count; i++) {
		error_told = errors[i];
		inject_datagram(FOREIGN, "127.0.0.1", i, now);
		assert_int_equal(error_told, 0);
	}
	assert_come(server, count);
	assert_counts(count, 0, 0, 0);
	close(server);
}

static void an_error_of_its_own_is_told_at_once(void **state)
{
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, 0);

	start(defaults);
	error_told = ENOBUFS;
	assert_int_equal(inject(&packet, now), -ENOBUFS);
	assert_counts(0, 1, 0, 0);
	error_told = EINTR;
	assert_int_equal(inject(&packet, now), 0);
	assert_counts(1, 1, 0, 0);
}

static void without_ipv6_there_is_ipv4(void **state)
{
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN6, "::1", &wire, 0);
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);

	refused_domain = AF_INET6;
	start(defaults);
	assert_int_equal(inject(&packet, now), -EAFNOSUPPORT);
	assert_non_null(strstr(nfqueue_injector_error(injector), "cannot send"));
	inject_datagram(FOREIGN, "127.0.0.1", 0, now);
	assert_come(server, 1);
	assert_counts(1, 1, 0, 0);
	refused_domain = -1;
	close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_error_of_another_packet_stops_nothing),
		TEST(an_error_of_its_own_is_told_at_once),
		TEST(without_ipv6_there_is_ipv4),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
