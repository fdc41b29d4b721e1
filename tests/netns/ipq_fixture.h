/* SPDX-License-Identifier: MIT */
/* What the tests of libipq share: a handle, rules, two sockets on loopback. */
#ifndef NFQUEUE_TESTS_IPQ_FIXTURE_H
#define NFQUEUE_TESTS_IPQ_FIXTURE_H

#include <libipq.h>
#include <linux/netfilter.h>
#include <stdint.h>

#include "netns.h"

#define PORT 5000
#define WAIT_MS 10000 /* for what must come: a noisy machine takes its time */
#define WAIT_US (WAIT_MS * 1000)
#define QUIET_MS 100 /* for what must not come */
#define QUIET_US (QUIET_MS * 1000)

/* The handle, and the buffer that messages are read into. */
extern struct ipq_handle *ipq;
extern unsigned char buffer[66000];

/* Sockets on loopback for datagrams to PORT; -1 else. */
extern int udp_server, udp_client;

/* Teardown of every test: all of the above is closed, all rules are gone. */
int ipq_end(void **state);

/* Opens the handle, with a mode. */
void ipq_begin(uint32_t protocol, uint8_t mode, size_t range);

/* The same with whole packets, the two sockets, and what goes in for PORT is queued. */
void ipq_begin_input(uint32_t protocol);

/* `iptables` or `ip6tables`, -A with these arguments. */
void ipq_rule(uint32_t protocol, const char *arguments);

/* Reads a packet into the buffer, which must come. */
ipq_packet_msg_t *ipq_next(void);

/* Reads the error of an earlier call, which must come. */
int ipq_next_error(void);

/* Reads so many packets and accepts them. */
void ipq_accept(uint32_t count);

/* So many of the datagrams 0 ... came to the server, unchanged. */
void assert_came(uint32_t count);

/* The last call failed with this text. */
void assert_error(const char *text);

/* Nothing waits in the queue. */
void assert_queue_empty(void);

#endif
