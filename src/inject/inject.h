/* SPDX-License-Identifier: MIT */
/* What the files of the injector share. */
#ifndef NFQUEUE_INJECT_INTERNAL_H
#define NFQUEUE_INJECT_INTERNAL_H

#include <nfqueue/inject.h>

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "inject/heap.h"
#include "inject/target.h"

struct nfqueue_edit;

#define INJECT_ERROR_MAX 256

/* A raw socket; without one, why there is none. */
struct inject_socket {
	int fd; /* -1: none */
	int error;
};

struct nfqueue_injector {
	struct inject_socket ipv4, ipv6;
	pthread_mutex_t route_lock;
	int route_ipv4, route_ipv6; /* sockets that ask for the MTU; -1: none */
	uint32_t guard;
	uint32_t limit;
	uint64_t limit_bytes;
	/* Who sends what waits has it, so that it leaves in order. Taken before `lock`.
	 */
	pthread_mutex_t send_lock;
	pthread_mutex_t lock; /* of all that follows, but the error */
	pthread_cond_t changed;
	struct inject_heap heap;
	uint64_t sequence;
	struct nfqueue_injector_stats stats;
	bool started, stop;
	pthread_t thread;
	pthread_mutex_t error_lock;
	char error[INJECT_ERROR_MAX];
};

/* error.c: notes the words and returns the code. */
int inject_error(struct nfqueue_injector *injector, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Notes why the kernel refused a packet, and returns the code. */
int inject_error_refused(struct nfqueue_injector *injector, int code,
			 const struct inject_target *target);

/* socket.c: with the words, if it failed. */
int inject_sockets_open(struct nfqueue_injector *injector);
void inject_sockets_close(struct nfqueue_injector *injector);

/* Hands a packet to the kernel, without waiting. Returns 0 or -errno. */
int inject_socket_send(const struct nfqueue_injector *injector,
		       const struct inject_target *target);

/* address.c: where it goes, for the calls of sockets. Returns the length. */
socklen_t inject_address(const struct inject_target *target,
			 struct sockaddr_storage *address);

/* route.c: returns 0 or -errno. */
int inject_routes_open(struct nfqueue_injector *injector);
void inject_routes_close(struct nfqueue_injector *injector);

/* The longest packet that goes to the target by its route; -errno. */
int inject_route_mtu(struct nfqueue_injector *injector,
		     const struct inject_target *target);

/* cut.c: sends it, in pieces if it is too long. Returns 0; 1 in pieces; -errno. */
int inject_send(struct nfqueue_injector *injector, const struct inject_target *target);

/* ready.c: makes the checksum that the kernel has not made, in a copy. Returns 0, the
 * target is the copy then, until edit_release(); -errno. */
int inject_ready(struct inject_target *target, struct nfqueue_edit *edit);

/* timer.c: keeps a copy until its time. Returns 0; -ENOSPC; -ENOMEM; -errno of the
 * thread. */
int inject_wait(struct nfqueue_injector *injector, const struct inject_target *target,
		uint64_t delay_us);

/* Ends the thread. */
void inject_timer_stop(struct nfqueue_injector *injector);

#endif
