/* SPDX-License-Identifier: MIT */
/*
 * Our decoder against one written on libmnl's parser, over the fixtures and mutations of
 * them. Where they may differ, and why:
 * - libmnl's walks end in silence where a length lies; ours refuses. The reference says
 *   "refuse" if its walk ended before the bytes did.
 * - mnl_attr_validate2() refuses a fixed attribute that is longer than expected; ours
 *   takes it, as a kernel may grow its structs. The reference asks it about the part that
 *   it knows.
 * - mnl_nlmsg_ok() compares lengths as int: it takes 2 GiB and more for a negative number
 *   that fits. Ours refuses; reference_ok() does, too.
 * - libmnl has no extended ACK: that reference walks the TLVs with libmnl's iterators and
 *   finds their begin as iproute2 does.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "fixtures.h"
#include "helpers.h"

#define MUTATIONS 400000
#define SEED 0x6e66717565756521u

/* ---- the reference ---------------------------------------------------------------- */

static bool reference_ok(const struct nlmsghdr *message, int left)
{
	return mnl_nlmsg_ok(message, left) && message->nlmsg_len <= INT_MAX;
}

struct table {
	const struct nlattr *attr[32];
};

static int collect(const struct nlattr *attr, void *data)
{
	struct table *table = data;

	if (mnl_attr_get_type(attr) < COUNT(table->attr))
		table->attr[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

/* True if libmnl's walk over the range met its end. */
static bool walks_whole(const uint8_t *data, size_t length)
{
	const struct nlattr *attr;
	const char *end = (const char *)data + length;

	for (attr = (const struct nlattr *)data;
	     mnl_attr_ok(attr, (int)(end - (const char *)attr));
	     attr = mnl_attr_next(attr))
		;
	return (const char *)attr >= end;
}

static const struct {
	uint16_t type;
	size_t size;
} fixed[] = {
	{NFQA_PACKET_HDR, sizeof(struct nfqnl_msg_packet_hdr)},
	{NFQA_MARK, 4},
	{NFQA_TIMESTAMP, sizeof(struct nfqnl_msg_packet_timestamp)},
	{NFQA_IFINDEX_INDEV, 4},
	{NFQA_IFINDEX_OUTDEV, 4},
	{NFQA_IFINDEX_PHYSINDEV, 4},
	{NFQA_IFINDEX_PHYSOUTDEV, 4},
	{NFQA_HWADDR, sizeof(struct nfqnl_msg_packet_hw)},
	{NFQA_CT_INFO, 4},
	{NFQA_CAP_LEN, 4},
	{NFQA_SKB_INFO, 4},
	{NFQA_UID, 4},
	{NFQA_GID, 4},
	{WIRE_PRIORITY, 4},
	{WIRE_CGROUP_CLASSID, 4},
};

/* A grown attribute is good: the second permitted difference. */
static bool is_short(const struct nlattr *attr, size_t size)
{
	return mnl_attr_validate2(attr, MNL_TYPE_BINARY, size) < 0 &&
	       mnl_attr_get_payload_len(attr) < size;
}

static int collect_vlan(const struct nlattr *attr, void *data)
{
	uint16_t type = mnl_attr_get_type(attr);

	if ((type == 1 || type == 2) && is_short(attr, 2))
		return MNL_CB_ERROR;
	return collect(attr, data);
}

static int parse_vlan(const struct nlattr *attr, struct wire_packet *packet)
{
	struct table vlan = {{NULL}};

	if (!walks_whole(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)) ||
	    mnl_attr_parse_nested(attr, collect_vlan, &vlan) < 0)
		return MNL_CB_ERROR;
	packet->vlan_protocol = vlan.attr[1] ? ntohs(mnl_attr_get_u16(vlan.attr[1])) : 0;
	packet->vlan_tci = vlan.attr[2] ? ntohs(mnl_attr_get_u16(vlan.attr[2])) : 0;
	return MNL_CB_OK;
}

struct reference {
	struct table table;
	struct wire_packet packet;
};

static int collect_packet(const struct nlattr *attr, void *data)
{
	struct reference *reference = data;
	uint16_t type = mnl_attr_get_type(attr);

	for (size_t i = 0; i < COUNT(fixed); i++) {
		if (fixed[i].type == type && is_short(attr, fixed[i].size))
			return MNL_CB_ERROR;
	}
	if (type == WIRE_VLAN && parse_vlan(attr, &reference->packet) < 0)
		return MNL_CB_ERROR;
	if (type == NFQA_HWADDR) {
		const struct nfqnl_msg_packet_hw *hw = mnl_attr_get_payload(attr);

		if (ntohs(hw->hw_addrlen) > sizeof(hw->hw_addr))
			return MNL_CB_ERROR;
	}
	return collect(attr, &reference->table);
}

static uint32_t number(const struct table *table, unsigned int type)
{
	return table->attr[type] ? ntohl(mnl_attr_get_u32(table->attr[type])) : 0;
}

static struct wire_bytes range(const struct table *table, unsigned int type)
{
	const struct nlattr *attr = table->attr[type];

	return attr ? (struct wire_bytes){mnl_attr_get_payload(attr),
					  mnl_attr_get_payload_len(attr)}
		    : (struct wire_bytes){NULL, 0};
}

static void read_structs(const struct table *table, struct wire_packet *packet)
{
	const struct nfqnl_msg_packet_hdr *header =
		mnl_attr_get_payload(table->attr[NFQA_PACKET_HDR]);
	struct nfqnl_msg_packet_timestamp stamp;
	const struct nfqnl_msg_packet_hw *hw;

	packet->id = ntohl(header->packet_id);
	packet->hw_protocol = ntohs(header->hw_protocol);
	packet->hook = header->hook;
	if (table->attr[NFQA_TIMESTAMP]) {
		memcpy(&stamp, mnl_attr_get_payload(table->attr[NFQA_TIMESTAMP]),
		       sizeof(stamp));
		packet->timestamp_sec = be64toh(stamp.sec);
		packet->timestamp_usec = be64toh(stamp.usec);
	}
	if (table->attr[NFQA_HWADDR]) {
		hw = mnl_attr_get_payload(table->attr[NFQA_HWADDR]);
		packet->hw_address_length = (uint8_t)ntohs(hw->hw_addrlen);
		memcpy(packet->hw_address, hw->hw_addr, sizeof(hw->hw_addr));
	}
}

static void read_table(const struct table *table, struct wire_packet *packet)
{
	for (unsigned int type = 1; type <= WIRE_CGROUP_CLASSID; type++) {
		if (table->attr[type] && type != NFQA_VERDICT_HDR)
			packet->present |= BIT(type);
	}
	packet->mark = number(table, NFQA_MARK);
	packet->indev = number(table, NFQA_IFINDEX_INDEV);
	packet->outdev = number(table, NFQA_IFINDEX_OUTDEV);
	packet->physindev = number(table, NFQA_IFINDEX_PHYSINDEV);
	packet->physoutdev = number(table, NFQA_IFINDEX_PHYSOUTDEV);
	packet->cap_len = number(table, NFQA_CAP_LEN);
	packet->skb_info = number(table, NFQA_SKB_INFO);
	packet->ct_info = number(table, NFQA_CT_INFO);
	packet->uid = number(table, NFQA_UID);
	packet->gid = number(table, NFQA_GID);
	packet->priority = number(table, WIRE_PRIORITY);
	packet->cgroup_classid = number(table, WIRE_CGROUP_CLASSID);
	packet->payload = range(table, NFQA_PAYLOAD);
	packet->ct = range(table, NFQA_CT);
	packet->expectation = range(table, NFQA_EXP);
	packet->secctx = range(table, NFQA_SECCTX);
	packet->l2_header = range(table, WIRE_L2HDR);
}

/* Returns 0 or -EBADMSG, as ours must. */
static int reference_packet(const struct nlmsghdr *message, struct wire_packet *packet)
{
	struct reference reference = {.table = {{NULL}}};
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(message);
	size_t length = mnl_nlmsg_get_payload_len(message);
	const uint8_t *attrs = (const uint8_t *)(family + 1);

	if (length < sizeof(*family))
		return -EBADMSG;
	length -= sizeof(*family);
	if (!walks_whole(attrs, length) ||
	    mnl_attr_parse_payload(attrs, length, collect_packet, &reference) < 0 ||
	    !reference.table.attr[NFQA_PACKET_HDR])
		return -EBADMSG;
	*packet = reference.packet;
	packet->family = family->nfgen_family;
	packet->queue = ntohs(family->res_id);
	read_structs(&reference.table, packet);
	read_table(&reference.table, packet);
	return 0;
}

static int collect_tlv(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS && is_short(attr, 4))
		return MNL_CB_ERROR;
	return collect(attr, data);
}

