/* SPDX-License-Identifier: MIT */
/* What the tests of the rules share: one handle, one listener, traffic, and processes
 * that a test starts. All is undone by rules_fixture_clean_up(), a teardown. */
#ifndef NFQUEUE_TESTS_RULES_FIXTURE_H
#define NFQUEUE_TESTS_RULES_FIXTURE_H

#include <nfqueue/rules.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "listener.h"
#include "netns.h"

#define PORT 5001
#define OTHER_PORT 5002
#define NO_MORE_MS 100 /* long enough for what comes by veth to be here */

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

extern struct netns_pair pair, second;
extern struct nfqueue_rules *rules;
extern struct listener listener;

int clean_up(void **state);

/* A process of the test: killed by clean_up(), or before. */
void note_owner(pid_t pid);
void kill_owner(pid_t pid);

/* A process that installs a redirection of port 5001 at input, and sleeps. */
pid_t start_owner(enum nfqueue_on_crash on_crash, uint16_t queue);

struct nfqueue_redirect redirect(enum nfqueue_hook hook, const char *match,
				 uint16_t queue);

/* The test fails with the handle's words. */
void check(struct nfqueue_rules *handle, int status);

/* Opens, adds one, installs. */
void set_up(struct nfqueue_rules **handle, enum nfqueue_on_crash on_crash,
	    const struct nfqueue_redirect *wanted);

/* nfqueue_rules_counter() of `rules` */
uint64_t counted(int index);

int table_count(void);

/* A thread that sends numbered datagrams to port 5001 of loopback, all the time, while
 * the test passes them. */
#define TRAFFIC_UNDER_WAY 100 /* a user namespace's socket buffer has room for 256 */

struct traffic {
	pthread_t thread;
	uint32_t arrived;
	atomic_uint sent, passed; /* the thread waits while too many are under way */
	atomic_bool stop;
	int client, server;
};

void traffic_start(struct traffic *traffic);

/* Reads and accepts what is there. */
void traffic_pass(struct traffic *traffic);

/* Until so many more came up. */
void traffic_pass_some(struct traffic *traffic, uint32_t count);

/* All that was sent came up, once, and arrived, once and in order. */
void traffic_stop(struct traffic *traffic);

/* Sends datagrams on loopback, returns how many came. */
uint32_t loopback(const char *ip, uint16_t port, uint32_t count);

#endif
