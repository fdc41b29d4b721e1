/* SPDX-License-Identifier: MIT */
/* The life of an edit, changes of payload and size, and what is refused. */
#include <nfqueue/packet.h>

#include "edit_case.h"
#include "packet/editor.h"

/* --- life ------------------------------------------------------------------------- */

static void nothing_is_copied_before_a_change(void **state)
{
	struct edit_case test;
	size_t length;

	(void)state;
	begin(&test, TCP4);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 64), 0);
	assert_int_equal(nfqueue_edit_replace(test.edit, 1, 3, "ell", 3), 0);
	assert_int_equal(nfqueue_edit_replace(test.edit, 5, 0, NULL, 0), 0);
	assert_int_equal(nfqueue_edit_replace_all(test.edit, "l", 1, "l", 1), 2);
	assert_int_equal(nfqueue_edit_write(test.edit, 0, test.bytes, test.length), 0);
	assert_int_equal(nfqueue_edit_commit(test.edit), 0);
	assert_int_equal(nfqueue_edit_is_changed(test.edit), 0);
	assert_ptr_equal(nfqueue_edit_data(test.edit, &length), test.bytes);
	assert_ptr_equal(nfqueue_edit_view(test.edit)->data, test.bytes);
	assert_string_equal(nfqueue_edit_error(test.edit), "");
	end(&test);
}

static void what_was_given_is_never_written_to(void **state)
{
	struct edit_case test;
	uint8_t *copy;

	(void)state;
	begin(&test, UDP4);
	copy = malloc(test.length);
	assert_non_null(copy);
	memcpy(copy, test.bytes, test.length);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 1), 0);
	assert_int_equal(nfqueue_edit_set_payload(test.edit, "other", 5), 0);
	commit(&test);
	assert_int_equal(nfqueue_edit_is_changed(test.edit), 1);
	assert_memory_equal(test.bytes, copy, test.length);
	free(copy);
	end(&test);
}

static void begin_again(struct edit_case *test)
{
	int ret = nfqueue_edit_begin(test->edit, test->bytes, test->length, test->length,
				     0);

	assert_int_equal(ret, 0);
}

static void a_begin_forgets(void **state)
{
	struct edit_case test;
	size_t length;

	(void)state;
	begin(&test, UDP4);
	assert_int_equal(nfqueue_edit_set_payload(test.edit, "x", 1), 0);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 256), -ERANGE);
	begin_again(&test);
	assert_string_equal(nfqueue_edit_error(test.edit), "");
	assert_int_equal(nfqueue_edit_is_changed(test.edit), 0);
	assert_ptr_equal(nfqueue_edit_data(test.edit, &length), test.bytes);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 9), 0);
	commit(&test);
	assert_packet(&test, "45000021 00010000 09110000" IPV4_ENDS
			     "13881770 000d0000 68656c6c6f");
	end(&test);
}

static void without_a_packet_there_is_nothing_to_change(void **state)
{
	struct nfqueue_edit *edit;
	size_t length;

	(void)state;
	nfqueue_edit_free(NULL);
	assert_int_equal(nfqueue_edit_new(&edit), 0);
	assert_int_equal(nfqueue_edit_set(edit, NFQUEUE_FIELD_TTL, 1), -EINVAL);
	assert_int_equal(nfqueue_edit_set_address(edit, 0, "abcd", 4), -EINVAL);
	assert_int_equal(nfqueue_edit_set_payload(edit, "x", 1), -EINVAL);
	assert_int_equal(nfqueue_edit_replace_all(edit, "x", 1, "y", 1), -EINVAL);
	assert_int_equal(nfqueue_edit_write(edit, 0, "x", 1), -EINVAL);
	assert_int_equal(nfqueue_edit_flip(edit, 0), -EINVAL);
	assert_int_equal(nfqueue_edit_set_tcp_option(edit, 4, NULL, 0), -EINVAL);
	assert_int_equal(nfqueue_edit_remove_tcp_option(edit, 4), -EINVAL);
	assert_int_equal(nfqueue_edit_commit(edit), -EINVAL);
	assert_int_equal(nfqueue_edit_is_changed(edit), 0);
	assert_null(nfqueue_edit_data(edit, &length));
	assert_int_equal(length, 0);
	nfqueue_edit_free(edit);
}

