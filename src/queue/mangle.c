/* SPDX-License-Identifier: MIT */
/*
 * Whether the kernel takes payloads from us at all. Where it does not, it drops the
 * packet and says nothing, so it must be known before.
 */
#include "queue/queue.h"

#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The inode of the first user namespace. Source: PROC_USER_INIT_INO. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFDu

/* Of the user namespace that owns the socket's network namespace; 0: not told. */
static ino_t owner_of(int socket)
{
	int network = ioctl(socket, SIOCGSKNS);
	int owner = network < 0 ? -1 : ioctl(network, NS_GET_USERNS);
	struct stat status = {.st_ino = 0};

	if (owner >= 0)
		fstat(owner, &status);
	if (owner >= 0)
		close(owner);
	if (network >= 0)
		close(network);
	return status.st_ino;
}

/* Kernels from 7.1 on. Source: nfqnl_mangle(). */
static bool kernel_minds(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname kernel;

	if (uname(&kernel) < 0 || sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 7 || (major == 7 && minor >= 1);
}

bool queue_may_mangle(struct nfqueue *queue)
{
	uint8_t known = atomic_load_explicit(&queue->mangling, memory_order_relaxed);
	ino_t owner;

	if (known == MANGLING_UNKNOWN) {
		owner = kernel_minds() ? owner_of(queue_socket(queue)) : 0;
		known = owner && owner != FIRST_USER_NAMESPACE ? MANGLING_REFUSED
							       : MANGLING_TAKEN;
		atomic_store_explicit(&queue->mangling, known, memory_order_relaxed);
	}
	return known == MANGLING_TAKEN;
}
