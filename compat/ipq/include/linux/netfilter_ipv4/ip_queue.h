/* SPDX-License-Identifier: MIT */
/*
 * The messages of ip_queue, which the kernel had until 3.5, as programs know them. No
 * kernel sends them any more: libipq makes them of what nfnetlink_queue sends.
 */
#ifndef _IP_QUEUE_H
#define _IP_QUEUE_H

#include <stddef.h>
#ifndef _LINUX_IF_H /* which bears <net/if.h> before it, but not after it */
#include <net/if.h>
#endif

/* A struct without an end inside a union is no ISO C: this interface is older. */
#pragma GCC system_header

/* What libipq puts into a program's buffer, and what programs send. */
#define IPQM_BASE 0x10
#define IPQM_MODE (IPQM_BASE + 1)
#define IPQM_VERDICT (IPQM_BASE + 2)
#define IPQM_PACKET (IPQM_BASE + 3)
#define IPQM_MAX (IPQM_BASE + 4)

/* How much of each packet is wanted. */
enum {
	IPQ_COPY_NONE,  /* nothing is delivered: all packets are dropped */
	IPQ_COPY_META,  /* what is known of it, not its bytes */
	IPQ_COPY_PACKET /* its bytes, too */
};
#define IPQ_COPY_MAX IPQ_COPY_PACKET

/* A packet. Fields that do not apply are 0 or empty. */
typedef struct ipq_packet_msg {
	unsigned long packet_id; /* goes into the verdict */
	unsigned long mark;      /* of the packet, not of its connection */
	long timestamp_sec;      /* when it came in; 0 if it is our own */
	long timestamp_usec;
	unsigned int hook;   /* NF_INET_* */
	char indev_name[16]; /* IFNAMSIZ */
	char outdev_name[16];
	unsigned short hw_protocol; /* ETH_P_*, network order */
	unsigned short hw_type;     /* ARPHRD_* of the device it came in by */
	unsigned char hw_addrlen;
	unsigned char hw_addr[8]; /* of the sender, hw_addrlen bytes */
	size_t data_len;          /* bytes of payload that follow */
	unsigned char payload[];  /* from the IP header on */
} ipq_packet_msg_t;

typedef struct ipq_mode_msg {
	unsigned char value; /* IPQ_COPY_* */
	size_t range;        /* bytes of each packet; 0: all */
} ipq_mode_msg_t;

typedef struct ipq_verdict_msg {
	unsigned int value; /* NF_* */
	unsigned long id;   /* packet_id */
	size_t data_len;    /* bytes of the new payload; 0: it stays */
	unsigned char payload[];
} ipq_verdict_msg_t;

typedef struct ipq_peer_msg {
	union {
		ipq_verdict_msg_t verdict;
		ipq_mode_msg_t mode;
	} msg;
} ipq_peer_msg_t;

#endif
