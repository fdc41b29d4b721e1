/* SPDX-License-Identifier: MIT */
/* What the library sends to the kernel: seen, and failed when a test wants that. The
 * functions of libc that do it, and those that tell the time, are replaced. */
#ifndef NFQUEUE_TESTS_COMPAT_WIRE_H
#define NFQUEUE_TESTS_COMPAT_WIRE_H

#include <stddef.h>
#include <stdint.h>

/** A call begins, maybe within another: what is sent from now on is its own. */
void wire_begin(void);

/** @return how many bytes it sent; they stay until the next call */
size_t wire_end(const uint8_t **sent);

/** The sequence number of the last message; in what was sent it shows as 0. */
uint32_t wire_sequence(void);

/** The next send to nfnetlink fails so. */
void wire_fail(int error);

/** Is called once, before the next send to nfnetlink. */
void wire_before_send(void (*call)(void *ctx), void *ctx);

/** From now on, it is always this second. */
void wire_stop_clock(long second);

#endif
