/* SPDX-License-Identifier: MIT */
/* nfq_snprintf_xml(): every flag, every size of the buffer. */
#include "cases.h"
#include "fixture.h"
#include "message.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct nfq_handle *handle;
static struct nfq_q_handle *queue;

static void open_xml(nfq_callback *callback)
{
	net_enter(NULL);
	setenv("TZ", "NFQ-5:30", 1); /* <when> is local time */
	tzset();
	wire_stop_clock(1700000000 - 1700000000 % 86400 + 86400 - 5400);
	handle = nfq_open();
	queue = nfq_create_queue(handle, 5, callback, NULL);
	if (!queue)
		give_up("nfq_create_queue");
}

static void close_xml(void)
{
	nfq_destroy_queue(queue);
	nfq_close(handle);
}

static void tell_xml(struct nfq_data *packet, int flags, size_t size)
{
	char *buffer = malloc(size);

	memset(buffer, '#', size);
	INT(nfq_snprintf_xml(buffer, size, packet, flags), "flags %#x, %zu bytes", flags,
	    size);
	tell_bytes("nfq_snprintf_xml", buffer, strnlen(buffer, size),
		   "flags %#x, %zu bytes: hex", flags, size);
	if (memchr(buffer, 0, size))
		tell("nfq_snprintf_xml", buffer, "flags %#x, %zu bytes: text", flags,
		     size);
	free(buffer);
}

static int every_flag(struct nfq_q_handle *gh, struct nfgenmsg *nfgen,
		      struct nfq_data *packet, void *data)
{
	for (int flags = 0; flags < 1 << 9; flags = flags ? flags << 1 : 1)
		tell_xml(packet, flags, 1000);
	tell_xml(packet, NFQ_XML_HW | NFQ_XML_MARK | NFQ_XML_DEV, 1000);
	tell_xml(packet, NFQ_XML_UID | NFQ_XML_GID | NFQ_XML_PHYSDEV, 1000);
	tell_xml(packet, (int)NFQ_XML_ALL, 1000);
	return 0;
}

static void flags(void)
{
	struct message message;

	open_xml(every_flag);
	message_full(&message, 5, 0x80000001);
	INT(nfq_handle_packet(handle, message.bytes, message.length), "all attributes");
	close_xml();
}

/* Seconds of the day: each field of <when> with one digit, and with two. */
static int clock_times(struct nfq_q_handle *gh, struct nfgenmsg *nfgen,
		       struct nfq_data *packet, void *data)
{
	static const long times[] = {1, 1709230000, 1735689599, 1000000000, 4102444799};
	char buffer[1000];

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		wire_stop_clock(times[i]);
		INT(nfq_snprintf_xml(buffer, sizeof(buffer), packet, NFQ_XML_TIME),
		    "time %ld", times[i]);
		tell("nfq_snprintf_xml", buffer, "time %ld: text", times[i]);
	}
	return 0;
}

static void clocks(void)
{
	struct message message;

	open_xml(clock_times);
	message_full(&message, 5, 1);
	INT(nfq_handle_packet(handle, message.bytes, message.length), "some times");
	close_xml();
}

static void absent(void)
{
	struct message message;

	open_xml(every_flag);
	message_begin(&message, NFQNL_MSG_PACKET, 5);
	INT(nfq_handle_packet(handle, message.bytes, message.length), "no attribute");
	close_xml();
}

/* What is zero is left out; a hardware address may be empty, or longer than its field. */
static int hardware(struct nfq_q_handle *gh, struct nfgenmsg *nfgen,
		    struct nfq_data *packet, void *data)
{
	static int number;
	char buffer[1000];

	INT(nfq_snprintf_xml(buffer, sizeof(buffer), packet, NFQ_XML_HW | NFQ_XML_MARK),
	    "address %d", number);
	tell("nfq_snprintf_xml", buffer, "address %d: text", number++);
	return 0;
}

static void hardware_addresses(void)
{
	static const uint8_t lengths[] = {0, 1, 6, 8};
	struct message message;

	open_xml(hardware);
	for (size_t i = 0; i < sizeof(lengths); i++) {
		uint8_t hw[12] = {0, lengths[i], 0, 0, 1, 2, 3, 4, 0xab, 0xcd, 7, 8};
		uint8_t head[7] = {0, 0, 0, 9, 0x86, 0xdd, 1};

		message_begin(&message, NFQNL_MSG_PACKET, 5);
		message_put(&message, NFQA_PACKET_HDR, head, sizeof(head));
		message_put(&message, NFQA_HWADDR, hw, sizeof(hw));
		message_put32(&message, NFQA_MARK, 0);
		INT(nfq_handle_packet(handle, message.bytes, message.length),
		    "address %zu", i);
	}
	close_xml();
}

/* --- buffers that are too small: each in a process of its own ---------------------- */

struct size {
	struct nfq_data *packet;
	size_t size;
	int flags;
};

static void one_size(const void *ctx)
{
	const struct size *size = ctx;

	tell_xml(size->packet, size->flags, size->size);
}

static int every_size(struct nfq_q_handle *gh, struct nfgenmsg *nfgen,
		      struct nfq_data *packet, void *data)
{
	static const size_t sizes[] = {0,  1,  2,   10,  39,  40,  45,  46,  60, 64,
				       65, 70, 100, 150, 200, 250, 300, 330, 400};
	char label[40];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct size size = {packet, sizes[i], (int)NFQ_XML_ALL};

		snprintf(label, sizeof(label), "size %zu", sizes[i]);
		tell_child("nfq_snprintf_xml", one_size, &size, label);
		size.flags = 0;
		snprintf(label, sizeof(label), "no flag, size %zu", sizes[i]);
		tell_child("nfq_snprintf_xml", one_size, &size, label);
	}
	return 0;
}

static void sizes(void)
{
	struct message message;

	open_xml(every_size);
	message_full(&message, 5, 1);
	INT(nfq_handle_packet(handle, message.bytes, message.length), "sizes");
	close_xml();
}

static int too_long_address(struct nfq_q_handle *gh, struct nfgenmsg *nfgen,
			    struct nfq_data *packet, void *data)
{
	const struct size size = {packet, 3000, NFQ_XML_HW};

	tell_child("nfq_snprintf_xml", one_size, &size, "address of 255 bytes");
	return 0;
}

/* hw_addrlen is larger than hw_addr. */
static void wrong_hardware_address(void)
{
	struct message message;
	uint8_t hw[12] = {0, 255, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t head[7] = {0, 0, 0, 9, 0x86, 0xdd, 1};

	open_xml(too_long_address);
	message_begin(&message, NFQNL_MSG_PACKET, 5);
	message_put(&message, NFQA_PACKET_HDR, head, sizeof(head));
	message_put(&message, NFQA_HWADDR, hw, sizeof(hw));
	INT(nfq_handle_packet(handle, message.bytes, message.length), "long address");
	close_xml();
}

const struct compat_case xml_cases[] = {
	{"xml-flags", flags},
	{"xml-clocks", clocks},
	{"xml-absent", absent},
	{"xml-hardware-addresses", hardware_addresses},
	{"xml-sizes", sizes},
	{"xml-wrong-hardware-address", wrong_hardware_address},
	{0},
};
