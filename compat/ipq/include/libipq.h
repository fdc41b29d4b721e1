/* SPDX-License-Identifier: MIT */
/*
 * libipq: packets for user space, as programs read them until the kernel dropped ip_queue
 * in 3.5. The same calls now work on queue 0 of nfnetlink_queue, the queue of the rules
 *
 *	iptables -A INPUT ... -j NFQUEUE
 *	nft add rule ... queue num 0
 *
 * One handle takes the packets of one family, IPv4 or IPv6. A handle may be read by one
 * thread while others send verdicts. Source: libipq(3).
 */
#ifndef _LIBIPQ_H
#define _LIBIPQ_H

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/netfilter_ipv4/ip_queue.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned long ipq_id_t;

/** A reader of queue 0. Programs select() on its fd, and read by ipq_read() alone. */
struct ipq_handle {
	int fd;
	uint8_t blocking;
	struct sockaddr_nl local;
	struct sockaddr_nl peer;
};

/**
 * Takes queue 0. Its packets are dropped until ipq_set_mode() asks for them.
 *
 * @param flags 0
 * @param protocol PF_INET or PF_INET6 (NFPROTO_IPV4, NFPROTO_IPV6); what comes to the
 * queue of another family is dropped, as it was when nobody listened for that
 * @return a handle for ipq_destroy_handle(), or NULL: ipq_errstr() and errno tell why.
 * EPERM: no CAP_NET_ADMIN, or somebody else has the queue
 *
 * Source: nfqnl_recv_config(), NFQNL_CFG_CMD_BIND.
 */
struct ipq_handle *ipq_create_handle(uint32_t flags, uint32_t protocol);

/**
 * Lets go of the queue, whose waiting packets are dropped. NULL: nothing.
 *
 * @return 0
 *
 * Source: nfqnl_rcv_nl_event().
 */
int ipq_destroy_handle(struct ipq_handle *h);

/**
 * Reads one message: a packet, or the kernel's error about an earlier call. What comes
 * is looked at by ipq_message_type(), ipq_get_packet(), ipq_get_msgerr().
 *
 * @param buf any alignment
 * @param len bytes of `buf`: 112 (16 + sizeof(ipq_packet_msg_t)) + the mode's range
 * @param timeout microseconds; 0: waits for ever; below 0: does not wait
 * @return the message's length; 0: nothing came in time (errno 0), or a signal did
 * (EINTR); -1: ipq_errstr() tells why. Of those that do not end a program: EINTR, when
 * it waits for ever; "Received message truncated": `len` is too small for the packet,
 * which is dropped
 *
 * Source: nfqnl_build_packet_message().
 */
ssize_t ipq_read(const struct ipq_handle *h, unsigned char *buf, size_t len, int timeout);

/**
 * Says how much of each packet is wanted.
 *
 * @param mode IPQ_COPY_META or IPQ_COPY_PACKET; IPQ_COPY_NONE: none are, drop them
 * @param len with IPQ_COPY_PACKET: bytes of each packet; 0: all
 * @return above 0; -1: ipq_errstr() tells why. errno EINVAL: there is no such mode
 *
 * Source: nfqnl_set_mode().
 */
int ipq_set_mode(const struct ipq_handle *h, uint8_t mode, size_t len);

/**
 * The packet in `buf`, if ipq_message_type() is IPQM_PACKET. It is a part of `buf`.
 *
 * Source: libipq(3).
 */
ipq_packet_msg_t *ipq_get_packet(const unsigned char *buf);

/**
 * What ipq_read() has read: IPQM_PACKET or NLMSG_ERROR.
 *
 * Source: libipq(3).
 */
int ipq_message_type(const unsigned char *buf);

/**
 * The errno of a NLMSG_ERROR. ENOENT: a verdict for a packet that does not wait; its
 * device went down, or it was decided before.
 *
 * Source: netlink_ack().
 */
int ipq_get_msgerr(const unsigned char *buf);

/**
 * Decides a packet. A refusal is read by ipq_read().
 *
 * @param id its packet_id
 * @param verdict NF_ACCEPT, NF_DROP, NF_REPEAT, NF_QUEUE_NR(n)
 * @param data_len bytes of `buf`, up to 65531; fewer than an IP header has: `buf` is not
 * looked at
 * @param buf NULL, or the packet's new bytes from the IP header on, all checksums right
 * @return above 0; -1: ipq_errstr() tells why. errno ENOENT: no packet has such an id;
 * EMSGSIZE: `data_len` is too large
 *
 * Source: nfqnl_recv_verdict(), nfqnl_mangle().
 */
int ipq_set_verdict(const struct ipq_handle *h, ipq_id_t id, unsigned int verdict,
		    size_t data_len, unsigned char *buf);

/**
 * There has never been a request that it knows.
 *
 * @return 1
 *
 * Source: libipq(3).
 */
int ipq_ctl(const struct ipq_handle *h, int request, ...);

/**
 * What the last call that failed met, in words; it stays until another fails. One for
 * all threads.
 *
 * @return a constant text
 *
 * Source: ipq_errstr(3).
 */
char *ipq_errstr(void);

/**
 * Prints "s: ipq_errstr(): strerror(errno)" to stderr, without the parts that have
 * nothing to tell. `s` NULL: "ERROR".
 *
 * Source: ipq_errstr(3).
 */
void ipq_perror(const char *s);

#ifdef __cplusplus
}
#endif

#endif
