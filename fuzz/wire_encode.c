/* SPDX-License-Identifier: MIT */
/*
 * The input names a buffer size and a row of verdicts and configurations. They are
 * written into a buffer of exactly that size; what fits must read back equal, and only
 * what is too large may be refused. The input is a list of numbers, so that most are
 * valid.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "wire/attr.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 8
#define BLOB_MAX 70000 /* an attribute holds 65,531 */
#define CT_MARK 8
#define CT_MARK_MASK 21
#define CT_LABELS 22
#define CT_LABELS_MASK 23

enum kind { KIND_VERDICT, KIND_RANGE, KIND_CONFIG, KINDS };

struct item {
	enum kind kind;
	bool ack;
	uint32_t sequence;
	struct wire_verdict verdict;
	struct wire_config config;
};

static uint8_t blob[BLOB_MAX];

/* Something to compare: no byte as its neighbours. */
static void fill_blob(void)
{
	if (blob[1])
		return;
	for (size_t i = 0; i < BLOB_MAX; i++)
		blob[i] = (uint8_t)(i + (i >> 8));
}

static void require(bool what)
{
	if (!what)
		abort();
}

/* ---- the input -------------------------------------------------------------------- */

static uint32_t take(struct wire_bytes *input, uint32_t bytes)
{
	uint32_t value = 0;

	while (bytes-- > 0 && input->length > 0) {
		value = value << 8 | *input->data++;
		input->length--;
	}
	return value;
}

/* Mostly short; the second byte makes it long. */
static struct wire_bytes take_blob(struct wire_bytes *input)
{
	uint32_t length = take(input, 1), scale = take(input, 1);

	if (scale > 250)
		length = (length << 8 | take(input, 1)) + scale;
	return (struct wire_bytes){blob + scale, length};
}

static void take_verdict(struct wire_bytes *input, struct wire_verdict *verdict)
{
	verdict->queue = (uint16_t)take(input, 2);
	verdict->id = take(input, 4);
	verdict->code = take(input, 4);
	verdict->present = take(input, 3);
	verdict->mark = take(input, 4);
	verdict->priority = take(input, 4);
	verdict->vlan_protocol = (uint16_t)take(input, 2);
	verdict->vlan_tci = (uint16_t)take(input, 2);
	verdict->ct_present = take(input, 1);
	verdict->ct_mark = take(input, 4);
	verdict->ct_mark_mask = take(input, 4);
	verdict->ct_labels = take_blob(input);
	verdict->ct_labels_mask = take_blob(input);
	verdict->l2_header = take_blob(input);
	verdict->expectation = take_blob(input);
	verdict->payload = take_blob(input);
}

static void take_config(struct wire_bytes *input, struct wire_config *config)
{
	config->queue = (uint16_t)take(input, 2);
	config->command = (uint8_t)take(input, 1);
	config->copy_mode = (uint8_t)take(input, 1);
	config->family = (uint16_t)take(input, 2);
	config->present = take(input, 1);
	config->copy_range = take(input, 4);
	config->max_length = take(input, 4);
	config->flags = take(input, 4);
	config->mask = take(input, 4);
}

static void take_item(struct wire_bytes *input, struct item *item)
{
	uint32_t kind = take(input, 1);

	item->kind = kind % KINDS;
	item->ack = kind & 0x80;
	item->sequence = take(input, 4);
	if (item->kind == KIND_CONFIG)
		take_config(input, &item->config);
	else
		take_verdict(input, &item->verdict);
}

/* ---- how long it must be ---------------------------------------------------------- */

static bool has(const struct wire_verdict *verdict, enum wire_attr attr)
{
	return verdict->present & 1u << attr;
}

/* An attribute's size; one that cannot be is larger than any buffer. */
static size_t attr_size(size_t data)
{
	return data > 65531 ? 1u << 30 : (4 + data + 3) / 4 * 4;
}

static size_t ct_size(const struct wire_verdict *verdict)
{
	uint32_t present = verdict->ct_present;
	size_t size = 0;

	size += present & WIRE_CT_HAS_MARK ? 8 : 0;
	size += present & WIRE_CT_HAS_MARK_MASK ? 8 : 0;
	size += present & WIRE_CT_HAS_LABELS ? attr_size(verdict->ct_labels.length) : 0;
	size += present & WIRE_CT_HAS_LABELS_MASK
			? attr_size(verdict->ct_labels_mask.length)
			: 0;
	return attr_size(size);
}

