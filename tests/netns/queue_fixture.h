/* SPDX-License-Identifier: MIT */
/* What the tests of the queue and of the engine share: rules, handles, threads. */
#ifndef NFQUEUE_TESTS_QUEUE_FIXTURE_H
#define NFQUEUE_TESTS_QUEUE_FIXTURE_H

#include <nfqueue/nfqueue.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "netns.h"

#define PORT 5000
#define WAIT_MS 10000 /* for what must come: a noisy machine takes its time */
#define QUIET_MS 100  /* for what must not come */

/* For tests that need a peer; closed by clean_up(). */
extern struct netns_pair pair;

/** Teardown of every test: closes queues and the pair, removes all iptables rules. The
 * test fails if the kernel has warned meanwhile. */
int clean_up(void **state);

/** Opens a queue that clean_up() closes; the test fails with the reason. */
struct nfqueue *open_queue(struct nfqueue_options options);

/** Closes it now. */
void close_queue(struct nfqueue *queue);

/** Makes an engine; the test fails with the reason. Whose `engine` it is frees it. */
void new_engine(struct nfqueue_engine **engine, struct nfqueue_engine_options options);

/** The same, and starts it. */
void launch_engine(struct nfqueue_engine **engine, struct nfqueue_engine_options options);

struct nfqueue_stats stats_of_engine(struct nfqueue_engine *engine);

/** `iptables` and `ip6tables` with these arguments. */
void rule(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** -A OUTPUT for UDP to PORT, into the queue. */
void queue_output(uint16_t number);

/** Has the queue something to receive? */
bool readable(struct nfqueue *queue, int timeout_ms);

/** Of start_on_loopback(), for datagrams to PORT; -1 else. */
extern int udp_server, udp_client;

/** Opens a queue, sends it what leaves for PORT, and opens the two sockets. */
struct nfqueue *start_on_loopback(struct nfqueue_options options);

/** Teardown: clean_up(), and the sockets are closed. */
int end_on_loopback(void **state);

/** What rule `index` (1...) has counted; program: "iptables -t mangle", ... */
uint64_t rule_count(const char *program, const char *chain, int index);

/** Receives `count` packets at the most, deciding each; returns how many came. All
 * verdicts are sent, and refusals read, when it returns. */
uint32_t decide_next(struct nfqueue *queue, uint32_t count,
		     struct nfqueue_verdict verdict);

/** One nfqueue_recv() that must bring exactly `count` (at most 64) packets. */
void receive(struct nfqueue *queue, struct nfqueue_packet **packets, int count);

/** Sends what is noted, and reads what the kernel answered. No packet may be waiting. */
void flush_and_settle(struct nfqueue *queue);

struct nfqueue_stats stats_of(struct nfqueue *queue);

/** The test fails if received is not the sum of what the packets became. */
void assert_sums_up(const struct nfqueue_stats *stats);

/** The same, and nothing was lost, passed unseen, flushed or refused. */
void assert_nothing_lost(const struct nfqueue_stats *stats);

/**
 * Verdicts for `count` (at most 64) ids that no packet has, in one send on the queue's
 * own socket. The kernel answers each with an error, between the packets.
 */
void send_bogus(struct nfqueue *queue, uint32_t count);

/** The number in a datagram of netns_udp_send(), over IPv4 or IPv6. */
uint32_t datagram_number(const struct nfqueue_packet *packet);

/** A thread that decides what comes until it is stopped. */
struct decider {
	struct nfqueue *queue;
	nfqueue_decide_fn decide;
	void *ctx;
	uint64_t decided;
	int result; /* of the nfqueue_recv() that ended it early */
	atomic_bool stop;
	pthread_t thread;
};

/** Accepts each packet. */
struct nfqueue_verdict decide_accept(struct nfqueue_packet *packet, void *ctx);

void decider_start(struct decider *decider, struct nfqueue *queue,
		   nfqueue_decide_fn decide, void *ctx);

/** Ends when nothing more comes; the verdicts are sent by then. */
void decider_stop(struct decider *decider);

/**
 * Holds packets until a window of them is full, then accepts them in another order.
 * Make it with reorderer_init().
 */
struct reorderer {
	struct nfqueue *queue;
	struct nfqueue_packet **held; /* the window, `count` of `window` in use */
	uint32_t window, count;
	uint32_t seed;  /* 0: the last comes first; else of the shuffle */
	uint32_t bogus; /* send_bogus() so many for each packet */
	uint32_t pass;  /* of each 64 packets so many are accepted at once, unheld */
	uint64_t taken;
	int result; /* of what ended the thread early */
	atomic_bool stop;
	pthread_t thread;
};

void reorderer_init(struct reorderer *reorderer, struct nfqueue *queue, uint32_t window,
		    uint32_t seed);
void reorderer_free(struct reorderer *reorderer);

/** Takes `total` packets, which must come, in this thread. What fills no window any more
 * is released at the end. `order` NULL, or room for the datagrams' numbers in the order
 * of their release. */
void reorderer_take(struct reorderer *reorderer, uint32_t total, uint32_t *order);

/** The same in a thread, until it is stopped. A window that nothing more comes for is
 * released as it is, so that TCP goes on. */
void reorderer_start(struct reorderer *reorderer);
void reorderer_stop(struct reorderer *reorderer);

/** A thread that sends the datagrams 0 .. count - 1, at full speed, on loopback. */
struct sender {
	int server, client;
	uint32_t count;
	pthread_t thread;
};

void sender_start(struct sender *sender, const char *ip, uint32_t count);

/** Waits until all are sent. */
void sender_join(struct sender *sender);

/** What came; closes the sockets. Each number comes up in `tally` at most once. */
void sender_collect(struct sender *sender, int timeout_ms, struct netns_tally *tally);

/** Gives up all capabilities of this thread. */
void drop_capabilities(void);

#endif