static int reference_tlvs(const uint8_t *data, size_t length, struct wire_error *error)
{
	struct table table = {{NULL}};

	if (!walks_whole(data, length) ||
	    mnl_attr_parse_payload(data, length, collect_tlv, &table) < 0)
		return -EBADMSG;
	error->text = range(&table, NLMSGERR_ATTR_MSG);
	if (error->text.length)
		error->text.length = (uint32_t)strnlen((const char *)error->text.data,
						       error->text.length);
	if (table.attr[NLMSGERR_ATTR_OFFS])
		error->offset = mnl_attr_get_u32(table.attr[NLMSGERR_ATTR_OFFS]);
	return 0;
}

static int reference_error(const struct nlmsghdr *message, struct wire_error *error)
{
	const struct nlmsgerr *body = mnl_nlmsg_get_payload(message);
	size_t length = mnl_nlmsg_get_payload_len(message), at = sizeof(*body);

	memset(error, 0, sizeof(*error));
	if (message->nlmsg_type != NLMSG_ERROR || length < at || body->error > 0 ||
	    body->error < -4095)
		return -EBADMSG;
	error->error = body->error;
	error->sequence = body->msg.nlmsg_seq;
	error->request_type = body->msg.nlmsg_type;
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && body->error && length > at) {
		if (!reference_ok(&body->msg, (int)(length - sizeof(body->error))))
			return -EBADMSG;
		error->request.length = (uint32_t)mnl_nlmsg_get_payload_len(&body->msg);
		error->request.data = mnl_nlmsg_get_payload(&body->msg);
		at += MNL_ALIGN(error->request.length);
	}
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || at >= length)
		return 0;
	return reference_tlvs((const uint8_t *)body + at, length - at, error);
}

