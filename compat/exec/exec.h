/* SPDX-License-Identifier: MIT */
/*
 * What `nfqueue exec` asks of the libraries that it puts under a program: more of the
 * kernel than the program did, and counts of what the program cannot see. All of it comes
 * by the environment, is read once, and is off without it.
 */
#ifndef NFQUEUE_COMPAT_EXEC_H
#define NFQUEUE_COMPAT_EXEC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct exec_options {
	bool gso;                /* NFQUEUE_EXEC_GSO=1: packets come uncut */
	bool stats;              /* NFQUEUE_EXEC_STATS=1: counts are printed at exit */
	uint32_t receive_buffer; /* NFQUEUE_EXEC_RCVBUF=BYTES; 0: as the program has it */
};

extern struct exec_options exec_options;

/* --- options.c -------------------------------------------------------------------- */

/* Tells on standard error what an option could not do, unless it `is_told` already. */
void exec_warn(atomic_flag *is_told, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Makes the receive buffer of a netlink socket as large as was asked for. */
void exec_enlarge(int fd);

/* --- counts.c --------------------------------------------------------------------- */

void exec_count_open(uint16_t queue);
void exec_count_close(uint16_t queue);
void exec_count_packet(uint16_t queue, uint32_t id);
void exec_count_verdict(uint16_t queue, uint32_t id, bool is_range);
void exec_count_refused(uint16_t queue);

/* The program has the queue from now on. */
static inline void exec_open(uint16_t queue)
{
	if (exec_options.stats)
		exec_count_open(queue);
}

/* It will not have it any more: to be called while the kernel's table still has it. */
static inline void exec_close(uint16_t queue)
{
	if (exec_options.stats)
		exec_count_close(queue);
}

/* A packet is about to be handed to the program. */
static inline void exec_packet(uint16_t queue, uint32_t id)
{
	if (__builtin_expect(exec_options.stats, false))
		exec_count_packet(queue, id);
}

/* A verdict was sent; `is_range`: for all packets up to this id. */
static inline void exec_verdict(uint16_t queue, uint32_t id, bool is_range)
{
	if (__builtin_expect(exec_options.stats, false))
		exec_count_verdict(queue, id, is_range);
}

/* A verdict could not be sent, or the kernel has refused it. */
static inline void exec_refused(uint16_t queue)
{
	if (exec_options.stats)
		exec_count_refused(queue);
}

/* --- report.c --------------------------------------------------------------------- */

/* Prints the counts when the process ends, of itself or by a signal. */
void exec_report_at_end(void);

#endif
