/* SPDX-License-Identifier: MIT */
#include "demo_ip.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS 5000
#define OUTPUT_MAX 1024

/* The child's exit status when there is no such command, as the shell has it. */
#define NOT_FOUND 127

struct pipes {
	int in[2];
	int out[2];
};

/* An ordinary user's PATH need not have the sbin directories. */
static void execute_ip(void)
{
	static const char *const names[] = {"ip", "/usr/sbin/ip", "/sbin/ip"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		execlp(names[i], "ip", "-batch", "-", NULL);
}

static void become_ip(const struct pipes *pipes, int network_namespace)
{
	if (network_namespace >= 0 && setns(network_namespace, CLONE_NEWNET) < 0)
		_exit(EXIT_FAILURE);
	dup2(pipes->in[0], STDIN_FILENO);
	dup2(pipes->out[1], STDOUT_FILENO);
	dup2(pipes->out[1], STDERR_FILENO);
	execute_ip();
	_exit(NOT_FOUND);
}

/* Reads until the child closes its end. Returns 0, or -ETIMEDOUT. */
static int read_output(int fd, char *text, size_t size)
{
	struct pollfd event = {.fd = fd, .events = POLLIN};
	size_t used = 0;
	char rest[256];
	ssize_t n = 1; /* an interrupted wait goes on */

	do {
		int ready = poll(&event, 1, TIMEOUT_MS);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return -ETIMEDOUT;
		n = used + 1 < size ? read(fd, text + used, size - used - 1)
				    : read(fd, rest, sizeof(rest));
		if (n > 0 && used + 1 < size)
			used += (size_t)n;
	} while (n > 0);
	text[used] = '\0';
	return 0;
}

static int result(int status, const char *output)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND) {
		fputs("nfqueue: there is no 'ip' command: install iproute2 (apt install "
		      "iproute2, dnf install iproute)\n",
		      stderr);
		return -ENOENT;
	}
	fprintf(stderr, "nfqueue: 'ip' could not set up the network: %s%s",
		*output ? output : "it was ended\n",
		strstr(output, "not permitted") ? "Run it as root.\n" : "");
	return strstr(output, "not permitted") ? -EPERM : -EIO;
}

static int finish(pid_t child, int output_fd)
{
	char output[OUTPUT_MAX] = "";
	int status = 0, err;

	err = read_output(output_fd, output, sizeof(output));
	if (err < 0) {
		kill(child, SIGKILL);
		snprintf(output, sizeof(output), "no end after %d ms\n", TIMEOUT_MS);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return result(status, output);
}

static void close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	fds[0] = fds[1] = -1;
}

/* The lines fit into the pipe's buffer: nobody need read them yet. */
static int start(struct pipes *pipes, int network_namespace, const char *lines)
{
	pid_t child;

	if (pipe2(pipes->in, O_CLOEXEC) < 0 || pipe2(pipes->out, O_CLOEXEC) < 0)
		return -errno;
	if (write(pipes->in[1], lines, strlen(lines)) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		become_ip(pipes, network_namespace);
	return child < 0 ? -errno : child;
}

int demo_ip(int network_namespace, const char *lines)
{
	struct pipes pipes = {{-1, -1}, {-1, -1}};
	int child = start(&pipes, network_namespace, lines);
	int err = child;

	close_pipe(pipes.in);
	if (child < 0) {
		fprintf(stderr, "nfqueue: cannot run 'ip': %s\n", strerror(-child));
		goto out;
	}
	close(pipes.out[1]);
	pipes.out[1] = -1;
	err = finish(child, pipes.out[0]);
out:
	close_pipe(pipes.out);
	return err;
}
