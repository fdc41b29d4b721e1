/* SPDX-License-Identifier: MIT */
/* Who may be told that its packet was rejected. */
#ifndef NFQUEUE_PACKET_REJECT_H
#define NFQUEUE_PACKET_REJECT_H

#include <stdint.h>

#include <nfqueue/view.h>

/* 0: the sender may be told; -ENOENT: it may not; -EMSGSIZE: whether its checksum is
 * right could have been told by the whole packet alone. */
int reject_check(const struct nfqueue_view *view, uint32_t skb_info);

#endif
