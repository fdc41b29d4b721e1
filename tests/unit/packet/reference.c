/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <string.h>

static uint32_t word(const uint8_t *bytes)
{
	return bytes[0] * 256u + bytes[1];
}

static void put_word(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value / 256);
	bytes[1] = (uint8_t)(value % 256);
}

static uint64_t add(const uint8_t *data, uint32_t from, uint32_t to)
{
	uint64_t sum = 0;

	for (uint32_t i = from; i < to; i++)
		sum += (i - from) % 2 ? data[i] : data[i] * 256u;
	return sum;
}

/* --- headers ---------------------------------------------------------------------- */

static int read_ipv4(const uint8_t *data, uint32_t length, struct reference *out)
{
	uint32_t fragment;

	if (length < 20 || (data[0] & 15) < 5 || word(data + 2) > length)
		return -1;
	out->length = word(data + 2);
	out->transport = (data[0] & 15u) * 4;
	out->protocol = data[9];
	out->destination = 16;
	fragment = word(data + 6) & 0x3fff;
	out->is_fragment = fragment != 0;
	out->is_later = (fragment & 0x1fff) != 0;
	return out->transport > out->length ? -1 : 0;
}

static int is_extension(uint8_t type)
{
	const uint8_t types[] = {0, 43, 44, 51, 60, 135, 139, 140};

	return memchr(types, type, sizeof(types)) != NULL;
}

static void read_fragment(const uint8_t *header, struct reference *out)
{
	uint32_t field = word(header + 2);

	out->is_fragment |= (field & ~6u) != 0;
	out->is_later |= field / 8 != 0;
}

/* The way's last address, while there are segments left. */
static void read_routing(const uint8_t *data, uint32_t at, uint32_t size,
			 struct reference *out)
{
	if (size < 24 || data[at + 3] == 0)
		return;
	if (data[at + 2] == 0 || data[at + 2] == 2)
		out->destination = at + size - 16;
	else if (data[at + 2] == 4)
		out->destination = at + 8;
}

static int read_ipv6(const uint8_t *data, uint32_t length, struct reference *out)
{
	uint32_t at = 40, size;

	if (length < 40 || 40 + word(data + 4) > length)
		return -1;
	out->length = 40 + word(data + 4);
	out->protocol = data[6];
	out->destination = 24;
	while (is_extension(out->protocol) && !out->is_later) {
		if (out->length - at < 8)
			return -1;
		size = (data[at + 1] + 1u) * 8;
		if (out->protocol == 44)
			size = 8;
		if (out->protocol == 51)
			size = (data[at + 1] + 2u) * 4;
		if (size > out->length - at)
			return -1;
		if (out->protocol == 44)
			read_fragment(data + at, out);
		if (out->protocol == 43)
			read_routing(data, at, size, out);
		out->protocol = data[at];
		at += size;
	}
	out->transport = at;
	return 0;
}

/* --- transport -------------------------------------------------------------------- */

static void set_places(struct reference *out, uint32_t checksum, int has_pseudo,
		       uint32_t header)
{
	if (out->length - out->transport >= checksum + 2)
		out->checksum = out->transport + checksum;
	out->has_pseudo = has_pseudo;
	if (header && out->length - out->transport >= header)
		out->payload = out->transport + header;
}

static void read_transport(const uint8_t *data, struct reference *out)
{
	uint32_t left = out->length - out->transport, told;

	switch (out->protocol) {
	case 6:
		told = left > 12 ? (data[out->transport + 12] >> 4) * 4u : 0;
		set_places(out, 16, 1, told >= 20 ? told : 0);
		break;
	case 17:
		told = left >= 8 ? word(data + out->transport + 4) : 0;
		set_places(out, 6, 1, told >= 8 ? 8 : 0);
		if (!out->is_fragment && told >= 8 && told < left)
			out->end = out->transport + told;
		break;
	case 1:
		if (out->ip_version == 4)
			set_places(out, 2, 0, 8);
		break;
	case 58:
		if (out->ip_version == 6)
			set_places(out, 2, 1, 4);
		break;
	case 33:
	case 136:
		set_places(out, 6, 1, 0);
	}
}

int reference_read(const uint8_t *data, uint32_t length, struct reference *out)
{
	int ret = -1;

	memset(out, 0, sizeof(*out));
	if (!length)
		return -1;
	out->ip_version = data[0] / 16;
	if (out->ip_version == 4)
		ret = read_ipv4(data, length, out);
	if (out->ip_version == 6)
		ret = read_ipv6(data, length, out);
	if (ret < 0)
		return ret;
	out->end = out->length;
	if (!out->is_later && out->protocol != 59)
		read_transport(data, out);
	return 0;
}

/* --- checksums -------------------------------------------------------------------- */

uint32_t reference_transport_rest(const uint8_t *data, const struct reference *packet)
{
	uint32_t size = packet->ip_version == 4 ? 4 : 16;
	uint32_t source = packet->ip_version == 4 ? 12 : 8;
	uint64_t sum = add(data, packet->transport, packet->end);

	if (packet->has_pseudo) {
		sum += add(data, source, source + size);
		sum += add(data, packet->destination, packet->destination + size);
		sum += packet->protocol + (packet->end - packet->transport);
	}
	return (uint32_t)(sum % 65535);
}

uint32_t reference_header_rest(const uint8_t *data)
{
	return (uint32_t)(add(data, 0, (data[0] & 15u) * 4) % 65535);
}

/* What brings the rest to 0: as RFC 1071 makes it, never -0 but for UDP. */
static void finish(uint8_t *field, uint32_t rest, int is_udp)
{
	uint32_t checksum = rest ? 65535 - rest : 0;

	put_word(field, is_udp && !checksum ? 0xffff : checksum);
}

void reference_finish(uint8_t *data, const struct reference *packet)
{
	uint8_t *field = data + packet->checksum;

	if (packet->ip_version == 4) {
		put_word(data + 10, 0);
		finish(data + 10, reference_header_rest(data), 0);
	}
	if (!packet->checksum)
		return;
	put_word(field, 0);
	finish(field, reference_transport_rest(data, packet),
	       packet->protocol == 17 || packet->protocol == 136);
}
