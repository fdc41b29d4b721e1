/* SPDX-License-Identifier: MIT */
/*
 * Netlink port id -> inode of the socket (/proc/net/netlink) -> process that has it open
 * (/proc/PID/fd). The port id itself is a pid only by habit of the kernel, so it is not
 * trusted as one.
 */
#include "proc/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Columns of netlink_native_seq_show():
 * sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode */
int proc_port_inode(uint32_t port_id, uint64_t *inode)
{
	FILE *table = fopen("/proc/thread-self/net/netlink", "re");
	unsigned int protocol;
	int err = -ENOENT;
	uint32_t port;
	char line[256];

	if (!table)
		return -errno;
	while (err == -ENOENT && fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%*s %u %" SCNu32 " %*s %*s %*s %*s %*s %*s %" SCNu64,
			   &protocol, &port, inode) == 3 &&
		    protocol == NETLINK_NETFILTER && port == port_id)
			err = 0;
	}
	fclose(table);
	return err;
}

static bool process_has(const char *pid, const char *link)
{
	char path[300], target[64];
	struct dirent *entry;
	bool found = false;
	ssize_t length;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory))) {
		length = readlinkat(dirfd(directory), entry->d_name, target,
				    sizeof(target) - 1);
		if (length <= 0)
			continue;
		target[length] = '\0';
		found = strcmp(target, link) == 0;
	}
	closedir(directory);
	return found;
}

static void read_name(const char *pid, char name[16])
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, 16, file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

int32_t proc_port_owner(uint32_t port_id, char name[16])
{
	struct dirent *entry;
	uint64_t inode = 0;
	int32_t pid = 0;
	char link[64];
	DIR *proc;

	name[0] = '\0';
	if (proc_port_inode(port_id, &inode) < 0)
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return 0;
	snprintf(link, sizeof(link), "socket:[%" PRIu64 "]", inode);
	while (!pid && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !process_has(entry->d_name, link))
			continue;
		pid = (int32_t)strtol(entry->d_name, NULL, 10);
		read_name(entry->d_name, name);
	}
	closedir(proc);
	return pid;
}
