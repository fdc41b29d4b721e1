/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 16
#define REQUEST_TIMEOUT_S 2 /* others wait meanwhile */

struct control {
	const struct control_handlers *handlers;
	uint32_t first_queue;
	int listener; /* -1: no name */
	int signals;
	int end; /* eventfd: the thread shall end */
	pthread_t thread;
	bool running;
};

static void wanted_signals(const struct control_handlers *handlers, sigset_t *set)
{
	sigemptyset(set);
	for (const int *number = handlers->signals; number && *number; number++)
		sigaddset(set, *number);
}

void control_block_signals(const struct control_handlers *handlers)
{
	sigset_t set;

	wanted_signals(handlers, &set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Others may have taken the name, also by mischief: anyone can. */
static int take_name(struct control *control)
{
	struct sockaddr_un address;
	socklen_t length = control_address(&address, control->first_queue);

	control->listener =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listener < 0)
		return -errno;
	if (bind(control->listener, (struct sockaddr *)&address, length) == 0 &&
	    listen(control->listener, BACKLOG) == 0)
		return 0;
	fprintf(stderr,
		"nfqueue: no control socket @nfqueue/%u: %s: 'nfqueue reload' and the "
		"like will not find this program\n",
		control->first_queue, strerror(errno));
	close(control->listener);
	control->listener = -1;
	return 0;
}

int control_open(struct control **control, uint32_t first_queue,
		 const struct control_handlers *handlers)
{
	struct control *made = calloc(1, sizeof(*made));
	sigset_t set;

	*control = made;
	if (!made)
		return -ENOMEM;
	made->handlers = handlers;
	made->first_queue = first_queue;
	made->listener = -1;
	wanted_signals(handlers, &set);
	made->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	made->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (made->end >= 0 && made->signals >= 0 && take_name(made) == 0)
		return 0;
	fprintf(stderr, "nfqueue: no control socket: %s\n", strerror(errno));
	return -errno;
}

static enum control_next answer_line(const struct control *control, int connection,
				     const char *line)
{
	const struct control_handlers *handlers = control->handlers;
	struct control_answer answer = {0};
	enum control_next next;
	size_t size;
	char *text;

	answer.text = open_memstream(&text, &size);
	if (!answer.text) {
		close(connection);
		return CONTROL_DONE;
	}
	next = handlers->request(line, &answer, connection, handlers->ctx);
	fclose(answer.text);
	if (next == CONTROL_DONE)
		control_send(connection, text, answer.error);
	free(text);
	return next;
}

static enum control_next serve(const struct control *control)
{
	int connection = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
	char line[CONTROL_LINE_MAX];

	if (connection < 0)
		return CONTROL_DONE;
	control_set_timeout(connection, REQUEST_TIMEOUT_S);
	if (control_trusts(connection) &&
	    control_read_line(connection, line, sizeof(line)) >= 0)
		return answer_line(control, connection, line);
	close(connection);
	return CONTROL_DONE;
}

static void take_signal(const struct control *control)
{
	struct signalfd_siginfo signal;

	if (read(control->signals, &signal, sizeof(signal)) == sizeof(signal))
		control->handlers->signalled((int)signal.ssi_signo,
					     control->handlers->ctx);
}

static void *control_main(void *argument)
{
	const struct control *control = argument;
	struct pollfd events[] = {
		{.fd = control->end, .events = POLLIN},
		{.fd = control->signals, .events = POLLIN},
		{.fd = control->listener, .events = POLLIN}, /* -1 is passed over */
	};

	pthread_setname_np(pthread_self(), "nfqueue-control");
	for (;;) {
		if (poll(events, sizeof(events) / sizeof(*events), -1) < 0)
			continue;
		if (events[0].revents)
			return NULL;
		if (events[1].revents)
			take_signal(control);
		if (events[2].revents && serve(control) == CONTROL_KEEP)
			return NULL;
	}
}

/* Signals are the main thread's, but for those that the signalfd brings. */
int control_start(struct control *control)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&control->thread, NULL, control_main, control);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	control->running = err == 0;
	return -err;
}

void control_stop(struct control *control)
{
	uint64_t one = 1;

	if (!control || !control->running)
		return;
	if (write(control->end, &one, sizeof(one)) < 0)
		return; /* an eventfd takes more than we ever write */
	pthread_join(control->thread, NULL);
	control->running = false;
	/* For the next control_start(). */
	if (read(control->end, &one, sizeof(one)) < 0)
		return;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	control_stop(control);
	if (control->listener >= 0)
		close(control->listener);
	if (control->signals >= 0)
		close(control->signals);
	if (control->end >= 0)
		close(control->end);
	free(control);
}
