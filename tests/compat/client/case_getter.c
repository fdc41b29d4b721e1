/* SPDX-License-Identifier: MIT */
/* What a callback learns of a packet: everything, nothing, and what has another size. */
#include "cases.h"
#include "fixture.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct getter {
	const char *label;
	const char *bytes; /* the message */
	int length;
	struct nlif_handle *names;
	bool names_only;
};

/* Pointers point into the caller's buffer. */
static void tell_place(const struct getter *getter, const char *function,
		       const void *pointer)
{
	const char *at = pointer;
	const bool inside =
		at && at >= getter->bytes && at < getter->bytes + getter->length;

	tell_int(function, inside ? at - getter->bytes : -1, "%s: place", getter->label);
}

static void tell_numbers(const struct getter *getter, struct nfq_data *packet)
{
	const char *label = getter->label;
	struct timeval when = {7, 8};
	uint32_t user = 99, group = 98;

	INT(nfq_get_nfmark(packet), "%s", label);
	INT(nfq_get_indev(packet), "%s", label);
	INT(nfq_get_outdev(packet), "%s", label);
	INT(nfq_get_physindev(packet), "%s", label);
	INT(nfq_get_physoutdev(packet), "%s", label);
	INT(nfq_get_skbinfo(packet), "%s", label);
	INT(nfq_get_uid(packet, &user), "%s", label);
	tell_int("nfq_get_uid", user, "%s: value", label);
	INT(nfq_get_gid(packet, &group), "%s", label);
	tell_int("nfq_get_gid", group, "%s: value", label);
	INT(nfq_get_timestamp(packet, &when), "%s", label);
	tell_int("nfq_get_timestamp", when.tv_sec, "%s: seconds", label);
	tell_int("nfq_get_timestamp", when.tv_usec, "%s: microseconds", label);
}

static void tell_pointers(const struct getter *getter, struct nfq_data *packet)
{
	const char *label = getter->label;
	unsigned char some, *data = &some;
	long long length;
	void *pointer;

	pointer = POINTER(nfq_get_msg_packet_hdr(packet), "%s", label);
	tell_place(getter, "nfq_get_msg_packet_hdr", pointer);
	pointer = POINTER(nfq_get_packet_hw(packet), "%s", label);
	tell_place(getter, "nfq_get_packet_hw", pointer);
	if (pointer)
		tell_bytes("nfq_get_packet_hw", pointer, 12, "%s: bytes", label);
	length = INT(nfq_get_secctx(packet, &data), "%s", label);
	tell_int("nfq_get_secctx", data == &some, "%s: untouched", label);
	if (length > 0)
		tell_bytes("nfq_get_secctx", data, (size_t)length, "%s: bytes", label);
	data = &some;
	INT(nfq_get_payload(packet, &data), "%s", label);
	tell_int("nfq_get_payload", data == NULL, "%s: no data", label);
	tell_place(getter, "nfq_get_payload", data);
}

static void tell_names(const struct getter *getter, struct nfq_data *packet)
{
	const char *label = getter->label;
	char name[IFNAMSIZ] = "untouched";

	INT(nfq_get_indev_name(getter->names, packet, name), "%s", label);
	tell("nfq_get_indev_name", name, "%s: name", label);
	strcpy(name, "untouched");
	INT(nfq_get_outdev_name(getter->names, packet, name), "%s", label);
	tell("nfq_get_outdev_name", name, "%s: name", label);
	strcpy(name, "untouched");
	INT(nfq_get_physindev_name(getter->names, packet, name), "%s", label);
	tell("nfq_get_physindev_name", name, "%s: name", label);
	strcpy(name, "untouched");
	INT(nfq_get_physoutdev_name(getter->names, packet, name), "%s", label);
	tell("nfq_get_physoutdev_name", name, "%s: name", label);
}