static void large_memory_is_not_kept(void **state)
{
	static const uint8_t filler[20000];
	struct edit_case test;
	size_t capacity;

	(void)state;
	begin(&test, UDP4);
	assert_int_equal(nfqueue_edit_set_payload(test.edit, filler, 1400), 0);
	capacity = test.edit->capacity;
	edit_reset(test.edit);
	assert_int_equal(test.edit->capacity, capacity);
	begin_again(&test);
	assert_int_equal(nfqueue_edit_set_payload(test.edit, filler, 20000), 0);
	edit_reset(test.edit);
	assert_int_equal(test.edit->capacity, 0);
	assert_null(test.edit->memory);
	end(&test);
}

/* --- packets that cannot be changed ----------------------------------------------- */

struct refused_case {
	const char *name;
	const char *hex;
	uint32_t more; /* bytes that the packet has and that are not here */
	uint32_t skb_info;
	int ret;
};

/* clang-format off */
static const struct refused_case refused_cases[] = {
	{"cut by the copy range", UDP4, 1, 0, -EMSGSIZE},
	{"nothing copied at all", "", 40, 0, -EMSGSIZE},
	{"no bytes", "", 0, 0, -EBADMSG},
	{"ARP", "0001080006040001", 0, 0, -EBADMSG},
	{"half an IPv6 header", "6000000000000640", 0, 0, -EBADMSG},
	{"shorter than it tells", "45000021 00010000 40110000" IPV4_ENDS "13881770", 0, 0,
	 -EBADMSG},
	{"no IPv4 length", "45000000 00010000 40110000" IPV4_ENDS "13881770", 0, 0,
	 -EBADMSG},
	{"no IPv6 length", "60000000 00001140" IPV6_ENDS "13881770", 0, 0, -EBADMSG},
	{"not ready, of a protocol that is not known", ESP6, 0, 1, -EOPNOTSUPP},
	{"not ready, a fragment", FIRST4, 0, 1, -EOPNOTSUPP},
	{"not ready, no header", "45000016 00010000 40060000" IPV4_ENDS "0102", 0, 1,
	 -EOPNOTSUPP},
};
/* clang-format on */

static void refuses_all(const struct refused_case *wanted)
{
	struct edit_case test;
	int ret;

	test.bytes = from_hex(wanted->hex, &test.length);
	assert_int_equal(nfqueue_edit_new(&test.edit), 0);
	ret = nfqueue_edit_begin(test.edit, test.bytes, test.length,
				 test.length + wanted->more, wanted->skb_info);
	if (ret != wanted->ret)
		fail_msg("%s: %d", wanted->name, ret);
	assert_refused(&test, ret, wanted->ret);
	assert_refused(&test, nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 1), ret);
	assert_refused(&test, nfqueue_edit_set_payload(test.edit, "x", 1), ret);
	assert_refused(&test, nfqueue_edit_write(test.edit, 1, "x", 1), ret);
	assert_refused(&test, nfqueue_edit_flip(test.edit, 64), ret);
	assert_refused(&test, nfqueue_edit_commit(test.edit), ret);
	end(&test);
}

static void some_packets_cannot_be_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused_cases) / sizeof(refused_cases[0]); i++)
		refuses_all(&refused_cases[i]);
}

static void an_ipv6_header_alone_can(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test, "60000000 00003b40" IPV6_ENDS);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 3), 0);
	commit(&test);
	assert_packet(&test, "60000000 00003b03" IPV6_ENDS);
	end(&test);
}

/* --- payload ---------------------------------------------------------------------- */

struct payload_case {
	const char *name;
	const char *hex;
	size_t offset;
	size_t remove;
	const char *bytes;
	const char *wanted;
};

