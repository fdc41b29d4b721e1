/* SPDX-License-Identifier: MIT */
/* Expressions -> BPF programs, each once. */
#ifndef POLICY_PROGRAM_H
#define POLICY_PROGRAM_H

#include "policy/model.h"

#define POLICY_WHY_MAX PCAP_ERRBUF_SIZE

/* Compiles `length` bytes of expression, or finds them compiled. -EINVAL: `why` tells. */
int policy_program_get(struct policy *policy, const char *expression, size_t length,
		       const struct policy_program **program, char why[POLICY_WHY_MAX]);

/* Frees what only the load needs. */
void policy_program_loaded(struct policy *policy);

void policy_program_free(struct policy_program *program);

#endif
