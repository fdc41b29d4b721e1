/* SPDX-License-Identifier: MIT */
/* The tables of ours that the kernel has. */
#ifndef NFQUEUE_RULES_TABLE_H
#define NFQUEUE_RULES_TABLE_H

#include "rules/model.h"
#include "rules/userdata.h"

struct rules_table {
	char name[RULES_NAME_SIZE];
	uint64_t handle;
	uint32_t owner; /* port id; 0: it has no owner flag */
	bool ours;      /* we know its maker */
	struct rules_maker maker;
};

/* The table of this name. Returns 0; -ENOENT; -errno. */
int rules_table_find(struct rules_socket *socket, const char *name,
		     struct rules_table *table);

/* All tables that are ours, malloc'd. Returns how many; -ENOMEM; -errno. */
int rules_table_dump(struct rules_socket *socket, struct rules_table **tables);

/* Whether the socket that made the table is still open. Returns 1, 0, or -errno of
 * /proc. */
int rules_maker_alive(const struct rules_maker *maker);

#endif