/* clang-format off */
static const struct payload_case payload_cases[] = {
	{"an even number more", TCP4, 5, 0, "!!",
	 "4500002f 1c464000 40060000" IPV4_ENDS TCP_HEADER "68656c6c6f2121"},
	{"an odd number more, in front", TCP4, 0, 0, "a",
	 "4500002e 1c464000 40060000" IPV4_ENDS TCP_HEADER "6168656c6c6f"},
	{"an odd number fewer, within", TCP6, 1, 3, "",
	 "60012345 00160640" IPV6_ENDS TCP_HEADER "686f"},
	{"the same number, at an odd place", TCP6, 1, 2, "EL",
	 "60012345 00190640" IPV6_ENDS TCP_HEADER "68454c6c6f"},
	{"none left", TCP4, 0, 5, "", "45000028 1c464000 40060000" IPV4_ENDS TCP_HEADER},
	{"UDP", UDP4, 0, 5, "hey",
	 "4500001f 00010000 40110000" IPV4_ENDS "13881770 000b0000 686579"},
	{"UDP, IPv6", UDP6, 2, 1, "LL",
	 "60000000 000e1140" IPV6_ENDS "13881770 000e0000 68654c4c6c6f"},
	{"UDP, none left", UDP6, 0, 5, "",
	 "60000000 00081140" IPV6_ENDS "13881770 00080000"},
	{"behind IPv4 options", OPTIONS4, 5, 0, "!",
	 "46000026 00010000 40110000" IPV4_ENDS "94040000 13881770 000e0000 "
	 "68656c6c6f21"},
	{"behind every extension header", CHAIN6, 0, 4, "",
	 "60000000 00390040" IPV6_ENDS "2b00000000000000 2c00000000000000 "
	 "3300000000000007 3c02000000000001 0000000200000003 1100000000000000 13881770 "
	 "00090000 6f"},
	{"ICMP", ECHO4, 0, 1, "", "45000020 00010000 40010000" IPV4_ENDS
	 "08000000 12340001 656c6c6f"},
	{"ICMPv6, behind its four bytes", ECHO6, 4, 5, "abc",
	 "60000000 000b3a40" IPV6_ENDS "80000000 12340001 616263"},
	{"behind the way", ROUTED6, 5, 0, "!",
	 "60000000 00262b40" IPV6_ENDS "11020001 00000000 "
	 "20010db8000000000000000000000009 13881770 000e0000 68656c6c6f21"},
	{"a first fragment, in place", FIRST4, 0, 4, "HELL",
	 "45000020 00012000 40110000" IPV4_ENDS "13881770 00200000 48454c4c"},
	{"what stands behind a UDP datagram moves",
	 "45000021 00010000 40110000" IPV4_ENDS "13881770 000a0000 6865 746f6f", 1, 1,
	 "ello",
	 "45000024 00010000 40110000" IPV4_ENDS "13881770 000d0000 68656c6c6f 746f6f"},
};
/* clang-format on */

static void replace_one(const struct payload_case *wanted, uint32_t skb_info)
{
	struct edit_case test;
	int ret;

	begin_with(&test, wanted->hex, skb_info);
	ret = nfqueue_edit_replace(test.edit, wanted->offset, wanted->remove,
				   wanted->bytes, strlen(wanted->bytes));
	if (ret)
		fail_msg("%s: %d", wanted->name, ret);
	commit(&test);
	assert_packet(&test, wanted->wanted);
	end(&test);
}

static void payload_changes_and_lengths_follow(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(payload_cases) / sizeof(payload_cases[0]); i++)
		replace_one(&payload_cases[i], 0);
}

static void the_view_is_right_before_the_commit(void **state)
{
	const struct nfqueue_view *view;
	struct edit_case test;
	struct nfqueue_udp udp;
	uint32_t length;

	(void)state;
	begin(&test, UDP4);
	assert_int_equal(nfqueue_edit_insert(test.edit, 5, " world", 6), 0);
	view = nfqueue_edit_view(test.edit);
	assert_int_equal(view->length, 39);
	assert_int_equal(view->total_length, 39);
	assert_int_equal(view->flags, 0);
	assert_memory_equal(nfqueue_view_payload(view, &length), "hello world", 11);
	assert_int_equal(length, 11);
	assert_int_equal(nfqueue_view_udp(view, &udp), 0);
	assert_int_equal(udp.length, 19);
	assert_int_equal(nfqueue_edit_remove(test.edit, 0, 6), 0);
	assert_memory_equal(nfqueue_view_payload(view, &length), "world", 5);
	end(&test);
}

static void padding_behind_the_packet_is_cut_off(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test, UDP4 "000000000000000000");
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 9), 0);
	commit(&test);
	assert_packet(&test, "45000021 00010000 09110000" IPV4_ENDS
			     "13881770 000d0000 68656c6c6f");
	end(&test);
}

