/* SPDX-License-Identifier: MIT */
/*
 * What our tables and rules carry in their userdata: a comment that `nft list` shows,
 * for tables, who made it, for one rule, what the flow verdicts are, and for the first of
 * a chain, the guard mark.
 * Type-length-value, a byte each, as libnftnl's udata has it; read by hand, since anybody
 * may have written it and libnftnl trusts its lengths.
 */
#ifndef NFQUEUE_RULES_USERDATA_H
#define NFQUEUE_RULES_USERDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/flow.h"

#define RULES_USERDATA_MAX 256 /* NFT_USERDATA_MAXLEN */

struct rules_userdata {
	uint8_t bytes[RULES_USERDATA_MAX];
	uint32_t length;
};

/* The socket that made a table, and what is to become of it. */
struct rules_maker {
	uint32_t port_id;
	uint64_t inode;
	uint8_t on_crash; /* enum nfqueue_on_crash */
};

/* Both append; a comment is cut to what nft shows (127 bytes), its quotes and control
 * characters become blanks. */
void rules_userdata_comment(struct rules_userdata *userdata, const char *comment);
void rules_userdata_maker(struct rules_userdata *userdata,
			  const struct rules_maker *maker);

/* A rule's, where nft knows the types of a table's: the state of the flow rules, and the
 * guard mark. */
void rules_userdata_flows(struct rules_userdata *userdata,
			  const struct rules_flows *flows);
void rules_userdata_guard(struct rules_userdata *userdata, uint32_t mark);

/* Whether there is a well-formed maker in it. */
bool rules_userdata_find_maker(const uint8_t *bytes, size_t length,
			       struct rules_maker *maker);

/* Whether there is a well-formed state in it, one that a mask can have. */
bool rules_userdata_find_flows(const uint8_t *bytes, size_t length,
			       struct rules_flows *flows);

/* The guard mark in it; 0: there is no well-formed one. */
uint32_t rules_userdata_find_guard(const uint8_t *bytes, size_t length);

#endif
