/* SPDX-License-Identifier: MIT */
/*
 * Payloads that go along with verdicts: not copied, but gathered from their edits by the
 * send, each behind the head of its message.
 */
#ifndef NFQUEUE_QUEUE_PAYLOAD_H
#define NFQUEUE_QUEUE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct nfqueue;
struct nfqueue_edit;
struct payloads;
struct wire_writer;

/* For a sender of `size` messages. free() it. NULL: no memory. */
struct payloads *payloads_new(size_t size);

/* Bytes of a send that the committed edit takes. */
size_t payload_length(const struct nfqueue_edit *edit);

/* It is to go along, behind those before it. False: there are too many of them. */
bool payloads_put(struct payloads *payloads, const struct nfqueue_edit *edit);

/* Of the first one that has no place yet. */
uint32_t payloads_next_length(const struct payloads *payloads);
/* Its bytes go behind the first `end` bytes of what is written. */
void payloads_place(struct payloads *payloads, size_t end);

/* Sends what was written, and the payloads with it. Returns as queue_send(). */
ssize_t payloads_send(const struct payloads *payloads, struct nfqueue *queue,
		      const struct wire_writer *writer);

/* For the next send. */
void payloads_clear(struct payloads *payloads);

#endif