static int tell_all(struct nfq_q_handle *queue, struct nfgenmsg *nfgen,
		    struct nfq_data *packet, void *data)
{
	const struct getter *getter = data;

	tell_place(getter, "callback", nfgen);
	tell_names(getter, packet);
	if (getter->names_only)
		return 0;
	tell_numbers(getter, packet);
	tell_pointers(getter, packet);
	return 0;
}

static struct getter *open_getter(struct fixture *fixture)
{
	struct getter *getter = calloc(1, sizeof(*getter));

	net_enter(NULL);
	memset(fixture, 0, offsetof(struct fixture, buffer));
	fixture_open(fixture);
	fixture->names = getter->names = nlif_open();
	if (!fixture->names || nlif_query(fixture->names) < 0)
		give_up("nlif_query");
	fixture->queue = nfq_create_queue(fixture->handle, 5, tell_all, getter);
	if (!fixture->queue)
		give_up("nfq_create_queue");
	return getter;
}

static void handle(struct fixture *fixture, struct getter *getter,
		   const struct message *message, const char *label)
{
	char *copy = malloc((size_t)message->length);

	memcpy(copy, message->bytes, (size_t)message->length);
	getter->label = label;
	getter->bytes = copy;
	getter->length = message->length;
	INT(nfq_handle_packet(fixture->handle, copy, message->length), "%s", label);
	free(copy);
}

static struct fixture fixture;

static void close_getter(struct getter *getter)
{
	fixture_close(&fixture);
	free(getter);
}

static void everything(void)
{
	struct getter *getter = open_getter(&fixture);
	struct message message;

	message_full(&message, 5, 0xfedcba98);
	handle(&fixture, getter, &message, "all attributes");
	close_getter(getter);
}

static void nothing(void)
{
	struct getter *getter = open_getter(&fixture);
	struct message message;

	message_begin(&message, NFQNL_MSG_PACKET, 5);
	handle(&fixture, getter, &message, "no attribute");
	message_put(&message, NFQA_PAYLOAD, "", 0);
	handle(&fixture, getter, &message, "empty payload");
	close_getter(getter);
}

/* Attributes behind those that 1.0.5 knows are there, and hide nothing. */
static void newer_attributes(void)
{
	struct getter *getter = open_getter(&fixture);
	struct message message;

	message_full(&message, 5, 1);
	for (uint16_t type = 11; type < 40; type++)
		if (type < NFQA_UID || type > NFQA_SECCTX)
			message_put32(&message, type, type);
	handle(&fixture, getter, &message, "more attributes");
	close_getter(getter);
}

/* The last of two wins, or the first: whatever it is, it stays. */
static void twice(void)
{
	struct getter *getter = open_getter(&fixture);
	struct message message;

	message_full(&message, 5, 1);
	message_put32(&message, NFQA_MARK, 77);
	message_put(&message, NFQA_PAYLOAD, "second payload", 14);
	handle(&fixture, getter, &message, "twice");
	close_getter(getter);
}

/* The kernel marks some with bits above the type. */
static void flagged_types(void)
{
	struct getter *getter = open_getter(&fixture);
	struct message message;

	message_begin(&message, NFQNL_MSG_PACKET, 5);
	message_put32(&message, NFQA_MARK | 0x8000, 77);
	message_put32(&message, NFQA_UID | 0x4000, 78);
	handle(&fixture, getter, &message, "flagged types");
	close_getter(getter);
}

static void unknown_interfaces(void)
{
	static const uint32_t indices[] = {0, 1, 2, 4711, 0xffffffff};
	struct getter *getter = open_getter(&fixture);
	struct message message;
	char label[40];

	getter->names_only = true;
	for (size_t i = 0; i < sizeof(indices) / sizeof(*indices); i++) {
		message_begin(&message, NFQNL_MSG_PACKET, 5);
		for (uint16_t type = NFQA_IFINDEX_INDEV; type <= NFQA_IFINDEX_PHYSOUTDEV;
		     type++)
			message_put32(&message, type, indices[i]);
		snprintf(label, sizeof(label), "interface %u", indices[i]);
		handle(&fixture, getter, &message, label);
	}
	close_getter(getter);
}

