/* SPDX-License-Identifier: MIT */
/* Whether a program can match TCP at all: who replaces in UDP alone need not follow all
 * TCP connections. */
#ifndef POLICY_TCP_H
#define POLICY_TCP_H

#include "policy/model.h"

/* 1 it may match a TCP packet; 0 it never does; -ENOMEM. */
int policy_tcp_possible(struct policy_program *program);

#endif
