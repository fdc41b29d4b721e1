/* SPDX-License-Identifier: MIT */
/*
 * The encoders against bytes written by hand, and against libmnl as an independent
 * reader.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "fixtures.h"
#include "helpers.h"

/* Netlink's own fields are in the machine's order, attributes' data is not. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define H16(value) (value) & 0xff, (value) >> 8
#define H32(value) H16((value)&0xffff), H16((uint32_t)(value) >> 16)
#else
#define H16(value) (value) >> 8, (value)&0xff
#define H32(value) H16((uint32_t)(value) >> 16), H16((value)&0xffff)
#endif

/* nlmsghdr and nfgenmsg: port id 0, AF_UNSPEC, version 0 */
#define HEAD(length, type, flags, sequence, queue)                                 \
	H32(length), H16(0x300 | (type)), H16(flags), H32(sequence), H32(0), 0, 0, \
		(queue) >> 8, (queue)&0xff

struct encoded {
	uint8_t data[1024];
	struct wire_writer writer;
};

static void check_bytes(const struct encoded *encoded, const uint8_t *expected,
			size_t length)
{
	assert_int_equal(encoded->writer.error, 0);
	assert_int_equal(encoded->writer.length, length);
	assert_memory_equal(encoded->data, expected, length);
}

static void begin(struct encoded *encoded)
{
	memset(encoded->data, 0xee, sizeof(encoded->data));
	wire_writer_init(&encoded->writer, encoded->data, sizeof(encoded->data));
}

static void a_minimal_verdict_has_32_bytes(void **state)
{
	static const uint8_t expected[32] = {HEAD(32, 1, 1, 0x01020304, 0x0102),
					     H16(12),
					     H16(2),
					     0,
					     0,
					     0,
					     1,
					     0xa1,
					     0xb2,
					     0xc3,
					     0xd4};
	const struct wire_verdict verdict = {
		.queue = 0x0102, .id = 0xa1b2c3d4, .code = 1};
	struct encoded encoded;

	begin(&encoded);
	wire_put_verdict(&encoded.writer, &verdict, 0x01020304);
	check_bytes(&encoded, expected, sizeof(expected));
}

static void a_verdict_with_a_mark_has_40_bytes(void **state)
{
	static const uint8_t expected[40] = {HEAD(40, 1, 1, 7, 0),
					     H16(12),
					     H16(2),
					     0,
					     5,
					     0x80,
					     3,
					     0,
					     0,
					     0,
					     9,
					     H16(8),
					     H16(3),
					     0xde,
					     0xad,
					     0xbe,
					     0xef};
	const struct wire_verdict verdict = {.id = 9,
					     .code = 5 << 16 | 0x8000 | 3,
					     .present = BIT(WIRE_MARK),
					     .mark = 0xdeadbeef};
	struct encoded encoded;

	begin(&encoded);
	wire_put_verdict(&encoded.writer, &verdict, 7);
	check_bytes(&encoded, expected, sizeof(expected));
}

static void a_range_verdict_sends_mark_and_priority_only(void **state)
{
	static const uint8_t expected[WIRE_VERDICT_PLAIN_MAX] = {HEAD(48, 3, 1, 8, 65535),
								 H16(12),
								 H16(2),
								 0,
								 0,
								 0,
								 0,
								 0,
								 0,
								 0,
								 9,
								 H16(8),
								 H16(3),
								 0,
								 0,
								 0,
								 2,
								 H16(8),
								 H16(21),
								 0,
								 0,
								 0,
								 3};
	const struct wire_verdict verdict = {.queue = 65535,
					     .id = 9,
					     .present = ~0u,
					     .mark = 2,
					     .priority = 3,
					     .payload = {expected, 4},
					     .ct_present = ~0u};
	struct encoded encoded;

	begin(&encoded);
	wire_put_range_verdict(&encoded.writer, &verdict, 8);
	check_bytes(&encoded, expected, sizeof(expected));
}

