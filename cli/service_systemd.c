/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

/* One that is not wanted any more is closed here and there; a queue's packets that wait
 * are dropped by the kernel then. */
static void refuse(const char *name, int fd)
{
	fprintf(stderr,
		"nfqueue: the file descriptor store had '%s', which this program "
		"does not use: closed\n",
		name);
	service_forget(name);
	close(fd);
}

int service_take(struct inherited *sockets)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names), taken = 0;

	for (int i = 0; i < count; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (inherited_take(sockets, names[i], fd) == 0)
			taken++;
		else
			refuse(names[i], fd);
		free(names[i]);
	}
	free(names);
	return taken;
}

/* FDPOLL=0: the store would drop a socket for an overflow that it tells of. */
void service_store(const char *name, int fd)
{
	char state[64];
	int err;

	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	err = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	if (err < 0)
		fprintf(stderr, "nfqueue: cannot store the socket '%s': %s\n", name,
			strerror(-err));
}

void service_forget(const char *name)
{
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

bool service_managed(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

void service_ready(void)
{
	sd_notify(0, "READY=1");
}

void service_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}
