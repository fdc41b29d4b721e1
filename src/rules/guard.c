/* SPDX-License-Identifier: MIT */
#include "rules/guard.h"

#include <linux/netfilter.h>

#include "rules/draft.h"
#include "rules/userdata.h"

/* An accept ends this chain alone: those of others still see the packet. */
void rules_put_guard(struct rules_batch *batch, const char *table, const char *chain,
		     uint32_t mark)
{
	struct rules_draft draft = {batch, table, NULL};
	struct rules_userdata userdata = {.length = 0};

	rules_userdata_comment(&userdata, "guard mark: sent by the program itself");
	rules_userdata_guard(&userdata, mark);
	rules_draft_begin(&draft, chain);
	rules_draft_if_mark_is(&draft, mark, mark);
	rules_draft_count(&draft, RULES_GUARD_COUNTER);
	rules_draft_decide(&draft, NF_ACCEPT, NULL);
	rules_rule_put(batch, draft.rule, &userdata);
}
