/* SPDX-License-Identifier: MIT */
/* The actions: one row each. */
#ifndef POLICY_ACTION_H
#define POLICY_ACTION_H

#include "policy/line.h"

/* What an action is. */
#define POLICY_VERDICT (1u << 0) /* one a rule */
#define POLICY_OFTEN (1u << 1)   /* may stand in a rule more than once */
#define POLICY_PASSES (1u << 2)  /* does something to a packet that goes on, only */
#define POLICY_SHAPES (1u << 3)  /* a word of tc-netem(8) */
#define POLICY_LOGS (1u << 4)    /* decides nothing, if it stands alone */

struct policy_action {
	const char *word;
	const char *usage; /* told behind an error */
	uint32_t is;       /* POLICY_* */
	/* Reads what stands behind the word, and fills the rule.
	 * 0 or more, or -EINVAL (told), -ENOMEM. */
	int (*parse)(struct policy_line *line, struct policy_rule *rule);
};

/* The action `word` names; NULL: none. */
const struct policy_action *policy_action_find(struct policy_word word);

/* Its place among all: below 32. */
size_t policy_action_number(const struct policy_action *action);

/* The action that may have been meant, or NULL. */
const char *policy_action_near(struct policy_word word);

#endif
