/* SPDX-License-Identifier: MIT */
/* nfqueue_run(): an engine from its first packet to its clean stop, with signals. */
#include "engine/engine.h"

#include "queue/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Events are told at most once in this time. */
#define EVENT_MS 1000

struct run {
	struct nfqueue_engine *engine;
	const struct nfqueue_engine_options *options; /* the engine's own copy */
	sigset_t signals;
	sigset_t before;
	int signal_fd;
};

/* Before the queues are open: an early signal stops the run, it does not kill. */
static void block_signals(struct run *run)
{
	sigemptyset(&run->signals);
	sigaddset(&run->signals, SIGINT);
	sigaddset(&run->signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &run->signals, &run->before);
}

static int catch_signals(struct run *run)
{
	run->signal_fd = signalfd(-1, &run->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signal_fd >= 0)
		return 0;
	return engine_error(run->engine, -errno, "cannot make a signalfd: %s",
			    strerror(errno));
}

/* The signal that stopped us is taken out first, or it would end the program now. */
static void restore_signals(struct run *run)
{
	struct signalfd_siginfo signal;

	if (run->signal_fd >= 0) {
		while (read(run->signal_fd, &signal, sizeof(signal)) == sizeof(signal))
			continue;
		close(run->signal_fd);
	}
	pthread_sigmask(SIG_SETMASK, &run->before, NULL);
}

/* What is done every so often, by the clock: told events are no reason to do it late. */
struct timer {
	uint64_t period_ms; /* 0: never */
	uint64_t next;
};

static struct timer timer_new(uint64_t period_ms)
{
	return (struct timer){period_ms, clock_ms() + period_ms};
}

static int timer_left(const struct timer *timer, int least)
{
	uint64_t now = clock_ms();
	uint64_t left = timer->next > now ? timer->next - now : 0;

	if (!timer->period_ms || (least >= 0 && left > (uint64_t)least))
		return least;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static bool timer_is_due(struct timer *timer)
{
	if (!timer->period_ms || clock_ms() < timer->next)
		return false;
	timer->next = clock_ms() + timer->period_ms;
	return true;
}

static void wait_for_stop(struct run *run)
{
	const struct nfqueue_engine_options *options = run->options;
	struct timer tick = timer_new(options->tick ? options->tick_ms : 0);
	struct timer events_due = timer_new(options->event ? EVENT_MS : 0);
	struct pollfd events[] = {
		{.fd = run->signal_fd, .events = POLLIN},
		{.fd = run->engine->event, .events = POLLIN},
	};
	uint64_t told;
	int ready;

	do {
		ready = poll(events, 2, timer_left(&tick, timer_left(&events_due, -1)));
		if (timer_is_due(&tick))
			options->tick(run->engine, options->ctx);
		if (timer_is_due(&events_due))
			events_tell(run->engine);
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	/* Pairs with the write() in engine_tell(): who told us has let go of the engine.
	 */
	if (read(run->engine->event, &told, sizeof(told)) < 0)
		return; /* it was a signal */
}

static int run_engine(struct run *run)
{
	const struct nfqueue_engine_options *options = run->options;
	int err = 0;

	if (options->started)
		err = options->started(run->engine, options->ctx);
	if (err < 0)
		return err;
	err = nfqueue_engine_start(run->engine);
	if (err < 0)
		return err;
	wait_for_stop(run);
	if (options->stopping)
		options->stopping(run->engine, options->ctx);
	engine_stop_workers(run->engine);
	err = nfqueue_engine_wait(run->engine);
	events_tell(run->engine);
	return err;
}

/* The engine's copy of the options: the caller's may be shorter. */
static void report(const struct nfqueue_engine *engine)
{
	const char *text = nfqueue_engine_error(engine);

	if (*text == '\0')
		return;
	if (engine && engine->options.error)
		engine->options.error(text, engine->options.ctx);
	else
		fprintf(stderr, "%s\n", text);
}

int nfqueue_run(const struct nfqueue_engine_options *options)
{
	struct run run = {.signal_fd = -1};
	int err;

	block_signals(&run);
	err = nfqueue_engine_new(&run.engine, options);
	if (err < 0) {
		report(run.engine);
		goto out;
	}
	run.engine->driven = true;
	run.options = &run.engine->options;
	err = catch_signals(&run);
	if (err == 0)
		err = run_engine(&run);
	if (err < 0)
		report(run.engine);
	if (run.options->finished)
		run.options->finished(run.engine, run.options->ctx);
out:
	restore_signals(&run);
	nfqueue_engine_free(run.engine);
	return err;
}
