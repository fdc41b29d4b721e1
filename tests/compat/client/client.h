/* SPDX-License-Identifier: MIT */
/* A program on the classic API that tells what each call did, a line each:
 *
 *	FUNCTION LABEL = VALUE [errno NAME] [sent BYTES]
 *
 * It is compiled against either set of headers and run with either library; what it
 * writes must be the same. Each case runs in a process of its own: it may crash. */
#ifndef NFQUEUE_TESTS_COMPAT_CLIENT_H
#define NFQUEUE_TESTS_COMPAT_CLIENT_H

/* pktbuff.h of 1.0.5 wants these before it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <libnetfilter_queue/libnetfilter_queue.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv6.h>
#include <libnetfilter_queue/libnetfilter_queue_tcp.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <libnetfilter_queue/pktbuff.h>

struct compat_case {
	const char *name;
	void (*run)(void);
};

/* The program's cases: lists that end with an empty row; the last list is NULL. */
extern const struct compat_case *const compat_groups[];

#define PRINTF(text, first) __attribute__((format(printf, text, first)))

/* One call: its name is the beginning of the expression. */
#define INT(expr, ...) (show_begin(), show_int(#expr, (long long)(expr), __VA_ARGS__))
#define DO(expr, ...) (show_begin(), (void)(expr), show_void(#expr, __VA_ARGS__))
#define POINTER(expr, ...)                                  \
	({                                                  \
		show_begin();                               \
		__typeof__(expr) pointer_ = (expr);         \
		show_pointer(#expr, pointer_, __VA_ARGS__); \
		pointer_;                                   \
	})

void show_begin(void);
long long show_int(const char *expr, long long value, const char *label, ...)
	PRINTF(3, 4);
void show_void(const char *expr, const char *label, ...) PRINTF(2, 3);
void show_pointer(const char *expr, const void *value, const char *label, ...)
	PRINTF(3, 4);

/* What else is known of a call that was shown: not a call of its own. */
void tell_bytes(const char *function, const void *bytes, size_t length, const char *label,
		...) PRINTF(4, 5);
void tell(const char *function, const char *value, const char *label, ...) PRINTF(3, 4);
void tell_int(const char *function, long long value, const char *label, ...) PRINTF(3, 4);

/** Runs it in a process of its own, and tells how that ended: it may crash. */
void tell_child(const char *function, void (*run)(const void *ctx), const void *ctx,
		const char *label);

/** This process ends after so many seconds. */
void patience(unsigned int seconds);

/** Ends the case: the machine is not what it needs. */
__attribute__((noreturn)) void give_up(const char *why);

#endif
