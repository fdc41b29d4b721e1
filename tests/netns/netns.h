/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces for tests: each test program runs in fresh ones, sees the real
 * kernel, and leaves nothing behind.
 *
 *	int main(void)
 *	{
 *		netns_enter(0);
 *		return cmocka_run_group_tests(tests, NULL, NULL);
 *	}
 *
 * Whatever cannot be set up fails the running cmocka test, with words. What the kernel
 * lacks skips it: netns_skip(), netns_need_*().
 *
 * Beware: a packet sent by a local socket stays charged to that socket's send buffer
 * while it waits in a queue. A thread that sends into a queue and decides itself must
 * never block in send(): the sockets made here have a large buffer, and netns_udp_send()
 * does not block.
 */
#ifndef NFQUEUE_TESTS_NETNS_H
#define NFQUEUE_TESTS_NETNS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* --- namespaces ------------------------------------------------------------------- */

/** A new user namespace for root too: what a container's root meets. */
#define NETNS_USER (1u << 0)

/**
 * Moves the process into new network and mount namespaces (and a user namespace, unless
 * it is root), with lo up and /sys of the new namespace. Call it in main(), before any
 * thread. Where the kernel refuses, the whole program is skipped: a TAP plan of 0, exit
 * 0.
 */
void netns_enter(unsigned int flags);

