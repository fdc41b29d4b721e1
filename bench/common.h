/* SPDX-License-Identifier: MIT */
/* What all subjects share: the command line, the word with the driver, the clocks. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stdint.h>

/* A drain is measured with the same kernel settings for every subject. */
#define BENCH_MAX_LENGTH 65536u
#define BENCH_SOCKET_BUFFER (64u << 20)

enum bench_policy {
	BENCH_ACCEPT,
	BENCH_DROP10,    /* drop every tenth */
	BENCH_ALTERNATE, /* drop every second */
};

/* In which order held packets are decided. */
enum bench_order {
	BENCH_ARRIVAL,
	BENCH_REVERSED, /* a window of them from the newest to the oldest */
	BENCH_RANDOM,   /* a window of them shuffled */
};

struct bench_options {
	uint32_t drain; /* packets that wait and shall be decided; 0: decide until killed
			 */
	enum bench_policy policy;
	enum bench_order order;
	bool batch;            /* the subject's own way to decide several at once */
	bool large;            /* live, but with the kernel settings of a drain */
	bool fail_open;        /* what has no room is accepted */
	bool pin;              /* the threads stay on their CPUs */
	bool edit;             /* each packet is changed first: BENCH_EDIT */
	uint32_t work_us;      /* CPU time that each decision takes */
	uint32_t queues;       /* so many from 0 on; 0: one */
	uint32_t deciders;     /* threads that decide, beside the reader */
	uint32_t busy_poll_us; /* looked for packets so long before a sleep */
	uint32_t flow_after;   /* the flow is accepted with this packet; 0: never */
	uint32_t copy_range;   /* bytes; 0: whole packets */
	uint32_t hold;         /* packets held at once */
	uint32_t deadline_ms;  /* of each of them; 0: none */
};

/* What the first bytes of each packet's payload become: as many as there are here. The
 * driver's socket looks for them (EDITED in common.py). */
#define BENCH_EDIT "xxxxxxxxxxxxxxxxxxxx"
#define BENCH_EDIT_LENGTH (sizeof(BENCH_EDIT) - 1)

struct bench_time {
	uint64_t cpu_ns; /* of the whole process, all threads, user and system */
	uint64_t wall_ns;
};

/* Exits with a message if the command line is wrong. */
void bench_parse(struct bench_options *options, int argc, char **argv);

/* Tells the driver that the queue is bound. For a drain, waits until the driver has
 * filled it. False: the driver has had enough. */
bool bench_ready(const struct bench_options *options);

struct bench_time bench_now(void);

/* One line for the driver: what was decided, and what it took since `start`. */
void bench_report(uint32_t decided, struct bench_time start);

/* Work: uses the CPU, not the clock, so that a busy machine does not shorten it. */
void bench_work(uint32_t microseconds);

/* Makes the receive buffer as large as a drain needs, or as large as one may. */
void bench_socket_buffer(int fd);

static inline bool bench_drops(enum bench_policy policy, uint32_t id)
{
	switch (policy) {
	case BENCH_DROP10:
		return id % 10 == 0;
	case BENCH_ALTERNATE:
		return id % 2 == 0;
	default:
		return false;
	}
}

#endif
