/* SPDX-License-Identifier: MIT */
/* What a table of ours has. */
#ifndef NFQUEUE_RULES_INVENTORY_H
#define NFQUEUE_RULES_INVENTORY_H

#include "rules/model.h"

/* The state of the table's flow verdicts. Returns 1; 0: it has none; -errno. */
int rules_inventory_flows(struct rules_socket *socket, const char *table,
			  struct rules_flows *flows);

/* Notes chains, counters, flow verdicts and the guard mark of the handle's table. Returns
 * 0 or -errno. */
int rules_inventory_take(struct nfqueue_rules *rules);

#endif
