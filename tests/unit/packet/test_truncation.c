/* SPDX-License-Identifier: MIT */
/* Every prefix of every packet, in a block of its exact size, through every function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "packets.h"
#include "random_packet.h"

static int is_documented(int ret)
{
	return ret == 0 || ret == -ENOENT || ret == -EBADMSG;
}

static int walk(const struct nfqueue_view *view,
		int (*next)(const struct nfqueue_view *, struct nfqueue_option *))
{
	struct nfqueue_option option = {0};
	int ret;

	while ((ret = next(view, &option)) > 0) {
		assert_true(option.length > 0);
		assert_true(option.offset + option.length <= view->length);
		assert_ptr_equal(option.data, view->data + option.offset);
	}
	return ret;
}

static void check_getters(const struct nfqueue_view *view)
{
	struct nfqueue_ipv4 ipv4;
	struct nfqueue_ipv6 ipv6;
	struct nfqueue_tcp tcp;
	struct nfqueue_udp udp;
	struct nfqueue_icmp icmp;
	struct nfqueue_flow flow;

	assert_true(is_documented(nfqueue_view_ipv4(view, &ipv4)));
	assert_true(is_documented(nfqueue_view_ipv6(view, &ipv6)));
	assert_true(is_documented(nfqueue_view_tcp(view, &tcp)));
	assert_true(is_documented(nfqueue_view_udp(view, &udp)));
	assert_true(is_documented(nfqueue_view_icmp(view, &icmp)));
	assert_true(is_documented(nfqueue_view_icmpv6(view, &icmp)));
	assert_true(is_documented(nfqueue_view_flow(view, &flow)));
	assert_true(is_documented(walk(view, nfqueue_view_ipv4_option)));
	assert_true(is_documented(walk(view, nfqueue_view_ipv6_extension)));
	assert_true(is_documented(walk(view, nfqueue_view_tcp_option)));
}

static void check_bytes(const uint8_t *data, uint32_t length)
{
	struct nfqueue_view view;
	char text[1024];
	const uint8_t *payload;
	uint32_t size;
	int ret = nfqueue_view_parse(&view, data, length);

	assert_true(ret == 0 || ret == -EBADMSG);
	assert_true(view.length <= length);
	assert_true(view.total_length >= view.length);
	assert_true(view.transport_offset <= view.payload_offset);
	assert_true(view.payload_offset <= view.length);
	assert_int_equal(!!(view.flags & NFQUEUE_VIEW_TRUNCATED),
			 view.total_length > view.length);
	check_getters(&view);
	payload = nfqueue_view_payload(&view, &size);
	assert_true(payload ? payload + size <= data + view.length : size == 0);
	ret = nfqueue_view_text(&view, text, sizeof(text));
	assert_true(ret > 0 && strlen(text) <= (size_t)ret);
}

static void check_prefixes(const uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i <= length; i++) {
		uint8_t *exact = malloc(i);

		memcpy(exact, data, i);
		check_bytes(exact, i);
		free(exact);
	}
}

static void prefixes_of_the_table_are_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKET_CASES; i++) {
		uint32_t length;
		uint8_t *bytes = from_hex(packet_cases[i].hex, &length);

		check_prefixes(bytes, length);
		free(bytes);
	}
}

static void prefixes_of_random_packets_are_safe(void **state)
{
	struct random_packet packet = {.state = 3};

	(void)state;
	for (int i = 0; i < 200; i++) {
		random_packet_next(&packet);
		check_prefixes(packet.data, packet.length);
		packet.broken = 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_of_the_table_are_safe),
		cmocka_unit_test(prefixes_of_random_packets_are_safe),
	};

	return cmocka_run_group_tests_name("truncation", tests, NULL, NULL);
}
