/* SPDX-License-Identifier: MIT */
/* A handle with a queue, and a callback that decides as the case says. */
#ifndef NFQUEUE_TESTS_COMPAT_FIXTURE_H
#define NFQUEUE_TESTS_COMPAT_FIXTURE_H

#include "client.h"
#include "net.h"

#include <netinet/in.h> /* before the kernel's own */
#include <linux/netfilter.h>

#define BUFFER_SIZE 70000

/* To queue 0: datagrams for port 5000. To the others: see fixture.c. */
extern const char RULES[];

struct fixture {
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;
	struct nlif_handle *names;
	const char *label; /* of what the callback tells */
	int result;        /* of the callback */
	bool silent;       /* the callback only counts */
	bool undecided;    /* the callback sends no verdict */
	uint32_t verdict;
	unsigned int count; /* calls of the callback */
	uint32_t last_id;
	_Alignas(8) char buffer[BUFFER_SIZE];
};

/** Without a line: the case is about something else. */
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/** A queue with everything copied. */
struct nfq_q_handle *fixture_queue(struct fixture *fixture, uint16_t number,
				   nfq_callback *callback, void *data);

/** Tells the packet's metadata, and sends the fixture's verdict. */
int fixture_callback(struct nfq_q_handle *queue, struct nfgenmsg *nfgen,
		     struct nfq_data *packet, void *data);

/** Receives one message, and tells what nfq_handle_packet() said. @return its length */
ssize_t fixture_receive(struct fixture *fixture, const char *label);

/** The packet's id, of a header that is there. */
uint32_t fixture_id(struct nfq_data *packet);

#endif