/* ---- the comparison --------------------------------------------------------------- */

/* What was compared, so that a test of nothing is seen. */
struct tally {
	unsigned long messages, packets, errors, refused;
};

static void check_bytes(struct wire_bytes ours, struct wire_bytes theirs)
{
	assert_ptr_equal(ours.data, theirs.data);
	assert_int_equal(ours.length, theirs.length);
}

static void compare_packet(const struct wire_message *ours, const struct nlmsghdr *theirs,
			   struct tally *tally)
{
	struct wire_packet packet, reference;
	int rc = wire_packet_decode(ours, &packet);

	assert_int_equal(rc, reference_packet(theirs, &reference));
	tally->refused += rc < 0;
	if (rc < 0)
		return;
	tally->packets++;
	check_numbers(&packet, &reference);
	check_bytes(packet.payload, reference.payload);
	check_bytes(packet.ct, reference.ct);
	check_bytes(packet.expectation, reference.expectation);
	check_bytes(packet.secctx, reference.secctx);
	check_bytes(packet.l2_header, reference.l2_header);
}

static void compare_error(const struct wire_message *ours, const struct nlmsghdr *theirs,
			  struct tally *tally)
{
	struct wire_error error, reference;
	int rc = wire_error_decode(ours, &error);

	assert_int_equal(rc, reference_error(theirs, &reference));
	tally->refused += rc < 0;
	if (rc < 0)
		return;
	tally->errors++;
	assert_int_equal(error.error, reference.error);
	assert_int_equal(error.sequence, reference.sequence);
	assert_int_equal(error.request_type, reference.request_type);
	assert_int_equal(error.offset, reference.offset);
	check_bytes(error.text, reference.text);
	check_bytes(error.request, reference.request);
}

static void compare(const uint8_t *data, size_t length, struct tally *tally)
{
	const struct nlmsghdr *theirs = (const struct nlmsghdr *)data;
	struct wire_bytes buffer = {data, (uint32_t)length};
	struct wire_message ours;
	int left = (int)length, rc;

	while ((rc = wire_message_next(&buffer, &ours)) > 0) {
		assert_true(reference_ok(theirs, left));
		assert_int_equal(ours.length, theirs->nlmsg_len);
		assert_int_equal(ours.type, theirs->nlmsg_type);
		assert_int_equal(ours.flags, theirs->nlmsg_flags);
		assert_int_equal(ours.sequence, theirs->nlmsg_seq);
		assert_int_equal(ours.port_id, theirs->nlmsg_pid);
		assert_ptr_equal(ours.body.data, mnl_nlmsg_get_payload(theirs));
		tally->messages++;
		if (wire_is_packet(&ours))
			compare_packet(&ours, theirs, tally);
		else
			compare_error(&ours, theirs, tally);
		theirs = mnl_nlmsg_next(theirs, &left);
	}
	assert_false(reference_ok(theirs, left));
	assert_int_equal(rc, left > 0 ? -EBADMSG : 0);
}

