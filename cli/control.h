/* SPDX-License-Identifier: MIT */
/*
 * How other commands reach a running session: a socket of the name "nfqueue/N", N its
 * first queue, in the abstract namespace of Unix sockets. That belongs to the network
 * namespace, as the queues do. Served are root and the session's own user.
 *
 * A connection is one request: a line; the answer is lines that begin with a blank, for
 * people, and at last "ok", or "error" and why.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONTROL_LINE_MAX 256 /* of a request, with its line feed */

struct control;

/* An answer in the making. */
struct control_answer {
	FILE *text;      /* what people shall read; lines, each with its end */
	char error[512]; /* why not; "": it is done */
};

enum control_next {
	CONTROL_DONE, /* send the answer, close the connection */
	CONTROL_KEEP  /* the connection is the handler's now, and no other is served */
};

struct control_handlers {
	enum control_next (*request)(const char *line, struct control_answer *answer,
				     int connection, void *ctx);
	void (*signalled)(int number, void *ctx); /* one of `signals` */
	const int *signals;                       /* 0 ends the list */
	void *ctx;
};

/* The signals of `handlers` are blocked in this thread and those it makes. */
void control_block_signals(const struct control_handlers *handlers);

/*
 * Takes the name; who connects waits for control_start(). `handlers` must outlive it.
 * Tells errors on stderr; without a name it serves signals only. Returns 0 or -errno.
 */
int control_open(struct control **control, uint32_t first_queue,
		 const struct control_handlers *handlers);

/* Starts the thread that calls the handlers. Returns 0 or -errno. */
int control_start(struct control *control);

/* Ends the thread; the name stays. Not from a handler. NULL: nothing. */
void control_stop(struct control *control);

/* Ends the thread, and gives the name up. May be NULL. */
void control_close(struct control *control);

/* Sends an answer's lines and its end, and closes the connection. */
void control_send(int connection, const char *text, const char *error);

/* The address of a session; its length. */
socklen_t control_address(struct sockaddr_un *address, uint32_t first_queue);

/* Whether root or our own user is at the other end. */
bool control_trusts(int connection);

/* Neither end waits for the other for ever. */
void control_set_timeout(int connection, unsigned int seconds);

/* Writes it all. false: the other end is gone, or takes nothing. */
bool control_write(int connection, const char *data, size_t size);

/* Reads a line up to its line feed, which is removed. Returns its length, or -errno:
 * -EPIPE the other end closed before the end of the line, -EMSGSIZE too long. */
int control_read_line(int connection, char *line, size_t size);

#endif
