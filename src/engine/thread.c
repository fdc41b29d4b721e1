/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Who this thread is; all 0: not one of ours. */
static _Thread_local struct {
	uint32_t number;
	struct worker *worker;
	struct decider *decider;
} self;

uint32_t nfqueue_engine_thread(void)
{
	return self.number;
}

int nfqueue_engine_flush(void)
{
	int err = self.decider ? decider_flush(self.decider) : 0;

	return err < 0 || !self.worker ? err : nfqueue_flush(self.worker->queue);
}

void thread_introduce(struct worker *worker, struct decider *decider)
{
	uint32_t queue = nfqueue_number(worker->queue);
	char name[16]; /* more the kernel does not take */

	self.number = decider ? decider->thread_number : worker->thread_number;
	self.worker = worker;
	self.decider = decider;
	if (decider)
		snprintf(name, sizeof(name), "nfq-%u.%u", queue, decider->index);
	else
		snprintf(name, sizeof(name), "nfqueue-%u", queue);
	pthread_setname_np(pthread_self(), name);
	/* By default the kernel lets a sleep with an end last 50 us longer: a delayed
	 * packet's, too. */
	prctl(PR_SET_TIMERSLACK, 1UL);
}

/* Signals are for the program's own threads: ours take none, but those that tell of a
 * fault of their own. */
static void block_signals(sigset_t *before)
{
	static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				     SIGTRAP, SIGABRT, SIGSYS};
	sigset_t blocked;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static int pin(pthread_attr_t *attributes, const struct worker *worker, uint32_t place)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	cpu_set_t set;

	if (!(worker->options.flags & NFQUEUE_WORKER_PIN) || cpus < 1)
		return 0;
	if (worker->options.cpu >= cpus)
		return EINVAL;
	CPU_ZERO(&set);
	CPU_SET((worker->options.cpu + place) % (uint32_t)cpus, &set);
	return pthread_attr_setaffinity_np(attributes, sizeof(set), &set);
}

int thread_start(pthread_t *thread, const struct worker *worker, uint32_t place,
		 void *(*run)(void *argument), void *argument)
{
	pthread_attr_t attributes;
	sigset_t before;
	int err;

	pthread_attr_init(&attributes);
	err = pin(&attributes, worker, place);
	if (err == 0) {
		block_signals(&before);
		err = pthread_create(thread, &attributes, run, argument);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attributes);
	return err;
}
