/* SPDX-License-Identifier: MIT */
/*
 * Random edits of random packets. A model that is an array of bytes does each of them the
 * plain way, and must come to the same packet, or to the same refusal; what kernels would
 * drop must never come out.
 */
#include "edit_case.h"
#include "random_packet.h"

#define PACKETS 40000
#define EDITS 12
#define ROOM (65535 + 70000)

struct model {
	uint8_t bytes[ROOM];
	uint32_t length;
	struct reference packet;
};

struct trial {
	struct random_packet random;
	struct edit_case test;
	struct model model;
	uint32_t transport_rest; /* what stays of a wrong checksum */
	uint32_t header_rest;
	int is_unready;
	int has_none; /* a UDP checksum of 0 */
};

static uint32_t below(struct trial *trial, uint32_t limit)
{
	return random_below(&trial->random, limit);
}

static void fill(struct trial *trial, uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)below(trial, 256);
}

/* --- the model -------------------------------------------------------------------- */

static void look(struct model *model)
{
	assert_int_equal(reference_read(model->bytes, model->length, &model->packet), 0);
}

static void put_word(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* `remove` bytes at `at` become these; every length that knows of it is set. */
static void splice(struct model *model, uint32_t at, uint32_t remove,
		   const uint8_t *bytes, uint32_t count)
{
	uint32_t udp = model->packet.end - model->packet.transport - remove + count;

	memmove(model->bytes + at + count, model->bytes + at + remove,
		model->length - at - remove);
	if (count)
		memcpy(model->bytes + at, bytes, count);
	model->length = model->length - remove + count;
	if (model->packet.ip_version == 4)
		put_word(model->bytes + 2, model->length);
	else
		put_word(model->bytes + 4, model->length - 40);
	if (model->packet.protocol == 17 && remove != count)
		put_word(model->bytes + model->packet.transport + 4, udp);
	look(model);
}

static void put_bits(uint8_t *byte, uint32_t mask, uint32_t shift, uint32_t value)
{
	*byte = (uint8_t)((*byte & ~mask) | (value << shift & mask));
}

static int set_ip_field(struct model *model, enum nfqueue_field field, uint32_t value)
{
	uint8_t *ip = model->bytes;
	int is_ipv4 = model->packet.ip_version == 4;

	switch (field) {
	case NFQUEUE_FIELD_TTL:
		ip[is_ipv4 ? 8 : 7] = (uint8_t)value;
		return 0;
	case NFQUEUE_FIELD_DSCP:
		put_bits(ip + (is_ipv4 ? 1 : 0), is_ipv4 ? 0xfc : 0x0f, is_ipv4 ? 2 : 0,
			 is_ipv4 ? value : value >> 2);
		if (!is_ipv4)
			put_bits(ip + 1, 0xc0, 6, value);
		return 0;
	case NFQUEUE_FIELD_ECN:
		put_bits(ip + 1, is_ipv4 ? 0x03 : 0x30, is_ipv4 ? 0 : 4, value);
		return 0;
	case NFQUEUE_FIELD_IP_ID:
		if (is_ipv4)
			put_word(ip + 4, value);
		return is_ipv4 ? 0 : -ENOENT;
	case NFQUEUE_FIELD_DONT_FRAGMENT:
		if (is_ipv4)
			put_bits(ip + 6, 0x40, 6, value);
		return is_ipv4 ? 0 : -ENOENT;
	case NFQUEUE_FIELD_FLOW_LABEL:
		if (is_ipv4)
			return -ENOENT;
		put_bits(ip + 1, 0x0f, 0, value >> 16);
		put_word(ip + 2, value);
		return 0;
	default:
		return -EINVAL;
	}
}

static void set_tcp_field(uint8_t *tcp, enum nfqueue_field field, uint32_t value)
{
	switch (field) {
	case NFQUEUE_FIELD_TCP_SEQUENCE:
	case NFQUEUE_FIELD_TCP_ACKNOWLEDGEMENT:
		tcp += field == NFQUEUE_FIELD_TCP_SEQUENCE ? 4 : 8;
		put_word(tcp, value >> 16);
		put_word(tcp + 2, value);
		break;
	case NFQUEUE_FIELD_TCP_FLAGS:
		tcp[13] = (uint8_t)value;
		break;
	case NFQUEUE_FIELD_TCP_WINDOW:
		put_word(tcp + 14, value);
		break;
	default:
		put_word(tcp + 18, value);
	}
}

static int set_icmp_field(struct model *model, enum nfqueue_field field, uint32_t value)
{
	uint8_t *icmp = model->bytes + model->packet.transport;
	uint32_t left = model->length - model->packet.transport;
	int is_query =
		model->packet.ip_version == 4
			? icmp[0] == 0 || icmp[0] == 8 || (icmp[0] >= 13 && icmp[0] <= 18)
			: icmp[0] == 128 || icmp[0] == 129;

	if (field == NFQUEUE_FIELD_ICMP_TYPE || field == NFQUEUE_FIELD_ICMP_CODE)
		icmp[field == NFQUEUE_FIELD_ICMP_TYPE ? 0 : 1] = (uint8_t)value;
	else if (is_query && left >= 8)
		put_word(icmp + (field == NFQUEUE_FIELD_ICMP_ID ? 4 : 6), value);
	else
		return -ENOENT;
	return 0;
}

static int is_icmp(const struct reference *packet)
{
	return packet->protocol == (packet->ip_version == 4 ? 1 : 58);
}

static int set_transport_field(struct model *model, enum nfqueue_field field,
			       uint32_t value)
{
	const struct reference *packet = &model->packet;
	int is_port = field == NFQUEUE_FIELD_SOURCE_PORT ||
		      field == NFQUEUE_FIELD_DESTINATION_PORT;
	int is_tcp = packet->protocol == 6, is_there;

	if (is_port)
		is_there = is_tcp || packet->protocol == 17;
	else
		is_there = field >= NFQUEUE_FIELD_ICMP_TYPE ? is_icmp(packet) : is_tcp;
	if (!is_there)
		return -ENOENT;
	if (packet->is_later)
		return -EOPNOTSUPP;
	if (!packet->payload)
		return -EBADMSG;
	if (field >= NFQUEUE_FIELD_ICMP_TYPE)
		return set_icmp_field(model, field, value);
	if (is_port)
		put_word(model->bytes + packet->transport +
				 (field == NFQUEUE_FIELD_SOURCE_PORT ? 0 : 2),
			 value);
	else
		set_tcp_field(model->bytes + packet->transport, field, value);
	return 0;
}

/* --- edits, done twice ------------------------------------------------------------ */

static void edit_field(struct trial *trial)
{
	enum nfqueue_field field = 1 + below(trial, NFQUEUE_FIELD_COUNT);
	uint32_t max = nfqueue_field_max(field), value = below(trial, 1u << 31) * 2;
	int wanted;

	if (field == NFQUEUE_FIELD_TCP_MSS || !max)
		return;
	value = max == UINT32_MAX ? value : value % (max + 1 + !below(trial, 8));
	if (value > max)
		wanted = -ERANGE;
	else if (field < NFQUEUE_FIELD_SOURCE_PORT)
		wanted = set_ip_field(&trial->model, field, value);
	else
		wanted = set_transport_field(&trial->model, field, value);
	assert_int_equal(nfqueue_edit_set(trial->test.edit, field, value), wanted);
}

static void edit_address(struct trial *trial)
{
	const struct reference *packet = &trial->model.packet;
	uint8_t address[16];
	uint32_t size = packet->ip_version == 4 ? 4 : 16;
	uint32_t is_destination = below(trial, 2);
	int ret;

	fill(trial, address, sizeof(address));
	ret = nfqueue_edit_set_address(trial->test.edit, is_destination, address, size);
	if (packet->has_pseudo && !packet->checksum) {
		assert_int_equal(ret, -EBADMSG);
		return;
	}
	assert_int_equal(ret, 0);
	memcpy(trial->model.bytes + (size == 4 ? 12 : 8) + is_destination * size, address,
	       size);
}

static int payload_error(const struct reference *packet)
{
	int is_known = packet->protocol == 6 || packet->protocol == 17 || is_icmp(packet);

	if (packet->is_later || !is_known)
		return -EOPNOTSUPP;
	return packet->payload ? 0 : -EBADMSG;
}

static int size_error(const struct model *model, size_t remove, size_t count)
{
	if (remove != count && model->packet.is_fragment)
		return -EOPNOTSUPP;
	return remove < count && count - remove > 65535 - model->length ? -EMSGSIZE : 0;
}

static void edit_payload(struct trial *trial)
{
	static uint8_t bytes[70000];
	struct model *model = &trial->model;
	uint32_t length = model->packet.end - model->packet.payload;
	uint32_t offset = below(trial, length + 2), remove = below(trial, 40);
	uint32_t count = below(trial, below(trial, 60) ? 40 : sizeof(bytes));
	int wanted = payload_error(&model->packet);

	if (!wanted && !below(trial, 3))
		remove = count;
	if (!wanted && (offset > length || remove > length - offset))
		wanted = -ERANGE;
	if (!wanted)
		wanted = size_error(model, remove, count);
	fill(trial, bytes, count);
	assert_int_equal(
		nfqueue_edit_replace(trial->test.edit, offset, remove, bytes, count),
		wanted);
	if (!wanted)
		splice(model, model->packet.payload + offset, remove, bytes, count);
}

/* One byte by up to three, from the last to the first. */
static void edit_all(struct trial *trial)
{
	struct model *model = &trial->model;
	uint8_t from = (uint8_t)below(trial, 256), to[3];
	uint32_t count = below(trial, 4), found = 0;
	int wanted = payload_error(&model->packet);

	fill(trial, to, sizeof(to));
	for (uint32_t at = model->packet.payload; !wanted && at < model->packet.end; at++)
		found += model->bytes[at] == from;
	if (!wanted && found)
		wanted = size_error(model, found, found * count);
	assert_int_equal(nfqueue_edit_replace_all(trial->test.edit, &from, 1, to, count),
			 wanted ? wanted : (int)found);
	if (wanted)
		return;
	for (uint32_t at = model->packet.end; at-- > model->packet.payload;)
		if (model->bytes[at] == from)
			splice(model, at, 1, to, count);
}

/* The bytes that do not change are not looked at: only what the packet was when it came
 * says what may not change. */
static void edit_bytes(struct trial *trial)
{
	struct model *model = &trial->model;
	uint32_t at = below(trial, model->length), checksum = model->packet.checksum;
	uint32_t count = 1 + below(trial, 8);
	uint8_t bytes[8], saved[4] = {0};
	int ret;

	count = count < model->length - at ? count : model->length - at;
	memcpy(bytes, model->bytes + at, count);
	fill(trial, bytes + below(trial, count), 1);
	ret = nfqueue_edit_write(trial->test.edit, at, bytes, count);
	if (ret < 0) {
		assert_true(ret == -EPERM || ret == -EOPNOTSUPP || ret == -EBADMSG);
		return;
	}
	memcpy(saved, model->bytes + 10, 2);
	memcpy(saved + 2, model->bytes + checksum, 2);
	memcpy(model->bytes + at, bytes, count);
	if (model->packet.ip_version == 4)
		memcpy(model->bytes + 10, saved, 2);
	if (checksum)
		memcpy(model->bytes + checksum, saved + 2, 2);
	look(model);
}

/* --- what must hold --------------------------------------------------------------- */

/* nfqnl_validate_ip4() and nfqnl_validate_ip6() of the kernel, in our words. */
static void kernels_take_it(const uint8_t *before, const uint8_t *after, size_t length)
{
	struct reference packet;
	uint32_t end;

	assert_int_equal(reference_read(after, (uint32_t)length, &packet), 0);
	assert_int_equal(packet.length, length);
	end = packet.transport;
	assert_int_equal(before[0] >> 4, after[0] >> 4);
	if (packet.ip_version == 4) {
		assert_int_equal(before[0], after[0]);
		assert_int_equal((before[6] ^ after[6]) & 0xbf, 0);
		assert_int_equal(before[7], after[7]);
		assert_memory_equal(before + 20, after + 20, end - 20);
	} else {
		assert_int_equal(before[6], after[6]);
		assert_memory_equal(before + 40, after + 40, end - 40);
	}
}

static void blank(uint8_t *bytes, const struct reference *packet)
{
	if (packet->ip_version == 4)
		memset(bytes + 10, 0, 2);
	if (packet->checksum)
		memset(bytes + packet->checksum, 0, 2);
}

static void check_checksums(const struct trial *trial, const uint8_t *data)
{
	const struct reference *packet = &trial->model.packet;

	if (packet->ip_version == 4)
		assert_int_equal(reference_header_rest(data), trial->header_rest);
	if (!packet->checksum)
		return;
	if (trial->has_none)
		assert_int_equal(data[packet->checksum] | data[packet->checksum + 1], 0);
	else
		assert_int_equal(reference_transport_rest(data, packet),
				 trial->transport_rest);
}

static void check(struct trial *trial)
{
	static uint8_t copy[ROOM];
	size_t length;
	const uint8_t *data = nfqueue_edit_data(trial->test.edit, &length);

	assert_int_equal(nfqueue_edit_view(trial->test.edit)->length,
			 trial->model.length);
	if (!nfqueue_edit_is_changed(trial->test.edit))
		return;
	assert_int_equal(length, trial->model.length);
	kernels_take_it(trial->test.bytes, data, length);
	memcpy(copy, data, length);
	blank(copy, &trial->model.packet);
	blank(trial->model.bytes, &trial->model.packet);
	assert_memory_equal(copy, trial->model.bytes, length);
}

static void commit_and_check(struct trial *trial)
{
	size_t length;
	const uint8_t *data;

	assert_int_equal(nfqueue_edit_commit(trial->test.edit), 0);
	check(trial);
	data = nfqueue_edit_data(trial->test.edit, &length);
	if (!nfqueue_edit_is_changed(trial->test.edit))
		return;
	check_checksums(trial, data);
	/* Right ones are those that are made from nothing, to the bit. */
	if (trial->header_rest || trial->transport_rest || trial->has_none)
		return;
	reference_finish(trial->model.bytes, &trial->model.packet);
	assert_memory_equal(data, trial->model.bytes, length);
}

/* --- packets ---------------------------------------------------------------------- */

/* Four in five are right; others have a wrong checksum, or none. */
static void prepare_checksums(struct trial *trial, uint8_t *bytes)
{
	struct reference *packet = &trial->model.packet;

	reference_finish(bytes, packet);
	if (!below(trial, 5) && packet->ip_version == 4)
		fill(trial, bytes + 10, 2);
	if (!below(trial, 5) && packet->checksum)
		fill(trial, bytes + packet->checksum, 2);
	if (!below(trial, 8) && packet->checksum && packet->protocol == 17)
		memset(bytes + packet->checksum, 0, 2);
	trial->header_rest = packet->ip_version == 4 ? reference_header_rest(bytes) : 0;
	trial->transport_rest =
		trial->is_unready ? 0 : reference_transport_rest(bytes, packet);
	trial->has_none = !trial->is_unready && packet->protocol == 17 &&
			  packet->checksum &&
			  !(bytes[packet->checksum] | bytes[packet->checksum + 1]);
}

static int next_packet(struct trial *trial)
{
	struct model *model = &trial->model;
	struct edit_case *test = &trial->test;

	random_packet_next(&trial->random);
	if (reference_read(trial->random.data, trial->random.length, &model->packet) < 0)
		return -1;
	trial->is_unready = !below(trial, 4);
	prepare_checksums(trial, trial->random.data);
	test->length = trial->random.length;
	test->bytes = malloc(test->length);
	assert_non_null(test->bytes);
	memcpy(test->bytes, trial->random.data, test->length);
	memcpy(model->bytes, test->bytes, test->length);
	model->length = model->packet.length;
	return nfqueue_edit_begin(test->edit, test->bytes, test->length, test->length,
				  trial->is_unready ? 1 : 0);
}

static void random_edits_are_what_a_model_makes_of_them(void **state)
{
	static struct trial trial;
	void (*const edits[])(struct trial *) = {edit_field, edit_address, edit_payload,
						 edit_all,   edit_bytes,   edit_field};
	int packets = 0;

	(void)state;
	assert_int_equal(nfqueue_edit_new(&trial.test.edit), 0);
	for (uint64_t i = 0; i < PACKETS; i++) {
		trial.random.state = i;
		trial.test.bytes = NULL;
		if (next_packet(&trial) == 0) {
			for (uint32_t done = below(&trial, EDITS) + 1; done > 0; done--) {
				edits[below(&trial, 6)](&trial);
				if (below(&trial, 2))
					check(&trial);
				else
					commit_and_check(&trial);
			}
			commit_and_check(&trial);
			packets++;
		}
		free(trial.test.bytes);
	}
	nfqueue_edit_free(trial.test.edit);
	assert_true(packets > PACKETS * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_edits_are_what_a_model_makes_of_them),
	};

	return cmocka_run_group_tests_name("random edits", tests, NULL, NULL);
}
