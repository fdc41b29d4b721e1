/* SPDX-License-Identifier: MIT */
/* For tests of held packets: a reader that holds all, and an exact look at what came. */
#ifndef NFQUEUE_TESTS_HOLDER_H
#define NFQUEUE_TESTS_HOLDER_H

#include "queue_fixture.h"

/** How a reader waits. */
enum waiting {
	WAIT_ASLEEP,  /* nfqueue_recv(-1) */
	WAIT_TIMEOUT, /* nfqueue_recv(1000) */
	WAIT_POLL,    /* poll() with nfqueue_timeout(), then nfqueue_recv(0) */
};

/** A thread that holds what comes, and tells others: those below `count` are theirs. */
struct holder {
	struct nfqueue *queue;
	enum waiting waiting;
	/** Called for each packet in place of nfqueue_packet_hold(). May be NULL. */
	int (*hold)(struct nfqueue_packet *packet, uint32_t number, void *ctx);
	void *ctx;
	struct nfqueue_packet **held; /* by datagram number */
	uint32_t size;
	atomic_uint count; /* of those that came */
	atomic_bool stop;
	pthread_t thread;
};

/** For the datagrams 0 .. size - 1. */
void holder_start(struct holder *holder, struct nfqueue *queue, uint32_t size);

/** Waits until `count` are held. */
void holder_wait(struct holder *holder, uint32_t count);

/** Ends the thread; what is decided is sent. */
void holder_stop(struct holder *holder);

/** What became of each of `size` datagrams; all lost at the beginning. */
struct arrivals {
	uint32_t size, came;
	uint8_t *times;  /* how often each number came */
	uint32_t *order; /* the numbers, as they came */
	uint64_t *at_ms; /* when each came, by netns_now() */
};

struct arrivals arrivals_new(uint32_t size);
void arrivals_free(struct arrivals *arrivals);

/** Receives until `wanted` came, and what else is there QUIET_MS later; the test fails if
 * one comes twice. */
void arrivals_collect(struct arrivals *arrivals, int server, uint32_t wanted);

/** The test fails unless those came for which `wanted` is true, and no others. */
void arrivals_check(const struct arrivals *arrivals, const bool *wanted);

/** arrivals_collect() and arrivals_check() of `size` datagrams. */
void assert_came(int server, const bool *wanted, uint32_t size);

/** A small pseudo random generator of the caller's own. */
uint32_t random_next(uint32_t *seed);

/** A seed that the test's output tells. */
uint32_t random_seed(void);

/** The numbers 0 .. count - 1 in a random order. */
void shuffle(uint32_t *numbers, uint32_t count, uint32_t *seed);

/** Waits until nothing is held any more; the test fails if that takes too long. */
struct nfqueue_stats wait_for_none_held(struct nfqueue *queue);

#endif
