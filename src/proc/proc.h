/* SPDX-License-Identifier: MIT */
/* What /proc tells about netlink sockets. Knows no other layer. */
#ifndef NFQUEUE_PROC_H
#define NFQUEUE_PROC_H

#include <stddef.h>
#include <stdint.h>

/* A row of /proc/net/netfilter/nfnetlink_queue. Source: nfnetlink_queue.c, seq_show(). */
struct proc_queue {
	uint32_t queue;
	uint32_t port_id;
	uint32_t waiting;
	uint32_t copy_mode;
	uint32_t copy_range;
	uint32_t dropped_full;
	uint32_t dropped_socket;
	uint32_t last_id;
};

/* One line of that table. Returns 0, or -EBADMSG. */
int proc_queue_parse(const char *line, struct proc_queue *row);

/* The table, at most `max` rows of it. Returns how many there are; -ENOENT without
 * nfnetlink_queue; -EBADMSG; -errno of open(2). */
int proc_queue_read(struct proc_queue *rows, size_t max);

/* The row of one queue. Returns 0; -ENOENT: nobody has this queue; or as above. */
int proc_queue_find(uint16_t queue, struct proc_queue *row);

/* The inode of the NETLINK_NETFILTER socket with this port id, whoever has it open.
 * Returns 0; -ENOENT: there is none in this network namespace; -errno of open(2). */
int proc_port_inode(uint32_t port_id, uint64_t *inode);

/* A process that has the NETLINK_NETFILTER socket with this port id open, and its name.
 * Returns its pid, or 0: none found (another pid namespace, no right to look). */
int32_t proc_port_owner(uint32_t port_id, char name[16]);

#endif
