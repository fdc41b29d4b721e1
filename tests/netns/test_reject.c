/* SPDX-License-Identifier: MIT */
/*
 * nfqueue_build_reject() against the kernel's own reject: the same random packets, sound
 * and broken; the same answer, or none from either.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <nfqueue/build.h>
#include <nfqueue/edit.h>
#include <nfqueue/packet.h>
#include <nfqueue/view.h>

#include "../unit/packet/random_packet.h"
#include "netns.h"

#define FROM4 "127.0.0.1"
#define TO4 "127.0.0.2"
#define MARKER "127.0.0.3" /* what comes there tells that all before it has come */
#define MARKER_PORT 9
#define FROM6 "fd00::1"
#define TO6 "fd00::2"
#define PACKETS 5000

static int raw4, raw6, tap, marker;
static struct sockaddr_storage to4, to6;

/* One CPU: what loopback carries keeps its order. */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((unsigned int)sched_getcpu(), &cpus);
	assert_int_equal(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

static int begin(void **state)
{
	int on = 1;

	(void)state;
	stay_on_one_cpu();
	netns_sh("ip -6 addr add " FROM6 "/128 dev lo nodad");
	netns_sh("ip -6 addr add " TO6 "/128 dev lo nodad");
	netns_sh("echo 0 >/proc/sys/net/ipv4/icmp_ratemask");
	netns_sh("echo 0 >/proc/sys/net/ipv6/icmp/ratelimit");
	raw4 = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	raw6 = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	tap = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	marker = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(raw4 >= 0 && raw6 >= 0 && tap >= 0 && marker >= 0);
	assert_int_equal(setsockopt(raw6, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on)),
			 0);
	netns_address(&to4, TO4, 0);
	netns_address(&to6, TO6, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(raw4);
	close(raw6);
	close(tap);
	close(marker);
	return 0;
}

static void kernel_rejects(const char *what)
{
	netns_try("nft delete table inet kernel 2>/dev/null");
	netns_sh("nft -f - <<'end'\n"
		 "table inet kernel {\n"
		 "	chain input {\n"
		 "		type filter hook input priority 0;\n"
		 "		udp dport 9 accept\n"
		 "		%s\n"
		 "		drop\n"
		 "	}\n"
		 "}\n"
		 "end\n",
		 what);
}

static void seal_ipv4(uint8_t *data)
{
	uint16_t checksum;

	data[10] = data[11] = 0;
	checksum = nfqueue_checksum(data, (data[0] & 15u) * 4);
	data[10] = (uint8_t)(checksum >> 8);
	data[11] = (uint8_t)checksum;
}

/* The packet between our two addresses, with the checksum that it should have, or one bit
 * of it wrong. 0: nothing to compare. */
static size_t prepare(struct nfqueue_edit *edit, struct random_packet *random,
		      const uint8_t **data)
{
	const struct nfqueue_view *view;
	struct nfqueue_option header = {0};
	struct in6_addr from, to;
	int family;
	size_t length;

	if (random->data[0] >> 4 == 4)
		seal_ipv4(random->data);
	if (nfqueue_edit_begin(edit, random->data, random->length, random->length,
			       NFQUEUE_CHECKSUM_NOT_READY) < 0)
		return 0;
	view = nfqueue_edit_view(edit);
	while (nfqueue_view_ipv6_extension(view, &header) > 0)
		if (header.type != IPPROTO_DSTOPTS) /* others do not come so far */
			return 0;
	family = view->ip_version == 4 ? AF_INET : AF_INET6;
	length = family == AF_INET ? 4 : 16;
	inet_pton(family, family == AF_INET ? FROM4 : FROM6, &from);
	inet_pton(family, family == AF_INET ? TO4 : TO6, &to);
	nfqueue_edit_set_address(edit, NFQUEUE_FIELD_SOURCE, &from, length);
	nfqueue_edit_set_address(edit, NFQUEUE_FIELD_DESTINATION, &to, length);
	nfqueue_edit_set(edit, NFQUEUE_FIELD_TTL, 64);
	nfqueue_edit_set(edit, NFQUEUE_FIELD_IP_ID, 1); /* 0: the kernel sets one */
	if (nfqueue_edit_commit(edit) < 0)
		return 0;
	view = nfqueue_edit_view(edit);
	if (random_below(random, 8) == 0)
		nfqueue_edit_flip(edit,
				  view->transport_offset * 8 + random_below(random, 64));
	*data = nfqueue_edit_data(edit, &length);
	return length;
}

static int is_answer(const uint8_t *packet, const uint8_t *bytes, size_t length)
{
	if (packet[0] >> 4 == 4)
		return length >= 28 && bytes[0] >> 4 == 4 &&
		       !memcmp(bytes + 12, packet + 16, 4);
	return length >= 48 && bytes[0] >> 4 == 6 && !memcmp(bytes + 8, packet + 24, 16);
}

/* What the kernel sends back for the packet; 0: nothing. */
static int ask_kernel(const uint8_t *packet, size_t length, uint8_t *answer)
{
	struct sockaddr_storage end_of_it;
	struct sockaddr_ll from = {0};
	socklen_t size, end_size = netns_address(&end_of_it, MARKER, MARKER_PORT);
	uint8_t bytes[4096];
	ssize_t got, answer_length = 0;

	got = packet[0] >> 4 == 4
		      ? sendto(raw4, packet, length, 0, (struct sockaddr *)&to4,
			       sizeof(struct sockaddr_in))
		      : sendto(raw6, packet, length, 0, (struct sockaddr *)&to6,
			       sizeof(struct sockaddr_in6));
	assert_int_equal(got, length);
	sendto(marker, "end", 3, 0, (struct sockaddr *)&end_of_it, end_size);
	do {
		size = sizeof(from);
		got = recvfrom(tap, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
			       &size);
		assert_true(got > 0);
		if (from.sll_pkttype != PACKET_OUTGOING ||
		    !is_answer(packet, bytes, (size_t)got))
			continue;
		assert_int_equal(answer_length, 0);
		memcpy(answer, bytes, (size_t)got);
		answer_length = got;
	} while (from.sll_pkttype == PACKET_OUTGOING || got != 31 ||
		 memcmp(bytes + 28, "end", 3));
	return (int)answer_length;
}

/* Zeroes what may differ: id, DF, the ECN part of the TOS, flow label; and checksums that
 * the kernel leaves to the device. */
static void blur(uint8_t *packet)
{
	uint32_t transport = packet[0] >> 4 == 4 ? 20 : 40;

	if (transport == 20) {
		packet[1] &= 0xfc;
		memset(packet + 4, 0, 4);
		memset(packet + 10, 0, 2);
	} else {
		memset(packet + 1, 0, 3);
	}
	if (packet[transport == 20 ? 9 : 6] == IPPROTO_TCP)
		memset(packet + transport + 16, 0, 2);
}

static void print_bytes(const char *name, const uint8_t *bytes, int length)
{
	fprintf(stderr, "# %s:", name);
	for (int i = 0; i < length; i++)
		fprintf(stderr, "%02x", bytes[i]);
	fprintf(stderr, "\n");
}

/* 1 if the answers differ; *answered counts what both answered. */
static int differs(const uint8_t *packet, size_t length, enum nfqueue_reject how,
		   uint32_t *answered)
{
	uint8_t kernel[4096], ours[NFQUEUE_REJECT_MAX];
	int kernel_length = ask_kernel(packet, length, kernel), our_length;

	our_length = nfqueue_build_reject(packet, length, how, 0, ours, sizeof(ours));
	if (our_length < 0)
		our_length = 0;
	if (our_length && our_length == kernel_length) {
		blur(kernel);
		blur(ours);
		++*answered;
	}
	if (our_length == kernel_length && !memcmp(kernel, ours, (size_t)kernel_length))
		return 0;
	print_bytes("packet", packet, (int)length);
	print_bytes("kernel", kernel, kernel_length);
	print_bytes("ours", ours, our_length);
	return 1;
}

static void compare(const char *rule, const char *word)
{
	struct random_packet random = {.state = 51};
	uint32_t compared = 0, answered = 0;
	struct nfqueue_edit *edit;
	int different = 0;

	kernel_rejects(rule);
	assert_int_equal(nfqueue_edit_new(&edit), 0);
	for (int i = 0; i < PACKETS && different < 5; i++) {
		const uint8_t *packet;
		size_t length;

		random_packet_next(&random);
		length = prepare(edit, &random, &packet);
		if (!length)
			continue;
		compared++;
		different += differs(packet, length,
				     (enum nfqueue_reject)nfqueue_reject_find(word),
				     &answered);
	}
	nfqueue_edit_free(edit);
	assert_int_equal(different, 0);
	printf("# %s: %u packets, %u answered\n", word, compared, answered);
	assert_true(answered > 100 && compared - answered > 100);
}

static void resets_are_the_kernels(void **state)
{
	(void)state;
	compare("meta l4proto tcp reject with tcp reset", "tcp-reset");
}

static void unreachables_are_the_kernels(void **state)
{
	(void)state;
	compare("reject with icmpx type port-unreachable", "port-unreachable");
	compare("reject with icmpx type host-unreachable", "host-unreachable");
	compare("reject with icmpx type no-route", "no-route");
	compare("reject with icmpx type admin-prohibited", "admin-prohibited");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_are_the_kernels),
		cmocka_unit_test(unreachables_are_the_kernels),
	};

	netns_enter(0);
	return cmocka_run_group_tests_name("reject", tests, begin, end);
}
