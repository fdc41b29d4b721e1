/* SPDX-License-Identifier: MIT */
/* What the tests of the injector share: one injector, and datagrams with numbers, as
 * netns_udp_numbers() reads them. */
#ifndef NFQUEUE_TESTS_INJECT_FIXTURE_H
#define NFQUEUE_TESTS_INJECT_FIXTURE_H

#include <nfqueue/nfqueue.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "netns.h"
#include "queue_fixture.h"
#include "raw_packet.h"

#define FOREIGN "192.0.2.7" /* hosts that are not here */
#define FOREIGN6 "2001:db8::7"

extern struct nfqueue_injector *injector;

/** Opens it; the test fails with the reason. `size` is filled in. */
void start(struct nfqueue_injector_options options);

/** Teardown: all of clean_up(), and the injector is freed. */
int end(void **state);

/** A datagram with this number, from port 4000 to PORT. */
struct raw_packet datagram(const char *from, const char *to, uint32_t *wire,
			   uint32_t number);

/** Makes it, and sends it with `how`, whose data and length are filled in. */
int inject(const struct raw_packet *packet, struct nfqueue_injection how);

/** The same with a datagram; the test fails if it is refused. */
void inject_datagram(const char *from, const char *to, uint32_t number,
		     struct nfqueue_injection how);

struct nfqueue_injector_stats injector_stats(void);

/** The test fails unless the counts sum up, with these. */
void assert_counts(uint64_t sent, uint64_t failed, uint64_t overflow, uint64_t waiting);

/** `count` datagrams must come, 0 .. count - 1 in order, and nothing more. */
void assert_come(int server, uint32_t count);

#endif
