/* SPDX-License-Identifier: MIT */
#include "rules/userdata.h"

#include <libnftnl/udata.h>
#include <stdio.h>
#include <string.h>

#define COMMENT_SIZE 128 /* nft: NFTNL_UDATA_COMMENT_MAXLEN, with its terminator */

/* A type that nft does not know, and so skips. */
#define MAKER_TYPE 0x51
#define MAKER_VERSION 1

struct maker_bytes {
	uint8_t version, on_crash, reserved[2];
	uint32_t port_id;
	uint64_t inode;
};

#define FLOWS_TYPE 0x52
#define FLOWS_VERSION 1

struct flows_bytes {
	uint8_t version, reserved[3];
	uint32_t mask, epoch, generation;
};

#define GUARD_TYPE 0x53
#define GUARD_VERSION 1

struct guard_bytes {
	uint8_t version, reserved[3];
	uint32_t mark;
};

_Static_assert(sizeof(struct guard_bytes) == 8, "no padding in what the kernel keeps");
_Static_assert(sizeof(struct flows_bytes) == 16, "no padding in what the kernel keeps");
_Static_assert(sizeof(struct maker_bytes) == 16, "no padding in what the kernel keeps");
_Static_assert((int)NFTNL_UDATA_TABLE_COMMENT == (int)NFTNL_UDATA_RULE_COMMENT,
	       "one function writes both");

static void append(struct rules_userdata *userdata, uint8_t type, const void *value,
		   uint8_t length)
{
	uint8_t *at = userdata->bytes + userdata->length;

	if (RULES_USERDATA_MAX - userdata->length < 2u + length)
		return;
	at[0] = type;
	at[1] = length;
	memcpy(at + 2, value, length);
	userdata->length += 2u + length;
}

void rules_userdata_comment(struct rules_userdata *userdata, const char *comment)
{
	char text[COMMENT_SIZE];

	snprintf(text, sizeof(text), "%s", comment);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '"' || *c == '\x7f')
			*c = ' ';
	append(userdata, NFTNL_UDATA_TABLE_COMMENT, text, (uint8_t)(strlen(text) + 1));
}

void rules_userdata_maker(struct rules_userdata *userdata,
			  const struct rules_maker *maker)
{
	struct maker_bytes bytes = {
		.version = MAKER_VERSION,
		.on_crash = maker->on_crash,
		.port_id = maker->port_id,
		.inode = maker->inode,
	};

	append(userdata, MAKER_TYPE, &bytes, sizeof(bytes));
}

static bool read_maker(const uint8_t *value, size_t length, struct rules_maker *maker)
{
	struct maker_bytes bytes;

	if (length != sizeof(bytes))
		return false;
	memcpy(&bytes, value, sizeof(bytes));
	if (bytes.version != MAKER_VERSION || bytes.on_crash > 1)
		return false;
	maker->port_id = bytes.port_id;
	maker->inode = bytes.inode;
	maker->on_crash = bytes.on_crash;
	return true;
}

/* The value of the first of this type; NULL: none, or the lengths make no sense. */
static const uint8_t *find(const uint8_t *bytes, size_t length, uint8_t type,
			   size_t *value_length)
{
	size_t at = 0;

	while (length - at >= 2) {
		*value_length = bytes[at + 1];
		if (*value_length > length - at - 2)
			return NULL;
		if (bytes[at] == type)
			return bytes + at + 2;
		at += 2 + *value_length;
	}
	return NULL;
}

bool rules_userdata_find_maker(const uint8_t *bytes, size_t length,
			       struct rules_maker *maker)
{
	size_t value_length;
	const uint8_t *value = find(bytes, length, MAKER_TYPE, &value_length);

	return value && read_maker(value, value_length, maker);
}

/* --- flow verdicts ---------------------------------------------------------------- */

void rules_userdata_flows(struct rules_userdata *userdata,
			  const struct rules_flows *flows)
{
	struct flows_bytes bytes = {
		.version = FLOWS_VERSION,
		.mask = flows->mask,
		.epoch = flows->epoch,
		.generation = flows->generation,
	};

	append(userdata, FLOWS_TYPE, &bytes, sizeof(bytes));
}

bool rules_userdata_find_flows(const uint8_t *bytes, size_t length,
			       struct rules_flows *flows)
{
	size_t value_length;
	const uint8_t *value = find(bytes, length, FLOWS_TYPE, &value_length);
	struct flows_bytes found;

	if (!value || value_length != sizeof(found))
		return false;
	memcpy(&found, value, sizeof(found));
	if (found.version != FLOWS_VERSION || rules_flow_epochs(found.mask) == 0 ||
	    found.epoch > rules_flow_epochs(found.mask))
		return false;
	*flows = (struct rules_flows){found.mask, found.epoch, found.generation};
	return true;
}

/* --- the guard mark --------------------------------------------------------------- */

void rules_userdata_guard(struct rules_userdata *userdata, uint32_t mark)
{
	struct guard_bytes bytes = {.version = GUARD_VERSION, .mark = mark};

	append(userdata, GUARD_TYPE, &bytes, sizeof(bytes));
}

uint32_t rules_userdata_find_guard(const uint8_t *bytes, size_t length)
{
	size_t value_length;
	const uint8_t *value = find(bytes, length, GUARD_TYPE, &value_length);
	struct guard_bytes found;

	if (!value || value_length != sizeof(found))
		return 0;
	memcpy(&found, value, sizeof(found));
	return found.version == GUARD_VERSION ? found.mark : 0;
}