/* ASan sees it if they are not there. */
static void three_zero_bytes_stand_behind(void **state)
{
	struct edit_case test;
	uint8_t large[2021];
	size_t length;
	const uint8_t *data;

	(void)state;
	memset(large, 0xff, sizeof(large));
	begin(&test, UDP4);
	for (size_t size = sizeof(large); size > 0; size -= 43) {
		assert_int_equal(nfqueue_edit_set_payload(test.edit, large, size), 0);
		data = nfqueue_edit_data(test.edit, &length);
		assert_int_equal(length, 28 + size);
		assert_int_equal(data[length - 1], 0xff);
		assert_int_equal(data[length] | data[length + 1] | data[length + 2], 0);
	}
	end(&test);
}

static void places_outside_are_refused(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test, UDP4);
	assert_refused(&test, nfqueue_edit_insert(test.edit, 6, "x", 1), -ERANGE);
	assert_refused(&test, nfqueue_edit_remove(test.edit, 5, 1), -ERANGE);
	assert_refused(&test, nfqueue_edit_remove(test.edit, 1, SIZE_MAX), -ERANGE);
	assert_refused(&test, nfqueue_edit_insert(test.edit, SIZE_MAX, "x", 1), -ERANGE);
	assert_refused(&test, nfqueue_edit_insert(test.edit, 0, NULL, 1), -EINVAL);
	assert_refused(&test, nfqueue_edit_insert(test.edit, 0, "x", SIZE_MAX),
		       -EMSGSIZE);
	end(&test);
}

static void its_own_bytes_are_refused(void **state)
{
	struct edit_case test;
	uint32_t length;

	(void)state;
	begin(&test, UDP4);
	assert_int_equal(
		nfqueue_edit_insert(
			test.edit, 0,
			nfqueue_view_payload(nfqueue_edit_view(test.edit), &length), 5),
		0);
	assert_int_equal(
		nfqueue_edit_insert(
			test.edit, 0,
			nfqueue_view_payload(nfqueue_edit_view(test.edit), &length), 5),
		-EINVAL);
	commit(&test);
	assert_packet(&test, "45000026 00010000 40110000" IPV4_ENDS
			     "13881770 00120000 68656c6c6f68656c6c6f");
	end(&test);
}

static void fragments_keep_their_size(void **state)
{
	const char *fragments[] = {FIRST4, FIRST6};
	const char *later[] = {LATER4, LATER6};
	struct edit_case test;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&test, fragments[i]);
		assert_refused(&test, nfqueue_edit_insert(test.edit, 0, "x", 1),
			       -EOPNOTSUPP);
		assert_refused(&test, nfqueue_edit_replace_all(test.edit, "l", 1, "", 0),
			       -EOPNOTSUPP);
		assert_int_equal(nfqueue_edit_replace_all(test.edit, "l", 1, "L", 1), 2);
		end(&test);
		begin(&test, later[i]);
		assert_refused(&test, nfqueue_edit_replace(test.edit, 0, 1, "x", 1),
			       -EOPNOTSUPP);
		assert_refused(&test, nfqueue_edit_replace_all(test.edit, "l", 1, "L", 1),
			       -EOPNOTSUPP);
		end(&test);
	}
}

static void other_protocols_keep_their_payload(void **state)
{
	const char *packets[] = {SCTP4, ESP6};
	struct edit_case test;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&test, packets[i]);
		assert_refused(&test, nfqueue_edit_set_payload(test.edit, "x", 1),
			       -EOPNOTSUPP);
		end(&test);
	}
}

static void a_length_that_lies_is_no_ground(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test,
	      "45000021 00010000 40110000" IPV4_ENDS "13881770 000e0000 68656c6c6f");
	assert_refused(&test, nfqueue_edit_set_payload(test.edit, "x", 1), -EBADMSG);
	end(&test);
	begin(&test,
	      "45000021 00010000 40110000" IPV4_ENDS "13881770 00070000 68656c6c6f");
	assert_refused(&test, nfqueue_edit_set_payload(test.edit, "x", 1), -EBADMSG);
	end(&test);
}

/* --- the largest packet ----------------------------------------------------------- */