static size_t verdict_size(const struct wire_verdict *verdict, bool plain)
{
	size_t size = 32;

	size += has(verdict, WIRE_MARK) ? 8 : 0;
	size += has(verdict, WIRE_PRIORITY) ? 8 : 0;
	if (plain)
		return size;
	size += has(verdict, WIRE_VLAN) ? 20 : 0;
	size += has(verdict, WIRE_CT) ? ct_size(verdict) : 0;
	size += has(verdict, WIRE_L2HDR) ? attr_size(verdict->l2_header.length) : 0;
	size += has(verdict, WIRE_EXP) ? attr_size(verdict->expectation.length) : 0;
	size += has(verdict, WIRE_PAYLOAD) ? attr_size(verdict->payload.length) : 0;
	return size;
}

static size_t item_size(const struct item *item)
{
	const struct wire_config *config = &item->config;

	if (item->kind != KIND_CONFIG)
		return verdict_size(&item->verdict, item->kind == KIND_RANGE);
	return 20 + (config->command ? 8 : 0) +
	       (config->present & WIRE_CONFIG_HAS_PARAMS ? 12 : 0) +
	       (config->present & WIRE_CONFIG_HAS_MAXLEN ? 8 : 0) +
	       (config->present & WIRE_CONFIG_HAS_FLAGS ? 16 : 0);
}

/* ---- reading back ----------------------------------------------------------------- */

#define TYPES 24

/* The attributes by type; each at most once, in no other type. */
static void index_attributes(struct wire_bytes rest, struct wire_attribute *table)
{
	struct wire_attribute attribute;
	int rc;

	memset(table, 0, TYPES * sizeof(*table));
	while ((rc = wire_attribute_next(&rest, &attribute)) > 0) {
		require(attribute.type < TYPES && !table[attribute.type].data);
		table[attribute.type] = attribute;
	}
	require(rc == 0);
}

static void check_u32(const struct wire_attribute *attribute, bool present,
		      uint32_t value)
{
	uint32_t big = htobe32(value);

	require(present == (attribute->data != NULL));
	if (present)
		require(attribute->length == 4 && !memcmp(attribute->data, &big, 4));
}

static void check_u16(const struct wire_attribute *attribute, uint16_t value)
{
	uint16_t big = htobe16(value);

	require(attribute->data && attribute->length == 2);
	require(!memcmp(attribute->data, &big, 2));
}

static void check_blob(const struct wire_attribute *attribute, bool present,
		       struct wire_bytes expected)
{
	require(present == (attribute->data != NULL));
	if (!present)
		return;
	require(attribute->length == expected.length);
	require(!memcmp(attribute->data, expected.data, expected.length));
}

static struct wire_bytes inside(const struct wire_attribute *attribute)
{
	return (struct wire_bytes){attribute->data, attribute->length};
}

static void check_nests(const struct wire_attribute *table,
			const struct wire_verdict *verdict)
{
	struct wire_attribute nest[TYPES];
	uint32_t present = verdict->ct_present;

	require((table[WIRE_VLAN].data != NULL) == has(verdict, WIRE_VLAN));
	require((table[WIRE_CT].data != NULL) == has(verdict, WIRE_CT));
	if (has(verdict, WIRE_VLAN)) {
		index_attributes(inside(&table[WIRE_VLAN]), nest);
		check_u16(&nest[1], verdict->vlan_protocol);
		check_u16(&nest[2], verdict->vlan_protocol ? verdict->vlan_tci : 0);
	}
	if (!has(verdict, WIRE_CT))
		return;
	index_attributes(inside(&table[WIRE_CT]), nest);
	check_u32(&nest[CT_MARK], present & WIRE_CT_HAS_MARK, verdict->ct_mark);
	check_u32(&nest[CT_MARK_MASK], present & WIRE_CT_HAS_MARK_MASK,
		  verdict->ct_mark_mask);
	check_blob(&nest[CT_LABELS], present & WIRE_CT_HAS_LABELS, verdict->ct_labels);
	check_blob(&nest[CT_LABELS_MASK], present & WIRE_CT_HAS_LABELS_MASK,
		   verdict->ct_labels_mask);
}

