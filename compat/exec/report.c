/* SPDX-License-Identifier: MIT */
/* Tells what was counted, at the end: exit(), or a signal that nobody else handles. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "counts.h"
#include "exec.h"

/* Those that people end a program with. */
static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

static atomic_flag is_told = ATOMIC_FLAG_INIT;
static bool is_child; /* of the program: silent, if it has nothing to do with packets */

static void write_text(const char *text, int length)
{
	while (length > 0) {
		ssize_t part = write(STDERR_FILENO, text, (size_t)length);

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return;
		text += part;
		length -= (int)part;
	}
}

static void tell(struct exec_counts *counts)
{
	char text[512];
	int length;

	exec_counts_settle(counts);
	if (is_child && counts->packets == 0 && counts->verdicts == 0)
		return;
	length = snprintf(text, sizeof(text),
			  "nfqueue exec: %.64s (%d), queue %u: %" PRIu64
			  " packets, %" PRIu64 " verdicts sent, %" PRIu64
			  " refused, %" PRIu64 " lost, %" PRIu64 " never decided\n",
			  program_invocation_short_name, (int)getpid(), counts->queue,
			  counts->packets, counts->verdicts, counts->refused,
			  counts->lost, counts->never_decided);
	write_text(text, length);
}

static void tell_all(void)
{
	struct exec_counts *counts = exec_counts_first();

	if (atomic_flag_test_and_set(&is_told))
		return;
	for (; counts; counts = counts->next)
		tell(counts);
}

/* The disposition is the default's again: the program dies of the signal, as it would
 * have without us. */
static void end_by(int number)
{
	int err = errno;

	tell_all();
	errno = err;
	raise(number);
}

static void handle_signals(void)
{
	struct sigaction ours = {.sa_handler = end_by,
				 .sa_flags = SA_RESETHAND | SA_NODEFER};
	struct sigaction old;

	for (unsigned int i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(ends[i], &ours, NULL);
}

/* A library that is unloaded leaves no handler behind. */
static void leave_signals(void)
{
	struct sigaction old;

	for (unsigned int i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == end_by)
			signal(ends[i], SIG_DFL);
}

static void begin_child(void)
{
	is_child = true;
	exec_counts_forget();
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, begin_child);
	handle_signals();
}

void exec_report_at_end(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, prepare);
}

__attribute__((destructor)) static void end(void)
{
	if (!exec_options.stats)
		return;
	tell_all();
	leave_signals();
}
