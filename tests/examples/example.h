/* SPDX-License-Identifier: MIT */
/*
 * Examples as child processes, and traffic for them. `example` is the one that runs;
 * tests have clean_up() as their teardown, which ends it and deletes the rules.
 */
#ifndef NFQUEUE_TESTS_EXAMPLE_H
#define NFQUEUE_TESTS_EXAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WAIT_MS 10000 /* for what must come: a noisy machine takes its time */
#define QUIET_MS 200  /* for what must not come */
#define UNSEEN_MS 500 /* for what cannot be looked at */
#define OUTPUT_MAX 4096

struct example {
	pid_t pid;
	int output; /* its stdout and stderr, read at the end */
	int status;
	char text[OUTPUT_MAX];
};

extern struct example example;
extern int example_input;             /* what the next one reads; -1: what we read */
extern const char *example_directory; /* where the programs are */
/* NULL, or the file that must take the place of another library of its name. */
extern const char *example_library;

void start(struct example *child, const char *name, const char *const *arguments);

bool table_of_queues_readable(void);

/* The kernel lists it when it is there; but not for everyone to read. */
void wait_for_queue(uint16_t number, uint32_t waiting);

void read_output(struct example *child);

/* Ends it with the signal; its output is in `text` then. */
void finish(struct example *child, int signal);
void finish_cleanly(struct example *child);

void assert_says(const struct example *child, const char *text);

/* `example_library` is what it has loaded. */
void assert_runs_on_library(const struct example *child);

int clean_up(void **state);

/* Numbered datagrams over lo. */
struct link {
	int server, client;
};

struct link open_link(uint16_t port);
void close_link(struct link *link);

/* How many of the datagrams 0 .. count - 1 come. */
uint32_t arrived(const struct link *link, uint32_t count, int timeout_ms);

/* How many of `count` datagrams of `length` bytes arrive. */
uint32_t arrivals(const struct link *link, uint32_t count, size_t length, int timeout_ms);

/* Sends while the example is stopped: then it finds all of them at once. */
void send_at_once(const struct link *link, uint32_t count);

#endif