/** Runs a command with /bin/sh; the test fails if its exit status is not 0. */
void netns_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The same, but returns the exit status (128 + signal); output goes to stderr. */
int netns_try(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Lets this namespace forward IPv4 and IPv6. */
void netns_forward(void);

/* --- a second namespace ----------------------------------------------------------- */

/** Here: 10.<net>.0.1/24 and fd<net>::1/64; in the peer .2 and ::2, routed through here.
 * */
struct netns_pair {
	int home;           /* fd of our namespace */
	int peer;           /* fd of the peer's */
	unsigned int net;   /* 99 for the first pair */
	char here_name[16]; /* the veth's ends */
	char peer_name[16];
};

/** Makes net 99: 10.99.0.1, fd99::1 here, 10.99.0.2, fd99::2 there; waits for the link.
 * */
void netns_pair(struct netns_pair *pair);

/** The same with another net, 10..99, so that there can be several. */
void netns_pair_at(struct netns_pair *pair, unsigned int net);

/** Removes the veth and the peer's namespace. A zeroed pair: nothing. */
void netns_pair_close(struct netns_pair *pair);

/** Moves the calling thread into the peer's namespace, and back. */
void netns_peer_enter(const struct netns_pair *pair);
void netns_peer_leave(const struct netns_pair *pair);

/** socket() in the peer's namespace: it stays there whoever uses it. `pair` NULL: here.
 * */
int netns_peer_socket(const struct netns_pair *pair, int domain, int type, int protocol);

/**
 * Turns a feature of a device of our namespace on or off, as ethtool -K does.
 *
 * @param feature the kernel's name, "rx-gro-list"
 * @return whether the device has it, and it is as wanted now
 */
bool netns_feature(const char *device, const char *feature, bool on);

/** netns_sh() in the peer's namespace. */
void netns_peer_sh(const struct netns_pair *pair, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- sockets: `pair` says whose namespace, NULL ours ------------------------------ */

/** @return the address's length */
socklen_t netns_address(struct sockaddr_storage *to, const char *ip, uint16_t port);

int netns_udp_server(const struct netns_pair *pair, const char *ip, uint16_t port);
int netns_udp_client(const struct netns_pair *pair, const char *ip, uint16_t port);

/** Passes a file descriptor over a socket of the family AF_UNIX. For children of a test,
 * too: @return 0, -errno. */
int netns_send_fd(int channel, int fd);

/** Takes it; it is closed on exec. The test fails if none comes. */
int netns_receive_fd(int channel);

/** Sends the datagrams numbered first .. first + count - 1; the test fails if one is
 * refused. Each is 16 bytes: its number, then a pattern made of it. */
void netns_udp_send(int fd, uint32_t first, uint32_t count);

/** The same with datagrams of `length` bytes, 4 to 65507. */
void netns_udp_send_long(int fd, uint32_t first, uint32_t count, size_t length);

/** What came of numbered datagrams. */
struct netns_tally {
	uint32_t received; /* different numbers */
	uint32_t missing;
	uint32_t duplicate;     /* numbers that came again */
	uint32_t reordered;     /* numbers that came after a greater one */
	uint32_t foreign;       /* not of this series, or with a changed pattern */
	uint32_t first_missing; /* meaningful if missing > 0 */
};

/**
 * Receives until all numbers came or nothing came for `timeout_ms`.
 *
 * @param came NULL, or `count` bytes: how often each came, up to 255
 */
void netns_udp_collect(int fd, uint32_t first, uint32_t count, int timeout_ms,
		       struct netns_tally *tally, uint8_t *came);

/**
 * The numbers of the datagrams in the order in which they came, until there are `count`
 * or nothing came for `timeout_ms`. The test fails if one was changed.
 *
 * @return how many came
 */
uint32_t netns_udp_numbers(int fd, uint32_t *numbers, uint32_t count, int timeout_ms);

/** Sends `count`, and says what came: for one thread, and nobody who decides in it. */
void netns_udp_exchange(int from, int to, uint32_t count, int timeout_ms,
			struct netns_tally *tally);

/** A TCP transfer of a known pattern, by two threads. */
struct netns_tcp {
	int listener, client;
	uint64_t bytes;
	uint64_t received; /* what came unchanged, in order */
	int send_error, receive_error;
	atomic_bool give_up; /* read by the receiver, set by netns_tcp_wait() */
	pthread_t sender, receiver;
};

/** Starts to send `bytes` from `from`'s namespace to ip:port in `to`'s; nothing blocks.
 * */
void netns_tcp_start(struct netns_tcp *tcp, const struct netns_pair *from,
		     const struct netns_pair *to, const char *ip, uint16_t port,
		     uint64_t bytes);

/**
 * Waits for the end.
 *
 * @return 0 all came unchanged; -EBADMSG changed bytes; -ETIMEDOUT nothing moved for so
 * long; -errno of the sockets
 */
int netns_tcp_wait(struct netns_tcp *tcp, int timeout_ms);

/* --- the kernel's view ------------------------------------------------------------ */

/** A row of /proc/net/netfilter/nfnetlink_queue. Source: seq_show(). */
struct netns_queue_row {
	uint32_t number, port_id, waiting, copy_mode, copy_range;
	uint32_t dropped_full, dropped_socket, last_id;
};

/** @return whether the queue exists in our namespace */
bool netns_queue_row(uint16_t number, struct netns_queue_row *row);

/** Waits until so many packets wait in the queue. @return whether it came to that */
bool netns_queue_waits(uint16_t number, uint32_t waiting, int timeout_ms);

/**
 * Has the kernel complained (a WARNING, a BUG, ...) since netns_enter(), or the last
 * call? What it said goes to stderr. Where its log may not be read: false. The log is the
 * whole machine's: it may be about somebody else.
 */
bool netns_kernel_warned(void);

/**
 * Reads the kernel's log since netns_enter(), or the last call.
 *
 * @return how many records are wanted; -1: the log may not be read
 */
int netns_log_records(bool (*wanted)(const char *record));

/** Whether a record of /dev/kmsg is the kernel's own, and a complaint. */
bool netns_is_warning(const char *record);

/** Milliseconds of CLOCK_MONOTONIC. */
uint64_t netns_now(void);
void netns_sleep(int milliseconds);

/* --- probes ----------------------------------------------------------------------- */

/** Prints "SKIP: reason" and skips the running test. */
void netns_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/** Skips the test unless the program is in PATH. */
void netns_need_command(const char *name);

/** Skips the test unless this kernel has nfnetlink_queue. */
void netns_need_queue(void);

/** Skips the test unless this kernel accepts the command, e.g. "nft add table inet t". */
void netns_need(const char *feature, const char *command);

/** Skips the test unless we are root outside of user namespaces. */
void netns_need_real_root(void);

#endif
