/* SPDX-License-Identifier: MIT */
/* What rules with effects need at run time, made when the policy is loaded. */
#ifndef POLICY_PREPARE_H
#define POLICY_PREPARE_H

#include <stdatomic.h>

#include <nfqueue/stream.h>

#include "policy/model.h"

/* The TCP connections that rules change: of a policy, and of those that come after it. */
struct policy_streams {
	_Atomic unsigned users;
	struct nfqueue_streams *streams;
};

/* 0, or -errno. */
int policy_effects_prepare(struct policy *policy);

/* @param streams may be NULL. */
void policy_streams_drop(struct policy_streams *streams);

#endif
