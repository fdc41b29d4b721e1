/* SPDX-License-Identifier: MIT */
/* The actions: one row each. */
#ifndef POLICY_ACTION_H
#define POLICY_ACTION_H

#include "policy/line.h"

struct policy_action {
	const char *word;
	const char *usage; /* told behind an error */
	/* Reads what stands behind the word, up to `if`, and fills the rule.
	 * 0, or -EINVAL (told), -ENOMEM. */
	int (*parse)(struct policy_line *line, struct policy_rule *rule);
};

/* The action `word` names; NULL: none. */
const struct policy_action *policy_action_find(struct policy_word word);

/* The action that may have been meant, or NULL. */
const char *policy_action_near(struct policy_word word);

#endif