static void a_payload_comes_last_with_its_exact_length(void **state)
{
	static const uint8_t expected[] = {HEAD(52, 1, 1, 1, 1),
					   H16(12),
					   H16(2),
					   0,
					   0,
					   0,
					   1,
					   0,
					   0,
					   0,
					   2,
					   H16(8),
					   H16(3),
					   0,
					   0,
					   0,
					   4,
					   H16(9),
					   H16(10),
					   'h',
					   'e',
					   'l',
					   'l',
					   'o',
					   0,
					   0,
					   0};
	const struct wire_verdict verdict = {
		.queue = 1,
		.id = 2,
		.code = 1,
		.present = BIT(WIRE_PAYLOAD) | BIT(WIRE_MARK),
		.mark = 4,
		.payload = {(const uint8_t *)"hello", 5},
	};
	struct encoded encoded;

	begin(&encoded);
	wire_put_verdict(&encoded.writer, &verdict, 1);
	check_bytes(&encoded, expected, sizeof(expected));
}

static void a_removed_vlan_tag_is_all_zeros(void **state)
{
	static const uint8_t expected[] = {HEAD(52, 1, 1, 1, 1),
					   H16(12),
					   H16(2),
					   0,
					   0,
					   0,
					   1,
					   0,
					   0,
					   0,
					   2,
					   H16(20),
					   H16(0x8000 | 19),
					   H16(6),
					   H16(1),
					   0,
					   0,
					   0,
					   0,
					   H16(6),
					   H16(2),
					   0,
					   0,
					   0,
					   0};
	const struct wire_verdict verdict = {
		.queue = 1, .id = 2, .code = 1, .present = BIT(WIRE_VLAN), .vlan_tci = 5};
	struct encoded encoded;

	begin(&encoded);
	wire_put_verdict(&encoded.writer, &verdict, 1);
	check_bytes(&encoded, expected, sizeof(expected));
}

static void a_config_carries_bind_and_params_in_one_message(void **state)
{
	static const uint8_t expected[] = {HEAD(40, 2, 5, 3, 7),
					   H16(8),
					   H16(1),
					   1,
					   0,
					   0,
					   10,
					   H16(9),
					   H16(2),
					   0,
					   0,
					   0xff,
					   0xfb,
					   2,
					   0,
					   0,
					   0};
	const struct wire_config config = {.queue = 7,
					   .command = WIRE_CMD_BIND,
					   .family = 10,
					   .present = WIRE_CONFIG_HAS_PARAMS,
					   .copy_mode = WIRE_COPY_PACKET,
					   .copy_range = 65531};
	struct encoded encoded;

	begin(&encoded);
	wire_put_config(&encoded.writer, &config, 3, true);
	check_bytes(&encoded, expected, sizeof(expected));
}

static void flags_go_with_their_mask_and_max_length_alone(void **state)
{
	static const uint8_t expected[] = {HEAD(28, 2, 1, 3, 7),
					   H16(8),
					   H16(3),
					   0,
					   1,
					   0,
					   0,
					   HEAD(36, 2, 5, 4, 7),
					   H16(8),
					   H16(5),
					   0,
					   0,
					   0,
					   4,
					   H16(8),
					   H16(4),
					   0,
					   0,
					   0,
					   5};
	const struct wire_config length = {
		.queue = 7, .present = WIRE_CONFIG_HAS_MAXLEN, .max_length = 65536};
	const struct wire_config flags = {
		.queue = 7, .present = WIRE_CONFIG_HAS_FLAGS, .flags = 4, .mask = 5};
	struct encoded encoded;

	begin(&encoded);
	wire_put_config(&encoded.writer, &length, 3, false);
	wire_put_config(&encoded.writer, &flags, 4, true);
	check_bytes(&encoded, expected, sizeof(expected));
}

static void an_empty_config_is_a_header(void **state)
{
	static const uint8_t expected[] = {HEAD(20, 2, 1, 3, 7)};
	const struct wire_config config = {.queue = 7, .family = 2, .copy_range = 9};
	struct encoded encoded;

	begin(&encoded);
	wire_put_config(&encoded.writer, &config, 3, false);
	check_bytes(&encoded, expected, sizeof(expected));
}

/* ---- everything at once, read by libmnl ------------------------------------------ */

static const uint8_t labels[16] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t expect_attr[8] = {H16(8), H16(4), 0, 0, 0, 60};

