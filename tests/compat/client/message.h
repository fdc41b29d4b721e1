/* SPDX-License-Identifier: MIT */
/* Messages as the kernel sends them, each byte chosen: what real traffic has seldom. */
#ifndef NFQUEUE_TESTS_COMPAT_MESSAGE_H
#define NFQUEUE_TESTS_COMPAT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

struct message {
	_Alignas(8) char bytes[4096];
	int length;
};

void message_begin(struct message *message, int type, uint16_t queue);
void message_put(struct message *message, uint16_t type, const void *data, size_t length);
void message_put32(struct message *message, uint16_t type, uint32_t value);

/** A packet with every attribute that the classic API knows. */
void message_full(struct message *message, uint16_t queue, uint32_t id);

/** The kernel's answer to a request: an error, or 0. */
void message_error(struct message *message, int error);

#endif