/* ---- the inputs ------------------------------------------------------------------- */

static size_t fixture_put(uint8_t *at, size_t index)
{
	const uint8_t *data;
	size_t length;

	if (index < COUNT(packet_fixtures)) {
		data = packet_fixtures[index].data;
		length = packet_fixtures[index].length;
	} else {
		data = error_fixtures[index - COUNT(packet_fixtures)].data;
		length = error_fixtures[index - COUNT(packet_fixtures)].length;
	}
	memset(at, 0, length + 3);
	memcpy(at, data, length);
	return length;
}

#define FIXTURES (COUNT(packet_fixtures) + COUNT(error_fixtures))

/* One edit of the bytes; those behind the header are hit most, and lengths on purpose. */
static size_t mutate(uint8_t *data, size_t length, uint64_t *seed)
{
	uint64_t random = random_next(seed);
	size_t at, words = length / 4;

	if (words == 0)
		return length;
	at = (random >> 32) % length;
	switch (random % 16) {
	case 0 ... 1:
		data[at] ^= (uint8_t)(1u << (random >> 8 & 7));
		return length;
	case 2 ... 3:
		data[at] = (uint8_t)(random >> 8);
		return length;
	case 4 ... 7: /* a small number where lengths stand */
		set_u16(data + at / 4 * 4 % (words * 4), (uint16_t)(random >> 8 & 31));
		return length;
	case 8 ... 10: /* another type, or flags */
		set_u16(data + at / 4 * 4 % (words * 4) + 2,
			(uint16_t)(random >> 8 & 0xc01f));
		return length;
	case 11 ... 12: /* cut, and say so */
		if (at < 16)
			return length;
		set_u32(data, (uint32_t)at);
		return at;
	case 13: /* a word leaves, and the message says so if it is alone */
		at &= ~(size_t)3;
		if (length - at < 8)
			return length;
		memmove(data + at, data + at + 4, length - at - 4);
		set_u32(data, (uint32_t)length - 4);
		return length - 4;
	case 14: /* cut in silence */
		return at ? at : length;
	default: /* a whole other length */
		set_u32(data, (uint32_t)(random >> 8 & 0x1ff));
		return length;
	}
}

static void libmnl_finds_the_same_in_every_fixture(void **state)
{
	struct tally tally = {0};

	for (size_t i = 0; i < FIXTURES; i++) {
		uint8_t space[512], *data;
		size_t length = fixture_put(space, i);

		data = exact_copy(space, length);
		compare(data, length, &tally);
		free(data);
	}
	assert_int_equal(tally.packets, COUNT(packet_fixtures));
	assert_int_equal(tally.errors, COUNT(error_fixtures));
	assert_int_equal(tally.refused, 0);
}

static void libmnl_finds_the_same_in_every_mutation(void **state)
{
	struct tally tally = {0};
	uint64_t seed = SEED;

	for (unsigned int n = 0; n < MUTATIONS; n++) {
		uint64_t random = random_next(&seed);
		uint8_t space[1024], *data;
		size_t length = fixture_put(space, random % FIXTURES);

		if (random >> 16 & 1) { /* two messages in a row */
			length = (length + 3) & ~(size_t)3;
			length += fixture_put(space + length, (random >> 20) % FIXTURES);
		}
		for (unsigned int edits = 1 + (random >> 40) % 4; edits; edits--)
			length = mutate(space, length, &seed);
		data = exact_copy(space, length);
		compare(data, length, &tally);
		free(data);
	}
	print_message("# %lu messages: %lu packets, %lu errors, %lu refused\n",
		      tally.messages, tally.packets, tally.errors, tally.refused);
	assert_true(tally.packets > MUTATIONS / 4);
	assert_true(tally.errors > MUTATIONS / 8);
	assert_true(tally.refused > MUTATIONS / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libmnl_finds_the_same_in_every_fixture),
		cmocka_unit_test(libmnl_finds_the_same_in_every_mutation),
	};

	return cmocka_run_group_tests_name("wire differential", tests, NULL, NULL);
}
