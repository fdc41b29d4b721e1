/* SPDX-License-Identifier: MIT */
#include "rules/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define TUPLE_SIZE 256 /* two IPv6 addresses, ports, zone: about 100 */
#define ROUNDS 5       /* a table that is resized is not dumped whole */

struct connection {
	uint8_t family;
	bool has_zone;
	uint16_t zone, length; /* zone: as it came */
	uint32_t mask;         /* of the mark: what is to be cleared */
	char tuple[TUPLE_SIZE];
};

struct connections {
	struct connection *rows;
	size_t count, size;
	uint32_t mark, mark_mask; /* those with these bits */
	uint32_t clear;
	int error; /* kept until the end: a dump has to be read out */
};

/* --- look ------------------------------------------------------------------------- */

static struct nfgenmsg *generic_header(struct nlmsghdr *message)
{
	return mnl_nlmsg_get_payload(message);
}

static void fill_filter(struct nlmsghdr *message, const void *what)
{
	const struct connections *wanted = what;

	generic_header(message)->nfgen_family = AF_UNSPEC;
	mnl_attr_put_u32(message, CTA_MARK, htonl(wanted->mark));
	mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(wanted->mark_mask));
}

static struct connection *new_row(struct connections *found)
{
	size_t size = found->size ? 2 * found->size : 64;
	struct connection *grown;

	if (found->count == found->size) {
		grown = reallocarray(found->rows, size, sizeof(*grown));
		if (!grown) {
			found->error = -ENOMEM;
			return NULL;
		}
		found->rows = grown;
		found->size = size;
	}
	memset(&found->rows[found->count], 0, sizeof(found->rows[0]));
	return &found->rows[found->count++];
}

static const struct nlattr *find(const struct nlmsghdr *message, uint16_t type)
{
	struct nlattr *attr; /* the macro casts const away */

	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

static bool has_mark(const struct nlmsghdr *message, const struct connections *wanted)
{
	const struct nlattr *mark = find(message, CTA_MARK);

	return mark && mnl_attr_get_payload_len(mark) == sizeof(uint32_t) &&
	       (ntohl(mnl_attr_get_u32(mark)) & wanted->mark_mask) == wanted->mark;
}

static int take_connection(const struct nlmsghdr *message, void *context)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *tuple = find(message, CTA_TUPLE_ORIG);
	const struct nlattr *zone = find(message, CTA_ZONE);
	struct connections *found = context;
	struct connection *row;

	if (found->error || !tuple || mnl_attr_get_payload_len(tuple) > TUPLE_SIZE ||
	    !has_mark(message, found))
		return 0;
	row = new_row(found);
	if (!row)
		return 0;
	row->family = header->nfgen_family;
	row->mask = found->clear;
	row->length = mnl_attr_get_payload_len(tuple);
	memcpy(row->tuple, mnl_attr_get_payload(tuple), row->length);
	row->has_zone = zone && mnl_attr_get_payload_len(zone) == sizeof(row->zone);
	if (row->has_zone)
		row->zone = mnl_attr_get_u16(zone);
	return 0;
}

/* --- clear ------------------------------------------------------------------------ */

/* mark = (mark & ~CTA_MARK_MASK) ^ CTA_MARK: ctnetlink_change_mark() */
static void fill_cleared(struct nlmsghdr *message, const void *what)
{
	const struct connection *row = what;

	generic_header(message)->nfgen_family = row->family;
	mnl_attr_put(message, CTA_TUPLE_ORIG | NLA_F_NESTED, row->length, row->tuple);
	if (row->has_zone)
		mnl_attr_put_u16(message, CTA_ZONE, row->zone);
	mnl_attr_put_u32(message, CTA_MARK, 0);
	mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(row->mask));
}

/* One that ended meanwhile is none of our business. */
static int clear_all(struct rules_socket *socket, const struct connections *found)
{
	int error = 0;

	for (size_t i = 0; i < found->count && !error; i++) {
		error = rules_request(socket, RULES_CONNTRACK(IPCTNL_MSG_CT_NEW), 0,
				      fill_cleared, &found->rows[i], NULL, NULL);
		if (error == -ENOENT)
			error = 0;
	}
	return error;
}

/* Returns how many it found, or -errno. */
static int forget_round(struct rules_socket *socket, struct connections *found)
{
	int error;

	found->count = 0;
	error = rules_request(socket, RULES_CONNTRACK(IPCTNL_MSG_CT_GET), NLM_F_DUMP,
			      fill_filter, found, take_connection, found);
	if (error == -EINTR) /* what it found is right, and another round follows */
		error = 0;
	if (!error)
		error = found->error;
	if (!error)
		error = clear_all(socket, found);
	return error ? error : found->count > 0;
}

int rules_conntrack_forget(struct rules_socket *socket, const struct rules_flows *flows)
{
	const struct nfqueue_flow_marks marks = rules_flow_marks(flows);
	const uint32_t drop = rules_flow_drop_bit(flows->mask);
	struct connections found = {
		.mark = marks.accept,
		.mark_mask = marks.mask & ~drop, /* accepted and dropped ones */
		.clear = marks.mask,
	};
	int status = 1;

	for (int i = 0; i < ROUNDS && status > 0; i++)
		status = forget_round(socket, &found);
	free(found.rows);
	return status < 0 ? status : 0;
}

/* nfnetlink_rcv_msg() says EINVAL for a part of the kernel that is not there. */
int rules_conntrack_fail(struct nfqueue_rules *rules, int code)
{
	if (code == -EINVAL || code == -EOPNOTSUPP)
		return rules_fail(rules, -EOPNOTSUPP,
				  "flow verdicts: this kernel does not tell the marks of "
				  "connections (CONFIG_NF_CT_NETLINK, "
				  "CONFIG_NF_CONNTRACK_MARK)");
	return rules_fail_refused(rules, code, "cannot clear marks of connections");
}
