/* SPDX-License-Identifier: MIT */
/* Packets that the program did not know it would get: `nfqueue exec --gso`. */
#ifndef NFQUEUE_COMPAT_UNCUT_H
#define NFQUEUE_COMPAT_UNCUT_H

#include "handle.h"

/* Has the kernel send the packets of this queue uncut, if that was asked for. */
void uncut_ask(struct nfq_q_handle *queue);

/* A packet message that was longer than the program's buffer, of which it has `length`
 * bytes, becomes one whose payload ends there, as the copy range would have it. Returns
 * false: it is no such message. */
bool uncut_fit(struct nlmsghdr *message, uint32_t length);

/* Whether the program may send this packet's payload back: it had all of it. */
bool uncut_may_replace(struct nfq_q_handle *queue, uint32_t id);

#endif
