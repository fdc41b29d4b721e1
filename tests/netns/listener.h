/* SPDX-License-Identifier: MIT */
/*
 * A reader of one queue for tests of the rules, in the kernel's own protocol: the rules
 * must work without our queue library. It never waits to be decided: one thread sends
 * and reads.
 */
#ifndef NFQUEUE_TESTS_LISTENER_H
#define NFQUEUE_TESTS_LISTENER_H

#include <stdint.h>

struct mnl_socket;

struct listener {
	struct mnl_socket *socket;
	uint16_t queue;
	uint32_t ids[4096]; /* waiting */
	uint32_t waiting;
	uint8_t last_hook;
};

/* Takes the queue, fails the test otherwise. */
void listener_open(struct listener *listener, uint16_t queue);
void listener_close(struct listener *listener);

/* Reads until `expected` packets came, or nothing for `timeout_ms`; they wait.
 * Returns how many came. */
uint32_t listener_read(struct listener *listener, uint32_t expected, int timeout_ms);

/* Accepts all that wait. */
void listener_accept(struct listener *listener);

/* Accepts all that wait, with this mark. */
void listener_mark(struct listener *listener, uint32_t mark);

/* Reads and accepts. */
uint32_t listener_pass(struct listener *listener, uint32_t expected, int timeout_ms);

#endif
