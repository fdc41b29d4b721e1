/* SPDX-License-Identifier: MIT */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/policy.h"

/* JSON's numbers are doubles: exact up to 2^53, which no counter here will reach. */
void json_add(cJSON *object, const char *name, uint64_t number);

/* What is not 0 of what a rule did; why some failed, or NULL. */
void json_add_rule_stats(cJSON *object, const struct policy_rule_stats *stats,
			 const char *error);

/* Prints the object on one line, and frees it. NULL: nothing. */
void json_print_to(FILE *out, cJSON *object);

/* The same, on standard output. */
void json_print(cJSON *object);

#endif
