/* SPDX-License-Identifier: MIT */
/* Changes, made to an edit. */
#ifndef POLICY_MODIFY_H
#define POLICY_MODIFY_H

#include "policy/effect.h"
#include "policy/netem.h"

/* Makes all sets. How many of their fields the packet has, or the edit's error: some may
 * be made then. */
int policy_modify_set(struct nfqueue_edit *edit, const struct policy_changes *changes);

/* Replaces in the payload of this packet alone. How many, or the edit's error: some may
 * be made then. */
int policy_modify_replace(struct nfqueue_edit *edit,
			  const struct policy_changes *changes);

/* Lowers the MSS of a SYN, so that segments which grow a little still fit their way. 0,
 * or the edit's error. */
int policy_modify_room(struct nfqueue_edit *edit, uint32_t mtu);

/* Makes all checksums, also those that the kernel has left open in a packet that is not
 * changed: the bytes may then go elsewhere. 0, or the edit's error. */
int policy_modify_finish(struct nfqueue_edit *edit, uint32_t skb_info);

/* 0..3 */
uint8_t policy_modify_ecn(const struct nfqueue_view *view);

/* Flips a bit, but none that keeps the packet from being sent. 0, or the edit's error. */
int policy_modify_corrupt(struct nfqueue_edit *edit, const struct netem_copy *how);

#endif
