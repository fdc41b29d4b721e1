/* SPDX-License-Identifier: MIT */
/* One nfnetlink socket: requests, transactions, and the kernel's words about them. */
#ifndef NFQUEUE_RULES_NETLINK_H
#define NFQUEUE_RULES_NETLINK_H

#include <linux/netfilter/nfnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct mnl_socket;
struct nlmsghdr;

struct rules_socket {
	struct mnl_socket *netlink; /* NULL: not open */
	uint32_t port_id;
	uint32_t sequence;
	uint64_t inode;  /* with the port id, it names this socket for ever */
	char words[256]; /* the extended ACK of the last refusal; "": none */
};

/* Returns 0 or -errno of socket(2). */
int rules_socket_open(struct rules_socket *socket);

/* One that was opened elsewhere; what was left unread in it is thrown away. The fd
 * belongs to it, and is closed on failure. Returns 0; -EINVAL: no such socket; -errno. */
int rules_socket_adopt(struct rules_socket *socket, int fd);

/* -EBADF: it is not open. */
int rules_socket_fd(const struct rules_socket *socket);

void rules_socket_close(struct rules_socket *socket);

/* Called for each message of a reply. A negative return ends the request with it, what
 * still comes is ignored: not for dumps. */
typedef int rules_reply(const struct nlmsghdr *message, void *context);

/* The type of a request: which part of the kernel, and what of it. */
#define RULES_NFT(message) (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (message))
#define RULES_CONNTRACK(message) (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | (message))

/* Sends one message of this type and flags (NLM_F_REQUEST implied), with what `fill`
 * puts in, and waits for the end of the reply. Its family is inet, if fill leaves it so.
 * Returns 0; -EINTR: a dump that changed meanwhile, ask again; or the kernel's -errno. */
int rules_request(struct rules_socket *socket, uint16_t type, uint16_t flags,
		  void (*fill)(struct nlmsghdr *message, const void *what),
		  const void *what, rules_reply *reply, void *context);

/*
 * A transaction. Errors stick: whoever fills it need not look, rules_batch_commit() does.
 * Each message is smaller than RULES_MESSAGE_MAX: names, comments and filters have
 * limits.
 */
#define RULES_MESSAGE_MAX 4096

struct rules_batch {
	struct rules_socket *socket;
	char *bytes;
	size_t size, used;
	int error;
};

/* With space for so many messages. */
void rules_batch_begin(struct rules_batch *batch, struct rules_socket *socket,
		       size_t messages);

/* A new message, to be completed by rules_batch_end_message(); NULL after an error. */
struct nlmsghdr *rules_batch_message(struct rules_batch *batch, uint16_t type,
				     uint16_t flags);
void rules_batch_end_message(struct rules_batch *batch, const struct nlmsghdr *message);

/* All or nothing. Returns 0 or the first -errno; the batch is freed. */
int rules_batch_commit(struct rules_batch *batch);

/* The same, but the kernel only says whether it would take it. */
int rules_batch_check(struct rules_batch *batch);

#endif
