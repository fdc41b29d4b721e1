/* SPDX-License-Identifier: MIT */
#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "number.h"

int inherited_init(struct inherited *sockets, uint32_t first_queue, uint32_t count)
{
	*sockets = (struct inherited){
		.first_queue = first_queue, .count = count, .rules = -1};
	sockets->queues = calloc(count, sizeof(*sockets->queues));
	if (!sockets->queues)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		sockets->queues[i] = -1;
	return 0;
}

static int *place_of(struct inherited *sockets, const char *name)
{
	uint32_t queue;

	if (strcmp(name, INHERITED_RULES) == 0)
		return &sockets->rules;
	if (strncmp(name, "queue-", 6) != 0 ||
	    number_parse(name + 6, 0, UINT16_MAX, &queue) < 0)
		return NULL;
	if (queue < sockets->first_queue ||
	    queue - sockets->first_queue >= sockets->count)
		return NULL;
	return &sockets->queues[queue - sockets->first_queue];
}

int inherited_take(struct inherited *sockets, const char *name, int fd)
{
	int *place = place_of(sockets, name);

	if (!place || *place >= 0)
		return -EINVAL;
	*place = fd;
	return 0;
}

void inherited_drop_queues(struct inherited *sockets)
{
	for (uint32_t i = 0; i < sockets->count; i++)
		sockets->queues[i] = -1;
}

void inherited_free(struct inherited *sockets)
{
	for (uint32_t i = 0; sockets->queues && i < sockets->count; i++)
		if (sockets->queues[i] >= 0)
			close(sockets->queues[i]);
	if (sockets->queues && sockets->rules >= 0)
		close(sockets->rules);
	free(sockets->queues);
	sockets->queues = NULL;
}

void inherited_queue_name(char *name, uint32_t queue)
{
	snprintf(name, INHERITED_NAME_SIZE, "queue-%u", (unsigned int)(queue & 0xffff));
}
