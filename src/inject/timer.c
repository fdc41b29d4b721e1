/* SPDX-License-Identifier: MIT */
/* Packets that are sent later, by a thread that is started for the first of them. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "inject/inject.h"

#define SECOND_NS 1000000000ull

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* --- sending ---------------------------------------------------------------------- */

/* It was looked at when it came. */
static void send_waiting(struct nfqueue_injector *injector,
			 const struct inject_waiting *waiting)
{
	struct inject_target target;
	const char *words;
	int result;

	inject_target_find(&target, waiting->data, waiting->length, &words);
	target.mark = waiting->mark;
	target.interface = waiting->interface;
	result = inject_send(injector, &target);
	if (result < 0)
		inject_error_refused(injector, result, &target);
	pthread_mutex_lock(&injector->lock);
	injector->stats.waiting--;
	injector->stats.waiting_bytes -= waiting->length;
	injector->stats.sent += result >= 0;
	injector->stats.failed += result < 0;
	injector->stats.cut += result > 0;
	pthread_mutex_unlock(&injector->lock);
}

static struct inject_waiting *take_due(struct nfqueue_injector *injector, uint64_t now)
{
	struct inject_waiting *first;

	pthread_mutex_lock(&injector->lock);
	first = inject_heap_first(&injector->heap);
	if (first && first->due_ns <= now)
		inject_heap_take(&injector->heap);
	else
		first = NULL;
	pthread_mutex_unlock(&injector->lock);
	return first;
}

static void send_due(struct nfqueue_injector *injector)
{
	struct inject_waiting *waiting;

	pthread_mutex_lock(&injector->send_lock);
	while ((waiting = take_due(injector, now_ns())) != NULL) {
		send_waiting(injector, waiting);
		free(waiting);
	}
	pthread_mutex_unlock(&injector->send_lock);
}

/* --- the thread ------------------------------------------------------------------- */

static void sleep_until(struct nfqueue_injector *injector, uint64_t due_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(due_ns / SECOND_NS),
				       .tv_nsec = (long)(due_ns % SECOND_NS)};

	pthread_cond_timedwait(&injector->changed, &injector->lock, &until);
}

/* Until something is due. Returns false: it is time to end. */
static bool wait_for_due(struct nfqueue_injector *injector)
{
	const struct inject_waiting *first;
	bool stop;

	pthread_mutex_lock(&injector->lock);
	while (!injector->stop) {
		first = inject_heap_first(&injector->heap);
		if (!first)
			pthread_cond_wait(&injector->changed, &injector->lock);
		else if (first->due_ns > now_ns())
			sleep_until(injector, first->due_ns);
		else
			break;
	}
	stop = injector->stop;
	pthread_mutex_unlock(&injector->lock);
	return !stop;
}

static void *run(void *argument)
{
	struct nfqueue_injector *injector = argument;

	pthread_setname_np(pthread_self(), "nfq-inject");
	prctl(PR_SET_TIMERSLACK, 1ul); /* else 50 us are added to each sleep */
	while (wait_for_due(injector))
		send_due(injector);
	return NULL;
}

/* Signals are for the program's own threads: ours takes none, but those that tell of a
 * fault of its own. */
static int start(struct nfqueue_injector *injector)
{
	static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				     SIGTRAP, SIGABRT, SIGSYS};
	sigset_t blocked, before;
	int error;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	error = pthread_create(&injector->thread, NULL, run, injector);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	injector->started = error == 0;
	return -error;
}

void inject_timer_stop(struct nfqueue_injector *injector)
{
	pthread_mutex_lock(&injector->lock);
	injector->stop = true;
	pthread_cond_signal(&injector->changed);
	pthread_mutex_unlock(&injector->lock);
	if (injector->started)
		pthread_join(injector->thread, NULL);
}

/* --- what waits ------------------------------------------------------------------- */

static struct inject_waiting *copy(const struct inject_target *target, uint64_t delay_us)
{
	struct inject_waiting *waiting = malloc(sizeof(*waiting) + target->length);

	if (!waiting)
		return NULL;
	waiting->due_ns = now_ns() + delay_us * 1000;
	waiting->mark = target->mark;
	waiting->interface = target->interface;
	waiting->length = target->length;
	memcpy(waiting->data, target->data, target->length);
	return waiting;
}

static bool is_full(const struct nfqueue_injector *injector, size_t length)
{
	const struct nfqueue_injector_stats *stats = &injector->stats;

	return stats->waiting >= injector->limit ||
	       length > injector->limit_bytes - stats->waiting_bytes;
}

static int add(struct nfqueue_injector *injector, struct inject_waiting *waiting)
{
	int error = injector->started ? 0 : start(injector);

	if (error)
		return error;
	if (is_full(injector, waiting->length))
		return -ENOSPC;
	waiting->sequence = injector->sequence++;
	error = inject_heap_add(&injector->heap, waiting);
	if (error)
		return error;
	injector->stats.waiting++;
	injector->stats.waiting_bytes += waiting->length;
	if (inject_heap_first(&injector->heap) == waiting)
		pthread_cond_signal(&injector->changed);
	return 0;
}

int inject_wait(struct nfqueue_injector *injector, const struct inject_target *target,
		uint64_t delay_us)
{
	struct inject_waiting *waiting = copy(target, delay_us);
	int error = -ENOMEM;

	pthread_mutex_lock(&injector->lock);
	if (waiting)
		error = add(injector, waiting);
	injector->stats.injected++;
	injector->stats.overflow += error == -ENOSPC;
	injector->stats.failed += error && error != -ENOSPC;
	pthread_mutex_unlock(&injector->lock);
	if (error)
		free(waiting);
	return error;
}

/* What comes meanwhile waits in a heap of its own. */
size_t nfqueue_injector_flush(struct nfqueue_injector *injector)
{
	struct inject_waiting *waiting;
	struct inject_heap heap;
	size_t count = 0;

	pthread_mutex_lock(&injector->send_lock);
	pthread_mutex_lock(&injector->lock);
	heap = injector->heap;
	injector->heap = (struct inject_heap){NULL, 0, 0};
	pthread_mutex_unlock(&injector->lock);
	for (; (waiting = inject_heap_take(&heap)) != NULL; count++) {
		send_waiting(injector, waiting);
		free(waiting);
	}
	inject_heap_clear(&heap);
	pthread_mutex_unlock(&injector->send_lock);
	return count;
}
