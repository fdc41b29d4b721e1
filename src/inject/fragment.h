/* SPDX-License-Identifier: MIT */
/* An IPv4 packet in fragments. Bytes only: no socket. */
#ifndef NFQUEUE_INJECT_FRAGMENT_H
#define NFQUEUE_INJECT_FRAGMENT_H

#include <nfqueue/build.h>

#include "inject/target.h"

/*
 * Calls `put` for each fragment of at most `mtu` bytes, in order; their header checksums
 * are the kernel's to make. `id` is theirs, if the packet has none. Returns how many;
 * -EMSGSIZE the header leaves no room, or the packet is longer than fragments tell;
 * -ENOMEM; what `put` returned, if that is negative.
 */
int inject_fragment(const struct inject_target *target, size_t mtu, uint16_t id,
		    nfqueue_put_fn put, void *ctx);

#endif
