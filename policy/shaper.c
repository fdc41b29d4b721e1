/* SPDX-License-Identifier: MIT */
/* netem.h with a lock. It is held for some arithmetic, so that threads seldom meet. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "policy/shaper.h"

struct policy_shaper {
	pthread_mutex_t lock;
	struct netem *netem;
};

int policy_shaper_new(struct policy_shaper **shaper, const struct netem_options *options,
		      uint64_t seed)
{
	struct policy_shaper *made = calloc(1, sizeof(*made));
	int ret = made ? netem_new(&made->netem, options, seed) : -ENOMEM;

	*shaper = NULL;
	if (ret < 0) {
		free(made);
		return ret;
	}
	pthread_mutex_init(&made->lock, NULL);
	*shaper = made;
	return 0;
}

void policy_shaper_free(struct policy_shaper *shaper)
{
	if (!shaper)
		return;
	netem_free(shaper->netem);
	pthread_mutex_destroy(&shaper->lock);
	free(shaper);
}

void policy_shaper_decide(struct policy_shaper *shaper, const struct netem_packet *packet,
			  struct netem_fate *fate)
{
	pthread_mutex_lock(&shaper->lock);
	netem_decide(shaper->netem, packet, fate);
	pthread_mutex_unlock(&shaper->lock);
}
