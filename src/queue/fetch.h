/* SPDX-License-Identifier: MIT */
/*
 * A message is decoded attribute by attribute, each behind the one before: without this
 * every cache line would be waited for in turn. So long are a small message and its
 * packet, which lie one behind the other.
 */
#ifndef NFQUEUE_QUEUE_FETCH_H
#define NFQUEUE_QUEUE_FETCH_H

#define FETCH_LINE 64u
#define FETCH_LINES 9u

static inline void fetch_packet(const void *packet)
{
	for (unsigned int i = 0; i < FETCH_LINES; i++)
		__builtin_prefetch((const char *)packet + i * FETCH_LINE);
}

#endif