static const struct wire_verdict everything = {
	.queue = 300,
	.id = 0xfffffffe,
	.code = 1,
	.present = BIT(WIRE_MARK) | BIT(WIRE_PRIORITY) | BIT(WIRE_PAYLOAD) |
		   BIT(WIRE_VLAN) | BIT(WIRE_L2HDR) | BIT(WIRE_CT) | BIT(WIRE_EXP),
	.mark = 0x11223344,
	.priority = 0x55667788,
	.vlan_protocol = 0x8100,
	.vlan_tci = 0x2005,
	.l2_header = {(const uint8_t *)"l2 header bytes", 14},
	.payload = {(const uint8_t *)"payload", 7},
	.expectation = {expect_attr, sizeof(expect_attr)},
	.ct_present = WIRE_CT_HAS_MARK | WIRE_CT_HAS_MARK_MASK | WIRE_CT_HAS_LABELS |
		      WIRE_CT_HAS_LABELS_MASK,
	.ct_mark = 0x99aabbcc,
	.ct_mark_mask = 0x0000ffff,
	.ct_labels = {labels, sizeof(labels)},
	.ct_labels_mask = {labels, 4},
};

static int collect(const struct nlattr *attr, void *data)
{
	const struct nlattr **table = data;
	uint16_t type = mnl_attr_get_type(attr);

	assert_in_range(type, 1, 31);
	assert_null(table[type]); /* none comes twice */
	table[type] = attr;
	return MNL_CB_OK;
}

static uint32_t read_u32(const struct nlattr *attr)
{
	assert_non_null(attr);
	assert_int_equal(mnl_attr_get_payload_len(attr), 4);
	return ntohl(mnl_attr_get_u32(attr));
}

static uint16_t read_u16(const struct nlattr *attr)
{
	assert_non_null(attr);
	assert_int_equal(mnl_attr_get_payload_len(attr), 2);
	return ntohs(mnl_attr_get_u16(attr));
}

static void check_blob(const struct nlattr *attr, struct wire_bytes expected)
{
	assert_non_null(attr);
	assert_int_equal(mnl_attr_get_payload_len(attr), expected.length);
	assert_memory_equal(mnl_attr_get_payload(attr), expected.data, expected.length);
}

static void check_nests(const struct nlattr **table)
{
	const struct nlattr *ct[32] = {NULL}, *vlan[32] = {NULL};

	assert_true(table[WIRE_CT]->nla_type & NLA_F_NESTED);
	assert_true(table[WIRE_VLAN]->nla_type & NLA_F_NESTED);
	assert_true(table[WIRE_EXP]->nla_type & NLA_F_NESTED);
	assert_int_equal(mnl_attr_parse_nested(table[WIRE_CT], collect, ct), MNL_CB_OK);
	assert_int_equal(read_u32(ct[CTA_MARK]), everything.ct_mark);
	assert_int_equal(read_u32(ct[CTA_MARK_MASK]), everything.ct_mark_mask);
	check_blob(ct[CTA_LABELS], everything.ct_labels);
	check_blob(ct[CTA_LABELS_MASK], everything.ct_labels_mask);
	assert_int_equal(mnl_attr_parse_nested(table[WIRE_VLAN], collect, vlan),
			 MNL_CB_OK);
	assert_int_equal(read_u16(vlan[1]), everything.vlan_protocol);
	assert_int_equal(read_u16(vlan[2]), everything.vlan_tci);
}

static void libmnl_reads_every_part_of_a_verdict(void **state)
{
	const struct nlattr *table[32] = {NULL};
	const struct nlmsghdr *message;
	const struct nfgenmsg *family;
	struct encoded encoded;
	const uint32_t *header;

	begin(&encoded);
	wire_put_verdict(&encoded.writer, &everything, 77);
	assert_int_equal(encoded.writer.error, 0);
	message = (const struct nlmsghdr *)encoded.data;
	assert_true(mnl_nlmsg_ok(message, (int)encoded.writer.length));
	assert_int_equal(message->nlmsg_len, encoded.writer.length);
	assert_int_equal(message->nlmsg_type, 0x301);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST);
	assert_int_equal(message->nlmsg_seq, 77);
	family = mnl_nlmsg_get_payload(message);
	assert_int_equal(ntohs(family->res_id), 300);
	assert_int_equal(mnl_attr_parse(message, sizeof(*family), collect, table),
			 MNL_CB_OK);
	assert_int_equal(mnl_attr_get_payload_len(table[WIRE_VERDICT_HDR]), 8);
	header = mnl_attr_get_payload(table[WIRE_VERDICT_HDR]);
	assert_int_equal(ntohl(header[0]), everything.code);
	assert_int_equal(ntohl(header[1]), everything.id);
	assert_int_equal(read_u32(table[WIRE_MARK]), everything.mark);
	assert_int_equal(read_u32(table[WIRE_PRIORITY]), everything.priority);
	check_blob(table[WIRE_L2HDR], everything.l2_header);
	check_blob(table[WIRE_EXP], everything.expectation);
	check_blob(table[WIRE_PAYLOAD], everything.payload);
	check_nests(table);
	/* the payload is the last, the message ends with its padding */
	assert_ptr_equal(mnl_attr_next(table[WIRE_PAYLOAD]),
			 encoded.data + encoded.writer.length);
}

