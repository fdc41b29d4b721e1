/* SPDX-License-Identifier: MIT */
/* Connections' marks, through ctnetlink. */
#ifndef NFQUEUE_RULES_CONNTRACK_H
#define NFQUEUE_RULES_CONNTRACK_H

#include "rules/model.h"

/* Clears our bits of all marks that have this epoch. Returns 0 or the kernel's -errno. */
int rules_conntrack_forget(struct rules_socket *socket, const struct rules_flows *flows);

/* The words for its refusal. Returns `code`, or -EOPNOTSUPP: the kernel lacks it. */
int rules_conntrack_fail(struct nfqueue_rules *rules, int code);

#endif
