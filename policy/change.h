/* SPDX-License-Identifier: MIT */
/* set and replace: each reads what stands behind the word. 0, or told. */
#ifndef POLICY_CHANGE_H
#define POLICY_CHANGE_H

#include "policy/effect.h"
#include "policy/line.h"

/* FIELD VALUE */
int policy_change_set(struct policy_line *line, struct policy_changes *changes);

/* "FROM" "TO" */
int policy_change_replace(struct policy_line *line, struct policy_changes *changes);

/* The number that a value's name stands for (ef, syn,ack, ect0), or -1. */
int policy_value_named(enum nfqueue_field field, struct policy_word word);

/* The names that a field's values have, up to NULL; NULL: none. */
const char *const *policy_value_names(enum nfqueue_field field);

#endif
