/* SPDX-License-Identifier: MIT */
#ifndef NFQUEUE_COMPAT_EXEC_QUEUE_ROW_H
#define NFQUEUE_COMPAT_EXEC_QUEUE_ROW_H

#include "proc/proc.h"

/* proc_queue_find() for a signal handler: no malloc(). Returns 0, or a negative errno. */
int exec_queue_row(uint16_t queue, struct proc_queue *row);

#endif
