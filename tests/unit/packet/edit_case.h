/* SPDX-License-Identifier: MIT */
/* Packets for edits, in hex and with right checksums, in blocks of their exact size. */
#ifndef NFQUEUE_TEST_EDIT_CASE_H
#define NFQUEUE_TEST_EDIT_CASE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <nfqueue/edit.h>

#include "hex.h"
#include "reference.h"

/* 10.0.0.1 > 10.0.0.2, 2001:db8::1 > 2001:db8::2 */
#define IPV4_ENDS "0a000001 0a000002"
#define IPV6_ENDS "20010db8000000000000000000000001 20010db8000000000000000000000002"

#define TCP_HEADER "04d20050 00000001 00000002 50180010 00000000"
#define TCP4 "4500002d 1c464000 40060000" IPV4_ENDS TCP_HEADER "68656c6c6f"
#define TCP6 "60012345 00190640" IPV6_ENDS TCP_HEADER "68656c6c6f"
/* MSS 1460, SACK permitted, timestamps, no-operation, window scale 7 */
#define SYN4                                                                       \
	"4500003c 1c464000 40060000" IPV4_ENDS                                     \
	"04d20050 00000001 00000000 a002faf0 00000000 020405b4 0402080a 00000001 " \
	"00000000 01030307"
#define UDP4 "45000021 00010000 40110000" IPV4_ENDS "13881770 000d0000 68656c6c6f"
#define UDP6 "60000000 000d1140" IPV6_ENDS "13881770 000d0000 68656c6c6f"
#define ECHO4 "45000021 00010000 40010000" IPV4_ENDS "08000000 12340001 68656c6c6f"
#define ECHO6 "60000000 000d3a40" IPV6_ENDS "80000000 12340001 68656c6c6f"
#define OPTIONS4                                                             \
	"46000025 00010000 40110000" IPV4_ENDS "94040000 13881770 000d0000 " \
	"68656c6c6f"
/* hop-by-hop, routing (no segments left), atomic fragment, AH, destination options */
#define CHAIN6                                                                 \
	"60000000 003d0040" IPV6_ENDS "2b00000000000000 2c00000000000000 "     \
	"3300000000000007 3c02000000000001 0000000200000003 1100000000000000 " \
	"13881770 000d0000 68656c6c6f"
#define ROUTED6                                            \
	"60000000 00252b40" IPV6_ENDS "11020001 00000000 " \
	"20010db8000000000000000000000009 13881770 000d0000 68656c6c6f"
#define FIRST4 "45000020 00012000 40110000" IPV4_ENDS "13881770 00200000 68656c6c"
#define LATER4 "45000020 00010001 40110000" IPV4_ENDS "6f20776f 726c6421 68656c6c"
#define FIRST6 \
	"60000000 00142c40" IPV6_ENDS "11000001 00000007 13881770 00200000 68656c6c"
#define LATER6 \
	"60000000 00142c40" IPV6_ENDS "11000009 00000007 6f20776f 726c6421 68656c6c"
#define SCTP4 "45000024 00010000 40840000" IPV4_ENDS "13881770 00000001 00000000 01000004"
#define ESP6 "60000000 00083240" IPV6_ENDS "00000001 00000002"

struct edit_case {
	uint8_t *bytes; /* what was given to the edit */
	uint32_t length;
	struct nfqueue_edit *edit;
};

static inline void begin_bytes(struct edit_case *test, uint32_t skb_info)
{
	assert_int_equal(nfqueue_edit_new(&test->edit), 0);
	assert_int_equal(nfqueue_edit_begin(test->edit, test->bytes, test->length,
					    test->length, skb_info),
			 0);
}

static inline void begin_with(struct edit_case *test, const char *hex, uint32_t skb_info)
{
	struct reference reference;

	test->bytes = from_hex(hex, &test->length);
	assert_int_equal(reference_read(test->bytes, test->length, &reference), 0);
	reference_finish(test->bytes, &reference);
	begin_bytes(test, skb_info);
}

static inline void begin(struct edit_case *test, const char *hex)
{
	begin_with(test, hex, 0);
}

/* For a table of cases: those that are refused (`wanted` NULL) need not make sense. */
static inline void begin_wanted(struct edit_case *test, const char *hex,
				const char *wanted)
{
	if (wanted) {
		begin(test, hex);
		return;
	}
	test->bytes = from_hex(hex, &test->length);
	begin_bytes(test, 0);
}

static inline void end(struct edit_case *test)
{
	nfqueue_edit_free(test->edit);
	free(test->bytes);
}

/* What reference_read() makes of the packet as it is now. */
static inline const uint8_t *now(const struct edit_case *test, struct reference *out)
{
	size_t length;
	const uint8_t *data = nfqueue_edit_data(test->edit, &length);

	assert_int_equal(reference_read(data, (uint32_t)length, out), 0);
	assert_int_equal(out->length, nfqueue_edit_view(test->edit)->length);
	return data;
}

/* Commits, and all that stands in the packet about itself is true. */
static inline void commit(struct edit_case *test)
{
	struct reference reference;
	const uint8_t *data;

	assert_int_equal(nfqueue_edit_commit(test->edit), 0);
	data = now(test, &reference);
	if (reference.ip_version == 4)
		assert_int_equal(reference_header_rest(data), 0);
	if (reference.checksum && !reference.is_fragment)
		assert_int_equal(reference_transport_rest(data, &reference), 0);
}

/* The packet is, byte for byte, the one in hex with its right checksums. */
static inline void assert_packet(const struct edit_case *test, const char *hex)
{
	struct reference reference;
	uint32_t wanted;
	uint8_t *bytes = from_hex(hex, &wanted);
	size_t length;
	const uint8_t *data = nfqueue_edit_data(test->edit, &length);

	assert_int_equal(reference_read(bytes, wanted, &reference), 0);
	reference_finish(bytes, &reference);
	assert_int_equal(length, wanted);
	assert_memory_equal(data, bytes, length);
	free(bytes);
}

/* A call that failed has said why, and the packet is still the one that was given. */
static inline void assert_refused(const struct edit_case *test, int ret, int wanted)
{
	size_t length;

	assert_int_equal(ret, wanted);
	assert_string_not_equal(nfqueue_edit_error(test->edit), "");
	assert_int_equal(nfqueue_edit_is_changed(test->edit), 0);
	assert_ptr_equal(nfqueue_edit_data(test->edit, &length), test->bytes);
	assert_int_equal(length, test->length);
}

static inline void assert_wanted(const struct edit_case *test, const char *wanted,
				 int ret, int wanted_ret)
{
	if (!wanted) {
		assert_refused(test, ret, wanted_ret);
		return;
	}
	assert_int_equal(nfqueue_edit_commit(test->edit), 0);
	assert_packet(test, wanted);
}

#endif