static void grow_to_the_end(const char *hex, uint32_t header)
{
	static const uint8_t filler[65536];
	uint32_t room = 65535 - header;
	struct edit_case test;
	size_t length;

	begin(&test, hex);
	assert_refused(&test, nfqueue_edit_set_payload(test.edit, filler, room + 1),
		       -EMSGSIZE);
	assert_int_equal(nfqueue_edit_set_payload(test.edit, filler, room), 0);
	commit(&test);
	nfqueue_edit_data(test.edit, &length);
	assert_int_equal(length, 65535);
	assert_int_equal(nfqueue_edit_insert(test.edit, 0, "x", 1), -EMSGSIZE);
	assert_int_equal(nfqueue_edit_replace(test.edit, 0, 1, "xy", 2), -EMSGSIZE);
	assert_int_equal(nfqueue_edit_replace(test.edit, 0, 2, "xy", 2), 0);
	assert_int_equal(nfqueue_edit_replace_all(test.edit, "xy", 2, "xyz", 3),
			 -EMSGSIZE);
	commit(&test);
	nfqueue_edit_data(test.edit, &length);
	assert_int_equal(length, 65535);
	end(&test);
}

static void a_packet_grows_to_65535_bytes(void **state)
{
	(void)state;
	grow_to_the_end(TCP4, 40);
	grow_to_the_end(TCP6, 60);
	grow_to_the_end(UDP4, 28);
	grow_to_the_end(UDP6, 48);
	grow_to_the_end(ECHO4, 28);
	grow_to_the_end(ECHO6, 44);
}

static void tcp_options_grow_to_65535_bytes(void **state)
{
	static const uint8_t filler[65536];
	struct edit_case test;

	(void)state;
	begin(&test, TCP4);
	assert_int_equal(nfqueue_edit_set_payload(test.edit, filler, 65491), 0);
	assert_int_equal(nfqueue_edit_set_tcp_option(test.edit, 30, "abc", 3), -EMSGSIZE);
	assert_int_equal(nfqueue_edit_set_tcp_option(test.edit, 30, "ab", 2), 0);
	commit(&test);
	end(&test);
}

/* --- every occurrence ------------------------------------------------------------- */

struct all_case {
	const char *payload;
	const char *from;
	const char *to;
	const char *wanted;
	int count;
};

static const struct all_case all_cases[] = {
	{"a cat, a cat", "cat", "horse", "a horse, a horse", 2},
	{"a cat, a cat", "cat", "", "a , a ", 2},
	{"a cat, a cat", "dog", "cat", "a cat, a cat", 0},
	{"aaaaa", "aa", "b", "bba", 2},
	{"aaaa", "a", "aa", "aaaaaaaa", 4},
	{"cat", "cat", "", "", 1},
	{"cat", "catalogue", "x", "cat", 0},
	{"catcatcat", "cat", "dog", "dogdogdog", 3},
	{"", "a", "b", "", 0},
	{"xcatcat", "catcat", "catcatcat", "xcatcatcat", 1},
};

static void all_are_replaced(void **state)
{
	struct edit_case test;
	uint32_t length;
	const uint8_t *payload;

	(void)state;
	for (size_t i = 0; i < sizeof(all_cases) / sizeof(all_cases[0]); i++) {
		const struct all_case *wanted = &all_cases[i];

		begin(&test, UDP4);
		assert_int_equal(nfqueue_edit_set_payload(test.edit, wanted->payload,
							  strlen(wanted->payload)),
				 0);
		assert_int_equal(nfqueue_edit_replace_all(test.edit, wanted->from,
							  strlen(wanted->from),
							  wanted->to, strlen(wanted->to)),
				 wanted->count);
		commit(&test);
		payload = nfqueue_view_payload(nfqueue_edit_view(test.edit), &length);
		assert_int_equal(length, strlen(wanted->wanted));
		assert_memory_equal(payload, wanted->wanted, length);
		end(&test);
	}
}

static void nothing_is_not_looked_for(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test, UDP4);
	assert_refused(&test, nfqueue_edit_replace_all(test.edit, "", 0, "x", 1),
		       -EINVAL);
	assert_refused(&test, nfqueue_edit_replace_all(test.edit, NULL, 1, "x", 1),
		       -EINVAL);
	assert_refused(&test, nfqueue_edit_replace_all(test.edit, "l", 1, NULL, 1),
		       -EINVAL);
	assert_refused(&test, nfqueue_edit_replace_all(test.edit, "l", 1, "x", SIZE_MAX),
		       -EMSGSIZE);
	end(&test);
}

/* --- checksums -------------------------------------------------------------------- */

static void not_ready_is_made_in_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(payload_cases) / sizeof(payload_cases[0]); i++)
		if (!strstr(payload_cases[i].name, "fragment"))
			replace_one(&payload_cases[i], 1);
}

