/* SPDX-License-Identifier: MIT */
#include "policy/netem_random.h"

/* SplitMix64: any seed is a good one, also 0. Source: Steele, Lea, Flood, "Fast
 * Splittable Pseudorandom Number Generators", OOPSLA 2014. */
uint32_t netem_random_next(struct netem_random *random)
{
	uint64_t mixed = random->state += 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((mixed ^ mixed >> 31) >> 32);
}

void netem_correlated_begin(struct netem_correlated *numbers, uint32_t rho,
			    struct netem_random *random)
{
	numbers->rho = rho;
	numbers->last = netem_random_next(random);
}

uint32_t netem_correlated_next(struct netem_correlated *numbers,
			       struct netem_random *random)
{
	uint64_t fresh = netem_random_next(random), rho = (uint64_t)numbers->rho + 1;

	if (!numbers->rho)
		return (uint32_t)fresh;
	numbers->last =
		(uint32_t)((fresh * ((1ull << 32) - rho) + numbers->last * rho) >> 32);
	return numbers->last;
}

void netem_chance_begin(struct netem_chance *chance, uint32_t probability, uint32_t rho,
			struct netem_random *random)
{
	chance->probability = probability;
	netem_correlated_begin(&chance->numbers, rho, random);
}

/* What is not wanted draws no number: netem does not, either. */
bool netem_chance_falls(struct netem_chance *chance, struct netem_random *random)
{
	return chance->probability &&
	       netem_within(netem_correlated_next(&chance->numbers, random),
			    chance->probability);
}
