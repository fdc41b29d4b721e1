/* SPDX-License-Identifier: MIT */
/* Errors of the kernel that are over in a moment. */
#ifndef NFQUEUE_QUEUE_PASSING_H
#define NFQUEUE_QUEUE_PASSING_H

#include <errno.h>
#include <stdbool.h>

/* No memory to send is no reason to end: what was to be sent is kept, and tried again. */
static inline bool error_passes(int error)
{
	return error == -ENOBUFS || error == -ENOMEM || error == -EAGAIN;
}

#endif