/* --- traffic ---------------------------------------------------------------------- */

static int tell_real(struct nfq_q_handle *queue, struct nfgenmsg *nfgen,
		     struct nfq_data *packet, void *data)
{
	const struct getter *getter = data;
	const char *label = getter->label;
	struct timeval when = {0};
	unsigned char *payload;

	tell_names(getter, packet);
	tell_bytes("nfq_get_msg_packet_hdr", nfq_get_msg_packet_hdr(packet), 7, "%s",
		   label);
	POINTER(nfq_get_packet_hw(packet), "%s", label);
	if (nfq_get_packet_hw(packet))
		tell_bytes("nfq_get_packet_hw", nfq_get_packet_hw(packet), 12,
			   "%s: bytes", label);
	INT(nfq_get_timestamp(packet, &when), "%s", label);
	tell_int("nfq_get_timestamp", when.tv_sec ? (time(NULL) - when.tv_sec) / 60 : -1,
		 "%s: minutes ago", label);
	INT(nfq_get_skbinfo(packet), "%s", label);
	INT(nfq_get_payload(packet, &payload), "%s", label);
	tell_int("nfq_get_payload", (char *)payload - getter->bytes, "%s: place", label);
	return nfq_set_verdict(queue, fixture_id(packet), NF_ACCEPT, 0, NULL);
}

static int look_for_time(struct nfq_q_handle *queue, struct nfgenmsg *nfgen,
			 struct nfq_data *packet, void *data)
{
	struct timeval when;

	*(bool *)data = nfq_get_timestamp(packet, &when) == 0;
	return 0;
}

/* The kernel begins to take times a while after somebody asked for them. */
static void wait_for_times(void)
{
	bool there = false;

	fixture_open(&fixture);
	fixture.queue = fixture_queue(&fixture, 0, look_for_time, &there);
	for (int i = 0; i < 200 && !there; i++) {
		ssize_t n;

		net_send(AF_INET, 5010, "what time is it?");
		n = net_receive(nfq_fd(fixture.handle), fixture.buffer,
				sizeof(fixture.buffer));
		nfq_handle_packet(fixture.handle, fixture.buffer, (int)n);
		usleep(10000);
	}
	if (!there)
		give_up("packets have no time");
	fixture_close(&fixture);
	memset(&fixture, 0, offsetof(struct fixture, buffer));
}

/* Packets that came in have a time, once somebody asks for times, and a hardware
 * address. */
static void traffic(void)
{
	struct getter getter = {.names = nlif_open(), .bytes = fixture.buffer};
	int on = 1, server;

	net_enter(RULES);
	nlif_close(getter.names);
	server = net_server(AF_INET, 5010);
	setsockopt(server, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
	wait_for_times();
	fixture_open(&fixture);
	fixture.names = getter.names = nlif_open();
	nlif_query(fixture.names);
	fixture.queue = fixture_queue(&fixture, 0, tell_real, &getter);
	getter.label = "comes in";
	net_send(AF_INET, 5010, "comes in");
	fixture_receive(&fixture, getter.label);
	getter.label = "goes out";
	net_send(AF_INET6, 5000, "goes out");
	fixture_receive(&fixture, getter.label);
	net_tell_datagrams(server, 1, "comes in");
	fixture_close(&fixture);
}

const struct compat_case getter_cases[] = {
	{"getter-everything", everything},
	{"getter-nothing", nothing},
	{"getter-newer-attributes", newer_attributes},
	{"getter-twice", twice},
	{"getter-flagged-types", flagged_types},
	{"getter-unknown-interfaces", unknown_interfaces},
	{"getter-traffic", traffic},
	{0},
};