static void not_ready_is_made_for_any_change(void **state)
{
	struct edit_case test;
	struct reference reference;

	(void)state;
	begin_with(&test, TCP4, 1);
	assert_int_equal(reference_read(test.bytes, test.length, &reference), 0);
	test.bytes[reference.checksum] ^= 0x55;
	assert_int_equal(nfqueue_edit_commit(test.edit), 0);
	assert_int_equal(nfqueue_edit_is_changed(test.edit), 0);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 9), 0);
	commit(&test);
	/* and is ready then: what is wrong now stays wrong */
	assert_int_equal(nfqueue_edit_flip(test.edit, 8 * 42), 0);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_SOURCE_PORT, 7), 0);
	assert_int_equal(nfqueue_edit_commit(test.edit), 0);
	assert_int_not_equal(reference_transport_rest(now(&test, &reference), &reference),
			     0);
	end(&test);
}

/* RFC 9260 appendix A, bit by bit. */
static uint32_t slow_crc32c(const uint8_t *data, uint32_t length)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < 8 * length; i++) {
		uint32_t bit = (data[i / 8] >> i % 8 ^ crc) & 1;

		crc = crc >> 1 ^ (bit ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void not_ready_sctp_is_made_too(void **state)
{
	struct edit_case test;
	struct reference reference;
	const uint8_t *data;
	uint8_t bytes[16] = {0};
	uint32_t crc;

	(void)state;
	assert_int_equal(slow_crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
	begin_with(&test, SCTP4, 1);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 9), 0);
	commit(&test);
	data = now(&test, &reference) + 20;
	memcpy(bytes, data, 16);
	memset(bytes + 8, 0, 4);
	crc = slow_crc32c(bytes, 16);
	for (int i = 0; i < 4; i++)
		assert_int_equal(data[8 + i], crc >> 8 * i & 0xff);
	end(&test);
}

static void a_udp_checksum_of_none_stays_none(void **state)
{
	const char *packets[] = {UDP4, UDP6};
	struct edit_case test;
	struct reference reference;
	const uint8_t *data;

	(void)state;
	for (int i = 0; i < 2; i++) {
		test.bytes = from_hex(packets[i], &test.length);
		begin_bytes(&test, 0);
		assert_int_equal(nfqueue_edit_set_payload(test.edit, "abc", 3), 0);
		assert_int_equal(
			nfqueue_edit_set(test.edit, NFQUEUE_FIELD_SOURCE_PORT, 9), 0);
		assert_int_equal(nfqueue_edit_commit(test.edit), 0);
		data = now(&test, &reference);
		assert_int_equal(data[reference.checksum] | data[reference.checksum + 1],
				 0);
		end(&test);
	}
}

/* Of all values of two bytes, one gives a sum of 0: it is sent as 0xffff. */
static void a_computed_udp_checksum_is_never_0(void **state)
{
	struct edit_case test;
	struct reference reference;
	const uint8_t *data;
	uint32_t seen = 0;

	(void)state;
	for (uint32_t skb_info = 0; skb_info < 2; skb_info++) {
		begin_with(&test, UDP4, skb_info);
		for (uint32_t port = 0; port < 65536; port++) {
			assert_int_equal(nfqueue_edit_set(test.edit,
							  NFQUEUE_FIELD_SOURCE_PORT,
							  port),
					 0);
			assert_int_equal(nfqueue_edit_commit(test.edit), 0);
			data = now(&test, &reference) + reference.checksum;
			assert_int_not_equal(data[0] | data[1], 0);
			seen += data[0] == 0xff && data[1] == 0xff;
		}
		end(&test);
	}
	assert_int_equal(seen, 2);
}

static void what_was_wrong_stays_wrong(void **state)
{
	const char *packets[] = {TCP4, TCP6, UDP4, UDP6, ECHO4, ECHO6, CHAIN6, ROUTED6};
	struct edit_case test;
	struct reference reference;
	const uint8_t *data;

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		begin(&test, packets[i]);
		assert_int_equal(reference_read(test.bytes, test.length, &reference), 0);
		test.bytes[reference.checksum] ^= 0x10;
		test.bytes[reference.ip_version == 4 ? 10 : reference.checksum + 1] ^= 1;
		assert_int_equal(nfqueue_edit_set_payload(test.edit, "abc defg", 8), 0);
		assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 3), 0);
		assert_int_equal(nfqueue_edit_commit(test.edit), 0);
		data = now(&test, &reference);
		assert_int_not_equal(reference_transport_rest(data, &reference), 0);
		if (reference.ip_version == 4)
			assert_int_not_equal(reference_header_rest(data), 0);
		end(&test);
	}
}

