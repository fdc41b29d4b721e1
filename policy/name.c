/* SPDX-License-Identifier: MIT */
/* Names of values. */
#include <string.h>

#include "policy/change.h"

struct value_names {
	enum nfqueue_field field;
	bool list; /* some of them, with commas between, or "none" */
	const char *const *names;
	const uint8_t *values; /* one for each name */
};

/* Source: RFC 2474, RFC 2597, RFC 3246, RFC 5865, RFC 8622. */
static const char *const dscp_names[] = {
	"be",   "cs0",  "cs1",  "cs2",  "cs3",  "cs4",  "cs5",  "cs6",  "cs7",
	"af11", "af12", "af13", "af21", "af22", "af23", "af31", "af32", "af33",
	"af41", "af42", "af43", "ef",   "va",   "le",   NULL};
static const uint8_t dscp_values[] = {0,  0,  8,  16, 24, 32, 40, 48, 56, 10, 12, 14,
				      18, 20, 22, 26, 28, 30, 34, 36, 38, 46, 44, 1};

/* Source: RFC 3168 section 5. */
static const char *const ecn_names[] = {"not-ect", "ect1", "ect0", "ce", NULL};
static const uint8_t ecn_values[] = {0, 1, 2, 3};

/* Source: RFC 9293 section 3.1. */
static const char *const flag_names[] = {"fin", "syn", "rst", "psh", "ack",
					 "urg", "ece", "cwr", NULL};
static const uint8_t flag_values[] = {NFQUEUE_TCP_FIN, NFQUEUE_TCP_SYN, NFQUEUE_TCP_RST,
				      NFQUEUE_TCP_PSH, NFQUEUE_TCP_ACK, NFQUEUE_TCP_URG,
				      NFQUEUE_TCP_ECE, NFQUEUE_TCP_CWR};

static const struct value_names all[] = {
	{NFQUEUE_FIELD_DSCP, false, dscp_names, dscp_values},
	{NFQUEUE_FIELD_ECN, false, ecn_names, ecn_values},
	{NFQUEUE_FIELD_TCP_FLAGS, true, flag_names, flag_values},
};

static const struct value_names *names_of(enum nfqueue_field field)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].field == field)
			return &all[i];
	return NULL;
}

static int find_one(const struct value_names *names, struct policy_word word)
{
	for (size_t i = 0; names->names[i]; i++)
		if (policy_word_is(word, names->names[i]))
			return names->values[i];
	return -1;
}

static int find_list(const struct value_names *names, struct policy_word word)
{
	const char *at = word.start, *end = word.start + word.length, *comma;
	int sum = 0, one;

	if (policy_word_is(word, "none"))
		return 0;
	for (;; at = comma + 1) {
		comma = memchr(at, ',', (size_t)(end - at));
		one = find_one(names, (struct policy_word){
					      at, (size_t)((comma ? comma : end) - at)});
		if (one < 0)
			return -1;
		sum |= one;
		if (!comma)
			return sum;
	}
}

int policy_value_named(enum nfqueue_field field, struct policy_word word)
{
	const struct value_names *names = names_of(field);

	if (!names)
		return -1;
	return names->list ? find_list(names, word) : find_one(names, word);
}

const char *const *policy_value_names(enum nfqueue_field field)
{
	const struct value_names *names = names_of(field);

	return names ? names->names : NULL;
}
