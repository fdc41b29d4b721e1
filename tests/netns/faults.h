/* SPDX-License-Identifier: MIT */
/*
 * What no test can make the kernel do at the right moment: have no memory for a message,
 * let a thread wait just here. Each call is for the thread that makes it, all others go
 * on undisturbed. The rest of what happens is real.
 */
#ifndef NFQUEUE_TESTS_FAULTS_H
#define NFQUEUE_TESTS_FAULTS_H

/** The next `count` calls of send(2) and sendmsg(2) fail with ENOBUFS. Source:
 * netlink_sendmsg(). */
void fail_sends(unsigned int count);

/** The same, of those behind the next `spare` ones. */
void fail_later_sends(unsigned int spare, unsigned int count);

/** From here on none fails. @return how many of them have not failed */
unsigned int fail_no_more(void);

/** Before the clock is read for the next time, `call` is called. NULL: nothing is. */
void before_next_clock(void (*call)(void *ctx), void *ctx);

#endif
