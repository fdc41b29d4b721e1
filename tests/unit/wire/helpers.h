/* SPDX-License-Identifier: MIT */
/* Exact-size copies, so that ASan sees a read past the end; a random source; readers. */
#ifndef TESTS_WIRE_HELPERS_H
#define TESTS_WIRE_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire.h"

static inline uint8_t *exact_copy(const uint8_t *data, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, data, length);
	return copy;
}

static inline void set_u16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void set_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* splitmix64: the same numbers on each run */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Reads every byte of a range: under ASan, it must be there. */
static inline void touch(struct wire_bytes bytes)
{
	for (uint32_t i = 0; i < bytes.length; i++)
		__asm__ volatile("" : : "r"(bytes.data[i]));
}

static inline void touch_packet(const struct wire_packet *packet)
{
	touch(packet->payload);
	touch(packet->ct);
	touch(packet->expectation);
	touch(packet->secctx);
	touch(packet->l2_header);
}

static inline void touch_error(const struct wire_error *error)
{
	touch(error->text);
	touch(error->request);
}

/*
 * Decodes all that a receive buffer holds. Returns 0 or -EBADMSG, whatever failed first.
 */
static inline int decode_all(const uint8_t *data, size_t length)
{
	struct wire_bytes buffer = {data, (uint32_t)length};
	struct wire_message message;
	struct wire_packet packet;
	struct wire_error error;
	int rc, result = 0;

	while ((rc = wire_message_next(&buffer, &message)) > 0) {
		touch(message.body);
		if (wire_is_packet(&message)) {
			rc = wire_packet_decode(&message, &packet);
			if (rc == 0)
				touch_packet(&packet);
		} else {
			rc = wire_error_decode(&message, &error);
			if (rc == 0)
				touch_error(&error);
		}
		if (rc < 0 && result == 0)
			result = rc;
	}
	return rc < 0 ? rc : result;
}

/* All that is no byte range. */
static inline void check_numbers(const struct wire_packet *actual,
				 const struct wire_packet *expected)
{
	assert_int_equal(actual->present, expected->present);
	assert_int_equal(actual->id, expected->id);
	assert_int_equal(actual->queue, expected->queue);
	assert_int_equal(actual->hw_protocol, expected->hw_protocol);
	assert_int_equal(actual->family, expected->family);
	assert_int_equal(actual->hook, expected->hook);
	assert_int_equal(actual->hw_address_length, expected->hw_address_length);
	assert_memory_equal(actual->hw_address, expected->hw_address, 8);
	assert_int_equal(actual->mark, expected->mark);
	assert_int_equal(actual->indev, expected->indev);
	assert_int_equal(actual->outdev, expected->outdev);
	assert_int_equal(actual->physindev, expected->physindev);
	assert_int_equal(actual->physoutdev, expected->physoutdev);
	assert_int_equal(actual->cap_len, expected->cap_len);
	assert_int_equal(actual->skb_info, expected->skb_info);
	assert_int_equal(actual->ct_info, expected->ct_info);
	assert_int_equal(actual->uid, expected->uid);
	assert_int_equal(actual->gid, expected->gid);
	assert_int_equal(actual->priority, expected->priority);
	assert_int_equal(actual->cgroup_classid, expected->cgroup_classid);
	assert_int_equal(actual->vlan_protocol, expected->vlan_protocol);
	assert_int_equal(actual->vlan_tci, expected->vlan_tci);
	assert_int_equal(actual->timestamp_sec, expected->timestamp_sec);
	assert_int_equal(actual->timestamp_usec, expected->timestamp_usec);
}

#endif
