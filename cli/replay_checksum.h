/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPLAY_CHECKSUM_H
#define CLI_REPLAY_CHECKSUM_H

#include "policy/policy.h"

/* What the kernel would say of the packet's checksums: NFQUEUE_CHECKSUM_NOT_READY if it
 * was captured on the machine that sent it, before the network card has made them; else
 * 0. */
uint32_t replay_checksum_info(const struct policy_packet *packet);

#endif
