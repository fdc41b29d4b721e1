/* SPDX-License-Identifier: MIT */
/* The handle: new, inject, counts, free. */
#include <nfqueue/packet.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "inject/inject.h"
#include "packet/editor.h"

#define LIMIT 10000u
#define LIMIT_BYTES (64ull << 20)

/* A program built with older or newer headers: what it does not know is 0, and what we do
 * not know must be. */
static int take_sized(void *to, size_t known, const void *from, size_t given)
{
	const uint8_t *bytes = from;

	if (given < sizeof(size_t))
		return -EINVAL;
	for (size_t i = known; i < given; i++)
		if (bytes[i])
			return -EINVAL;
	memset(to, 0, known);
	memcpy(to, from, given < known ? given : known);
	return 0;
}

/* --- new, free -------------------------------------------------------------------- */

static int take_options(struct nfqueue_injector *injector,
			const struct nfqueue_injector_options *options)
{
	struct nfqueue_injector_options known = {0};

	if (options && take_sized(&known, sizeof(known), options, options->size) < 0)
		return inject_error(injector, -EINVAL,
				    "options.size is %zu, or fields this version of the "
				    "library does not know are set",
				    options->size);
	injector->guard = known.guard_mark ? known.guard_mark : NFQUEUE_GUARD_MARK;
	injector->limit = known.limit ? known.limit : LIMIT;
	injector->limit_bytes = known.limit_bytes ? known.limit_bytes : LIMIT_BYTES;
	return 0;
}

static void make_locks(struct nfqueue_injector *injector)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&injector->route_lock, NULL);
	pthread_mutex_init(&injector->send_lock, NULL);
	pthread_mutex_init(&injector->lock, NULL);
	pthread_mutex_init(&injector->error_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&injector->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int nfqueue_injector_new(struct nfqueue_injector **out,
			 const struct nfqueue_injector_options *options)
{
	struct nfqueue_injector *injector = calloc(1, sizeof(*injector));
	int error;

	*out = injector;
	if (!injector)
		return -ENOMEM;
	injector->ipv4.fd = injector->ipv6.fd = -1;
	injector->route_ipv4 = injector->route_ipv6 = -1;
	make_locks(injector);
	error = take_options(injector, options);
	return error ? error : inject_sockets_open(injector);
}

size_t nfqueue_injector_free(struct nfqueue_injector *injector)
{
	size_t dropped;

	if (!injector)
		return 0;
	inject_timer_stop(injector);
	dropped = injector->heap.count;
	inject_heap_clear(&injector->heap);
	inject_sockets_close(injector);
	inject_routes_close(injector);
	pthread_cond_destroy(&injector->changed);
	pthread_mutex_destroy(&injector->error_lock);
	pthread_mutex_destroy(&injector->lock);
	pthread_mutex_destroy(&injector->send_lock);
	pthread_mutex_destroy(&injector->route_lock);
	free(injector);
	return dropped;
}

/* --- inject ----------------------------------------------------------------------- */

static int find_target(struct nfqueue_injector *injector, struct inject_target *target,
		       const struct nfqueue_injection *given,
		       struct nfqueue_injection *known)
{
	const char *words;

	if (take_sized(known, sizeof(*known), given, given->size) < 0)
		return inject_error(injector, -EINVAL,
				    "injection.size is %zu, or fields this version of "
				    "the library does not know are set",
				    given->size);
	if (known->delay_us > NFQUEUE_DELAY_MAX_US)
		return inject_error(injector, -EINVAL,
				    "a delay of %llu us: the longest is a day",
				    (unsigned long long)known->delay_us);
	if (inject_target_find(target, known->data, known->length, &words) < 0)
		return inject_error(injector, -EINVAL, "cannot send %zu bytes: %s",
				    known->length, words);
	if (known->skb_info & NFQUEUE_GSO_PACKET && target->protocol == IPPROTO_UDP)
		return inject_error(injector, -EOPNOTSUPP,
				    "cannot send several datagrams in one: where they "
				    "end is not told (leave NFQUEUE_GSO off for UDP)");
	target->mark = known->mark;
	target->interface = known->interface;
	return 0;
}

static void count(struct nfqueue_injector *injector, int result)
{
	pthread_mutex_lock(&injector->lock);
	injector->stats.injected++;
	injector->stats.sent += result >= 0;
	injector->stats.failed += result < 0;
	injector->stats.cut += result > 0;
	pthread_mutex_unlock(&injector->lock);
}

static int send_now(struct nfqueue_injector *injector, const struct inject_target *target)
{
	int result = inject_send(injector, target);

	count(injector, result);
	return result < 0 ? inject_error_refused(injector, result, target) : 0;
}

static int send_later(struct nfqueue_injector *injector,
		      const struct inject_target *target, uint64_t delay_us)
{
	int error = inject_wait(injector, target, delay_us);

	if (error == -ENOSPC)
		return inject_error(injector, error,
				    "too many packets wait for their time: %u, or %llu "
				    "bytes, are the limit",
				    injector->limit,
				    (unsigned long long)injector->limit_bytes);
	if (error)
		return inject_error(injector, error, "cannot keep a packet: %s",
				    strerror(-error));
	return 0;
}

static int dispatch(struct nfqueue_injector *injector, const struct inject_target *target,
		    uint64_t delay_us)
{
	return delay_us ? send_later(injector, target, delay_us)
			: send_now(injector, target);
}

static int dispatch_unready(struct nfqueue_injector *injector,
			    struct inject_target *target, uint64_t delay_us)
{
	struct nfqueue_edit edit = {0};
	int error = inject_ready(target, &edit);

	if (!error) {
		error = dispatch(injector, target, delay_us);
	} else {
		count(injector, error);
		inject_error(injector, error, "cannot make the checksum: %s",
			     nfqueue_edit_error(&edit));
	}
	edit_release(&edit);
	return error;
}

int nfqueue_inject(struct nfqueue_injector *injector,
		   const struct nfqueue_injection *injection)
{
	struct nfqueue_injection known;
	struct inject_target target;
	int error = find_target(injector, &target, injection, &known);

	if (error) {
		count(injector, error);
		return error;
	}
	if (known.skb_info & NFQUEUE_CHECKSUM_NOT_READY)
		return dispatch_unready(injector, &target, known.delay_us);
	return dispatch(injector, &target, known.delay_us);
}

int nfqueue_injector_stats_get(struct nfqueue_injector *injector,
			       struct nfqueue_injector_stats *stats)
{
	struct nfqueue_injector_stats all;

	if (stats->size == 0)
		return -EINVAL;
	pthread_mutex_lock(&injector->lock);
	all = injector->stats;
	pthread_mutex_unlock(&injector->lock);
	all.size = stats->size;
	memcpy(stats, &all, all.size < sizeof(all) ? all.size : sizeof(all));
	return 0;
}
