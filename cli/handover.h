/* SPDX-License-Identifier: MIT */
/*
 * One session takes the sockets of another over, so that nothing that waits is lost. On a
 * control connection:
 *
 *	new: replace FIRST COUNT CRASH MASK   it has read its policy, and it will do
 *	old: queue-N | rules              a line each, with the socket; it has paused
 *	old: end
 *	new: ready                        it has them all, and touched none
 *	old: go                           it has let go; the new one may touch them
 *
 * or "error WHY" instead of any line of the old one's. Until "go" the old one may
 * take up its work again, and does when the new one ends or says nothing for a while; a
 * new one that reads no "go" gives up.
 */
#ifndef CLI_HANDOVER_H
#define CLI_HANDOVER_H

#include "service.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * The new one's side.
 *
 * @param crash "open" or "closed": both must mean the same by it
 * @param mask  bits for flow verdicts, which must be the old one's; 0: none
 * @param peer  out: the old one's process
 * @param error out: why not
 * @return 1: the sockets are ours; 0: nobody has these queues; -errno: `error` says why
 */
int handover_take(struct inherited *sockets, const char *crash, uint32_t mask,
		  pid_t *peer, char *error, size_t size);

/* The old one's: sends what it has (-1: not), and waits until it is taken. Returns 0,
 * or -errno: nothing has changed hands. */
int handover_offer(int connection, const struct inherited *sockets);

/* The last word: the new one begins. */
void handover_go(int connection);

/* The process at the other end. */
pid_t handover_peer(int connection);

#endif
