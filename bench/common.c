/* SPDX-License-Identifier: MIT */
#include "common.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static enum bench_policy parse_policy(const char *name)
{
	static const char *const names[] = {
		[BENCH_ACCEPT] = "accept",
		[BENCH_DROP10] = "drop10",
		[BENCH_ALTERNATE] = "alternate",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return (enum bench_policy)i;
	errx(2, "%s: no such policy", name);
}

static enum bench_order parse_order(const char *name)
{
	static const char *const names[] = {
		[BENCH_ARRIVAL] = "arrival",
		[BENCH_REVERSED] = "reversed",
		[BENCH_RANDOM] = "random",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return (enum bench_order)i;
	errx(2, "%s: no such order", name);
}

/* The numbers among the options, by the letters that getopt_long() gives them. */
static uint32_t *number_of(struct bench_options *options, int letter)
{
	switch (letter) {
	case 'd':
		return &options->drain;
	case 'w':
		return &options->work_us;
	case 'q':
		return &options->queues;
	case 'D':
		return &options->deciders;
	case 'B':
		return &options->busy_poll_us;
	case 'F':
		return &options->flow_after;
	case 'c':
		return &options->copy_range;
	case 'h':
		return &options->hold;
	case 't':
		return &options->deadline_ms;
	default:
		return NULL;
	}
}

static const struct option known[] = {
	{"drain", required_argument, NULL, 'd'},
	{"policy", required_argument, NULL, 'p'},
	{"order", required_argument, NULL, 'o'},
	{"batch", no_argument, NULL, 'b'},
	{"large", no_argument, NULL, 'l'},
	{"fail-open", no_argument, NULL, 'f'},
	{"pin", no_argument, NULL, 'P'},
	{"edit", no_argument, NULL, 'e'},
	{"work-us", required_argument, NULL, 'w'},
	{"queues", required_argument, NULL, 'q'},
	{"deciders", required_argument, NULL, 'D'},
	{"busy-poll-us", required_argument, NULL, 'B'},
	{"flow-after", required_argument, NULL, 'F'},
	{"copy-range", required_argument, NULL, 'c'},
	{"hold", required_argument, NULL, 'h'},
	{"deadline-ms", required_argument, NULL, 't'},
	{0},
};

void bench_parse(struct bench_options *options, int argc, char **argv)
{
	int option;

	memset(options, 0, sizeof(*options));
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint32_t *number = number_of(options, option);

		if (number)
			*number = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'p')
			options->policy = parse_policy(optarg);
		else if (option == 'o')
			options->order = parse_order(optarg);
		else if (option == 'b')
			options->batch = true;
		else if (option == 'l')
			options->large = true;
		else if (option == 'f')
			options->fail_open = true;
		else if (option == 'P')
			options->pin = true;
		else if (option == 'e')
			options->edit = true;
		else
			exit(2);
	}
}

bool bench_ready(const struct bench_options *options)
{
	char go;

	puts("ready");
	fflush(stdout);
	return !options->drain || read(STDIN_FILENO, &go, 1) == 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct bench_time bench_now(void)
{
	return (struct bench_time){
		.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
		.wall_ns = clock_ns(CLOCK_MONOTONIC),
	};
}

void bench_report(uint32_t decided, struct bench_time start)
{
	struct bench_time end = bench_now();

	printf("%u %llu %llu\n", decided, (unsigned long long)(end.cpu_ns - start.cpu_ns),
	       (unsigned long long)(end.wall_ns - start.wall_ns));
}

void bench_work(uint32_t microseconds)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + microseconds * 1000ull;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		continue;
}

void bench_socket_buffer(int fd)
{
	int size = (int)BENCH_SOCKET_BUFFER;

	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		err(1, "SO_RCVBUF");
}