static void each_part_is_sent_only_if_present(void **state)
{
	struct encoded encoded;

	for (unsigned int type = 1; type < 32; type++) {
		const struct nlattr *table[32] = {NULL};
		struct wire_verdict verdict = everything;
		bool known = everything.present & BIT(type);

		verdict.present = BIT(type);
		begin(&encoded);
		wire_put_verdict(&encoded.writer, &verdict, 1);
		mnl_attr_parse((struct nlmsghdr *)encoded.data, 4, collect, table);
		for (unsigned int i = 0; i < 32; i++)
			assert_int_equal(table[i] != NULL,
					 i == WIRE_VERDICT_HDR || (known && i == type));
	}
}

static void each_conntrack_part_is_sent_only_if_present(void **state)
{
	static const uint16_t types[4] = {CTA_MARK, CTA_MARK_MASK, CTA_LABELS,
					  CTA_LABELS_MASK};
	struct encoded encoded;

	for (unsigned int present = 0; present < 16; present++) {
		const struct nlattr *table[32] = {NULL}, *ct[32] = {NULL};
		struct wire_verdict verdict = everything;

		verdict.present = BIT(WIRE_CT);
		verdict.ct_present = present;
		begin(&encoded);
		wire_put_verdict(&encoded.writer, &verdict, 1);
		mnl_attr_parse((struct nlmsghdr *)encoded.data, 4, collect, table);
		mnl_attr_parse_nested(table[WIRE_CT], collect, ct);
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(ct[types[i]] != NULL, present >> i & 1);
	}
}

/* ---- what does not fit ------------------------------------------------------------ */

static void a_message_that_does_not_fit_is_taken_back(void **state)
{
	struct encoded whole;
	const struct wire_verdict first = {.id = 1};

	begin(&whole);
	wire_put_verdict(&whole.writer, &first, 1);
	wire_put_verdict(&whole.writer, &everything, 2);
	for (size_t size = 0; size <= whole.writer.length; size++) {
		size_t kept = size < 32 ? 0 : size < whole.writer.length ? 32 : size;
		uint8_t *data = malloc(size ? size : 1); /* ASan guards its end */
		struct wire_writer writer;

		assert_non_null(data);
		wire_writer_init(&writer, data, size);
		wire_put_verdict(&writer, &first, 1);
		wire_put_verdict(&writer, &everything, 2);
		assert_int_equal(writer.error,
				 size < whole.writer.length ? -EMSGSIZE : 0);
		assert_int_equal(writer.length, kept);
		if (kept)
			assert_memory_equal(data, whole.data, kept);
		free(data);
	}
}

static void a_config_that_does_not_fit_is_taken_back(void **state)
{
	const struct wire_config config = {.command = WIRE_CMD_BIND,
					   .present = WIRE_CONFIG_HAS_PARAMS |
						      WIRE_CONFIG_HAS_MAXLEN |
						      WIRE_CONFIG_HAS_FLAGS};
	const size_t need = 20 + 8 + 12 + 8 + 8 + 8;

	for (size_t size = 0; size <= need; size++) {
		uint8_t *data = malloc(size ? size : 1);
		struct wire_writer writer;

		assert_non_null(data);
		wire_writer_init(&writer, data, size);
		wire_put_config(&writer, &config, 1, true);
		assert_int_equal(writer.error, size < need ? -EMSGSIZE : 0);
		assert_int_equal(writer.length, size < need ? 0 : need);
		free(data);
	}
}

