/* SPDX-License-Identifier: MIT */
/* Time that never jumps, for deadlines of the queue and of the engine. */
#ifndef NFQUEUE_QUEUE_CLOCK_H
#define NFQUEUE_QUEUE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Longer than any machine runs; it is added to the time without an overflow. */
#define CLOCK_DELAY_MAX (UINT64_MAX / 2)

static inline uint64_t clock_us_after(uint64_t delay_us)
{
	return clock_us() + (delay_us < CLOCK_DELAY_MAX ? delay_us : CLOCK_DELAY_MAX);
}

static inline uint64_t clock_ms(void)
{
	return clock_us() / 1000;
}

#endif
