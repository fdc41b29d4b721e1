/* SPDX-License-Identifier: MIT */
/* How long packets may be that leave by an interface. Asked for once a second, not once a
 * packet. */
#ifndef CLI_MTU_H
#define CLI_MTU_H

#include <stdatomic.h>
#include <stdint.h>

#define MTU_PLACES 64u

struct mtu_cache {
	int socket;                         /* -1: none */
	_Atomic uint64_t known[MTU_PLACES]; /* index << 32 | MTU */
};

/* Of the calling thread's network namespace. */
void mtu_open(struct mtu_cache *cache);
void mtu_close(struct mtu_cache *cache);

/* What is known is to be looked up anew. Any thread. */
void mtu_forget(struct mtu_cache *cache);

/* Of the interface with this index; 0: it is not known. Any thread. */
uint32_t mtu_of(struct mtu_cache *cache, uint32_t index);

#endif