/* 0xffff is 0 too, and right if 0 is. What covers no change keeps its very bits. */
static void a_checksum_that_covers_no_change_keeps_its_bits(void **state)
{
	struct edit_case test;
	size_t length;

	(void)state;
	begin(&test, TCP4);
	memset(test.bytes + 36, 0xff, 2);
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 9), 0);
	assert_int_equal(nfqueue_edit_commit(test.edit), 0);
	assert_memory_equal(nfqueue_edit_data(test.edit, &length) + 20, test.bytes + 20,
			    test.length - 20);
	end(&test);
}

/* --- GSO -------------------------------------------------------------------------- */

static void a_gso_packet_is_never_ready(void **state)
{
	struct edit_case test;

	(void)state;
	begin_with(&test, TCP4, NFQUEUE_GSO_PACKET);
	test.bytes[36] ^= 0x55;
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TCP_WINDOW, 9), 0);
	commit(&test);
	end(&test);
}

static void the_tcp_header_of_a_gso_packet_does_not_grow(void **state)
{
	struct edit_case test;

	(void)state;
	begin_with(&test, SYN4, NFQUEUE_GSO_PACKET);
	assert_refused(&test, nfqueue_edit_set_tcp_option(test.edit, 30, "abcd", 4),
		       -EMSGSIZE);
	assert_int_equal(nfqueue_edit_set_tcp_option(test.edit, 2, "\2\x18", 2), 0);
	commit(&test);
	end(&test);
}

/* No checksum of its is right at every hook of every kernel. */
static void a_udp_gso_packet_cannot_be_changed(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test, UDP4);
	assert_int_equal(nfqueue_edit_begin(test.edit, test.bytes, test.length,
					    test.length, NFQUEUE_GSO_PACKET),
			 -EOPNOTSUPP);
	assert_refused(&test, nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 1),
		       -EOPNOTSUPP);
	assert_refused(&test, nfqueue_edit_insert(test.edit, 0, "abc", 3), -EOPNOTSUPP);
	end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_copied_before_a_change),
		cmocka_unit_test(what_was_given_is_never_written_to),
		cmocka_unit_test(a_begin_forgets),
		cmocka_unit_test(large_memory_is_not_kept),
		cmocka_unit_test(without_a_packet_there_is_nothing_to_change),
		cmocka_unit_test(some_packets_cannot_be_changed),
		cmocka_unit_test(an_ipv6_header_alone_can),
		cmocka_unit_test(payload_changes_and_lengths_follow),
		cmocka_unit_test(the_view_is_right_before_the_commit),
		cmocka_unit_test(padding_behind_the_packet_is_cut_off),
		cmocka_unit_test(three_zero_bytes_stand_behind),
		cmocka_unit_test(places_outside_are_refused),
		cmocka_unit_test(its_own_bytes_are_refused),
		cmocka_unit_test(fragments_keep_their_size),
		cmocka_unit_test(other_protocols_keep_their_payload),
		cmocka_unit_test(a_length_that_lies_is_no_ground),
		cmocka_unit_test(a_packet_grows_to_65535_bytes),
		cmocka_unit_test(tcp_options_grow_to_65535_bytes),
		cmocka_unit_test(all_are_replaced),
		cmocka_unit_test(nothing_is_not_looked_for),
		cmocka_unit_test(not_ready_is_made_in_full),
		cmocka_unit_test(not_ready_is_made_for_any_change),
		cmocka_unit_test(not_ready_sctp_is_made_too),
		cmocka_unit_test(a_udp_checksum_of_none_stays_none),
		cmocka_unit_test(a_computed_udp_checksum_is_never_0),
		cmocka_unit_test(what_was_wrong_stays_wrong),
		cmocka_unit_test(a_checksum_that_covers_no_change_keeps_its_bits),
		cmocka_unit_test(a_gso_packet_is_never_ready),
		cmocka_unit_test(the_tcp_header_of_a_gso_packet_does_not_grow),
		cmocka_unit_test(a_udp_gso_packet_cannot_be_changed),
	};

	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
