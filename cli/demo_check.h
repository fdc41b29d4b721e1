/* SPDX-License-Identifier: MIT */
/* What the demo's run must have shown. */
#ifndef CLI_DEMO_CHECK_H
#define CLI_DEMO_CHECK_H

#include "demo_run.h"
#include "demo_table.h"

void demo_check(struct demo_table *table, const struct demo_run *run,
		const struct demo_net *net, const struct policy *policy);

#endif
