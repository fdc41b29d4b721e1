/* SPDX-License-Identifier: MIT */
/* nfqueue_run(): an engine from its first packet to its clean stop, with signals. */
#include "engine/engine.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

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

static int tick_timeout(const struct nfqueue_engine_options *options)
{
	if (!options->tick || !options->tick_ms)
		return -1;
	return options->tick_ms < INT_MAX ? (int)options->tick_ms : INT_MAX;
}

static void wait_for_stop(struct run *run)
{
	const struct nfqueue_engine_options *options = run->options;
	struct pollfd events[] = {
		{.fd = run->signal_fd, .events = POLLIN},
		{.fd = run->engine->event, .events = POLLIN},
	};
	int timeout = tick_timeout(options);
	uint64_t told;
	int ready;

	do {
		ready = poll(events, 2, timeout);
		if (ready == 0 && options->tick)
			options->tick(run->engine, options->ctx);
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
	return nfqueue_engine_wait(run->engine);
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
