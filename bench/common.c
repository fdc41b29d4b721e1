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

void bench_parse(struct bench_options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{"drain", required_argument, NULL, 'd'},
		{"policy", required_argument, NULL, 'p'},
		{"batch", no_argument, NULL, 'b'},
		{0},
	};
	int option;

	memset(options, 0, sizeof(*options));
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'd')
			options->drain = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'p')
			options->policy = parse_policy(optarg);
		else if (option == 'b')
			options->batch = true;
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

void bench_socket_buffer(int fd)
{
	int size = (int)BENCH_SOCKET_BUFFER;

	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		err(1, "SO_RCVBUF");
}
