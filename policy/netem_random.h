/* SPDX-License-Identifier: MIT */
/* Random numbers of a seed, and such that depend on the one before. */
#ifndef POLICY_NETEM_RANDOM_H
#define POLICY_NETEM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct netem_random {
	uint64_t state;
};

/* A row of numbers each of which is `rho` of 2^32 the one before. */
struct netem_correlated {
	uint32_t rho, last;
};

/* What happens with a probability, and again the likelier the more it is correlated. */
struct netem_chance {
	uint32_t probability; /* of UINT32_MAX; 0: never */
	struct netem_correlated numbers;
};

uint32_t netem_random_next(struct netem_random *random);

void netem_correlated_begin(struct netem_correlated *numbers, uint32_t rho,
			    struct netem_random *random);

/*
 * x' = (1 - rho) * u + rho * x, so neighbours have the correlation rho. Their spread is
 * sqrt((1 - rho) / (1 + rho)) of what it was: rare things become rarer. That is netem's
 * formula, and what tc-netem(8) calls "bad behavior". Source: get_crandom().
 */
uint32_t netem_correlated_next(struct netem_correlated *numbers,
			       struct netem_random *random);

void netem_chance_begin(struct netem_chance *chance, uint32_t probability, uint32_t rho,
			struct netem_random *random);
bool netem_chance_falls(struct netem_chance *chance, struct netem_random *random);

/* Whether a number is within a probability, or a sum of them: UINT32_MAX is always. */
static inline bool netem_within(uint32_t number, uint64_t probability)
{
	return probability && number <= probability;
}

#endif