static void check_verdict(struct wire_bytes attributes,
			  const struct wire_verdict *verdict, bool plain)
{
	uint32_t header[2] = {htobe32(verdict->code), htobe32(verdict->id)};
	struct wire_verdict sent = *verdict;
	struct wire_attribute table[TYPES];

	if (plain)
		sent.present &= 1u << WIRE_MARK | 1u << WIRE_PRIORITY;
	index_attributes(attributes, table);
	check_blob(&table[WIRE_VERDICT_HDR], true,
		   (struct wire_bytes){(const uint8_t *)header, sizeof(header)});
	check_u32(&table[WIRE_MARK], has(&sent, WIRE_MARK), sent.mark);
	check_u32(&table[WIRE_PRIORITY], has(&sent, WIRE_PRIORITY), sent.priority);
	check_blob(&table[WIRE_L2HDR], has(&sent, WIRE_L2HDR), sent.l2_header);
	check_blob(&table[WIRE_EXP], has(&sent, WIRE_EXP), sent.expectation);
	check_blob(&table[WIRE_PAYLOAD], has(&sent, WIRE_PAYLOAD), sent.payload);
	check_nests(table, &sent);
	if (has(&sent, WIRE_PAYLOAD)) /* it is last */
		require(attributes.data + attributes.length - table[WIRE_PAYLOAD].data -
				table[WIRE_PAYLOAD].length <
			4);
}

static void check_config(struct wire_bytes attributes, const struct wire_config *config)
{
	uint8_t command[4] = {config->command, 0, (uint8_t)(config->family >> 8),
			      (uint8_t)config->family};
	uint32_t range = htobe32(config->copy_range), present = config->present;
	struct wire_attribute table[TYPES];
	uint8_t params[5];

	memcpy(params, &range, 4);
	params[4] = config->copy_mode;
	index_attributes(attributes, table);
	check_blob(&table[1], config->command, (struct wire_bytes){command, 4});
	check_blob(&table[2], present & WIRE_CONFIG_HAS_PARAMS,
		   (struct wire_bytes){params, 5});
	check_u32(&table[3], present & WIRE_CONFIG_HAS_MAXLEN, config->max_length);
	check_u32(&table[4], present & WIRE_CONFIG_HAS_FLAGS, config->mask);
	check_u32(&table[5], present & WIRE_CONFIG_HAS_FLAGS, config->flags);
}

static void check_item(const struct wire_message *message, const struct item *item)
{
	static const uint16_t types[KINDS] = {0x301, 0x303, 0x302};
	uint16_t queue =
		item->kind == KIND_CONFIG ? item->config.queue : item->verdict.queue;
	const uint8_t family[4] = {0, 0, (uint8_t)(queue >> 8), (uint8_t)queue};
	struct wire_bytes body = message->body;

	require(message->type == types[item->kind]);
	require(message->sequence == item->sequence && message->port_id == 0);
	require(message->flags == (item->kind == KIND_CONFIG && item->ack ? 5 : 1));
	require(body.length >= 4 && !memcmp(body.data, family, 4));
	body.data += 4;
	body.length -= 4;
	if (item->kind == KIND_CONFIG)
		check_config(body, &item->config);
	else
		check_verdict(body, &item->verdict, item->kind == KIND_RANGE);
}

/* ---- both ways -------------------------------------------------------------------- */

static void put(struct wire_writer *writer, const struct item *item)
{
	if (item->kind == KIND_CONFIG)
		wire_put_config(writer, &item->config, item->sequence, item->ack);
	else if (item->kind == KIND_RANGE)
		wire_put_range_verdict(writer, &item->verdict, item->sequence);
	else
		wire_put_verdict(writer, &item->verdict, item->sequence);
}

/* Returns how many of the items fitted. */
static size_t put_all(struct wire_writer *writer, const struct item *items)
{
	size_t fitted = 0;

	for (size_t i = 0; i < MESSAGES_MAX; i++) {
		size_t before = writer->length, need = item_size(&items[i]);
		bool fits = writer->error == 0 && need <= writer->size - before;

		put(writer, &items[i]);
		require(writer->error == (fits ? 0 : -EMSGSIZE));
		require(writer->length == before + (fits ? need : 0));
		fitted += fits;
	}
	return fitted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_bytes input = {data, (uint32_t)size}, written;
	struct item items[MESSAGES_MAX] = {0};
	struct wire_message message;
	struct wire_writer writer;
	size_t room, fitted;
	uint8_t *buffer;

	fill_blob();
	room = take(&input, 1) * (take(&input, 1) > 200 ? 1024 : 2);
	for (size_t i = 0; i < MESSAGES_MAX; i++)
		take_item(&input, &items[i]);
	buffer = malloc(room ? room : 1);
	if (!buffer)
		return 0;
	wire_writer_init(&writer, buffer, room);
	fitted = put_all(&writer, items);
	written = (struct wire_bytes){buffer, (uint32_t)writer.length};
	for (size_t i = 0; i < fitted; i++) {
		require(wire_message_next(&written, &message) == 1);
		check_item(&message, &items[i]);
	}
	require(wire_message_next(&written, &message) == 0);
	free(buffer);
	return 0;
}
