/* SPDX-License-Identifier: MIT */
/* What the rules need of the kernel, and the words for what it lacks. */
#ifndef NFQUEUE_RULES_FEATURE_H
#define NFQUEUE_RULES_FEATURE_H

#include "rules/model.h"

enum rules_feature {
	RULES_FEATURE_TABLES,
	RULES_FEATURE_OWNER,
	RULES_FEATURE_COUNTER,
	RULES_FEATURE_FLOWS,
	RULES_FEATURE_MATCH,
	RULES_FEATURE_TARGET,
	RULES_FEATURE_QUEUE,
};

/*
 * Asks the kernel in a transaction that is checked, not done, with a chain at no hook:
 * unhooking a chain, in an undone transaction too, drops what waits in the queues.
 * Returns 0, or the kernel's -errno.
 */
int rules_feature_probe(struct rules_socket *socket, enum rules_feature feature);

/*
 * Why the kernel refused: with `code` and the words of the socket. Finds the feature that
 * is missing and returns -EOPNOTSUPP with its option, or `code` if none is.
 */
int rules_feature_explain(struct nfqueue_rules *rules, int code, const char *tried);

#endif