static void after_an_error_nothing_is_written(void **state)
{
	const struct wire_config config = {.queue = 1};
	struct wire_verdict large = {.present = BIT(WIRE_PAYLOAD)};
	struct encoded encoded;
	uint8_t before[sizeof(encoded.data)];
	static uint8_t payload[1024];

	begin(&encoded);
	wire_put_config(&encoded.writer, &config, 1, false);
	large.payload = (struct wire_bytes){payload, sizeof(payload)};
	wire_put_verdict(&encoded.writer, &large, 2);
	memcpy(before, encoded.data, sizeof(before));
	wire_put_verdict(&encoded.writer, &everything, 3);
	wire_put_range_verdict(&encoded.writer, &everything, 4);
	wire_put_config(&encoded.writer, &config, 5, false);
	assert_int_equal(encoded.writer.error, -EMSGSIZE);
	assert_int_equal(encoded.writer.length, 20);
	assert_memory_equal(encoded.data, before, sizeof(before));
}

/* The length of an attribute has 16 bits: 65,531 bytes of data. */
static void the_largest_attribute_has_65531_bytes(void **state)
{
	static const uint32_t sizes[] = {65531, 65532, 65536, 0xffffffff};
	static uint8_t payload[65536], data[70000];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct wire_verdict verdict = {.present = BIT(WIRE_PAYLOAD),
					       .payload = {payload, sizes[i]}};
		struct wire_writer writer;

		wire_writer_init(&writer, data, sizeof(data));
		wire_put_verdict(&writer, &verdict, 1);
		assert_int_equal(writer.error, i == 0 ? 0 : -EMSGSIZE);
		assert_int_equal(writer.length, i == 0 ? 32 + 4 + 65532 : 0);
	}
}

static void a_nest_too_long_is_taken_back(void **state)
{
	static uint8_t long_labels[40000], data[100000];
	struct wire_verdict verdict = {
		.present = BIT(WIRE_CT),
		.ct_present = WIRE_CT_HAS_LABELS | WIRE_CT_HAS_LABELS_MASK,
		.ct_labels = {long_labels, sizeof(long_labels)},
		.ct_labels_mask = {long_labels, sizeof(long_labels)}};
	struct wire_writer writer;

	wire_writer_init(&writer, data, sizeof(data));
	wire_put_verdict(&writer, &verdict, 1);
	assert_int_equal(writer.error, -EMSGSIZE);
	assert_int_equal(writer.length, 0);
}

static void empty_byte_ranges_need_no_pointer(void **state)
{
	const struct wire_verdict verdict = {.present = BIT(WIRE_PAYLOAD) |
							BIT(WIRE_L2HDR) | BIT(WIRE_EXP)};
	struct encoded encoded;

	begin(&encoded);
	wire_put_verdict(&encoded.writer, &verdict, 1);
	assert_int_equal(encoded.writer.error, 0);
	assert_int_equal(encoded.writer.length, 32 + 3 * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minimal_verdict_has_32_bytes),
		cmocka_unit_test(a_verdict_with_a_mark_has_40_bytes),
		cmocka_unit_test(a_range_verdict_sends_mark_and_priority_only),
		cmocka_unit_test(a_payload_comes_last_with_its_exact_length),
		cmocka_unit_test(a_removed_vlan_tag_is_all_zeros),
		cmocka_unit_test(a_config_carries_bind_and_params_in_one_message),
		cmocka_unit_test(flags_go_with_their_mask_and_max_length_alone),
		cmocka_unit_test(an_empty_config_is_a_header),
		cmocka_unit_test(libmnl_reads_every_part_of_a_verdict),
		cmocka_unit_test(each_part_is_sent_only_if_present),
		cmocka_unit_test(each_conntrack_part_is_sent_only_if_present),
		cmocka_unit_test(a_message_that_does_not_fit_is_taken_back),
		cmocka_unit_test(a_config_that_does_not_fit_is_taken_back),
		cmocka_unit_test(after_an_error_nothing_is_written),
		cmocka_unit_test(the_largest_attribute_has_65531_bytes),
		cmocka_unit_test(a_nest_too_long_is_taken_back),
		cmocka_unit_test(empty_byte_ranges_need_no_pointer),
	};

	return cmocka_run_group_tests_name("wire encode", tests, NULL, NULL);
}
