/* SPDX-License-Identifier: MIT */
#include "replay_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nfqueue/version.h>

/* A packet that waits for its time; comment and bytes stand behind it. */
struct waiting {
	struct capture_record record;
	uint64_t number; /* those of one time stay in order */
	uint8_t bytes[];
};

struct replay_output {
	struct capture_set *set;
	struct waiting **heap; /* the first one is the next */
	size_t count, room;
	uint64_t number;
	bool failed;
	char application[64];
};

static void tell_failure(const char *text, void *ctx)
{
	struct replay_output *output = ctx;

	output->failed = true;
	fprintf(stderr, "nfqueue: %s\n", text);
}

int replay_output_new(struct replay_output **output, const char *path)
{
	struct replay_output *made = calloc(1, sizeof(*made));
	struct capture_options options = {
		.path = path, .overwrite = true, .failed = tell_failure, .ctx = made};
	char error[CAPTURE_ERROR_MAX];
	int err;

	*output = made;
	if (!made)
		return -ENOMEM;
	snprintf(made->application, sizeof(made->application), "nfqueue %s replay",
		 nfqueue_version());
	options.application = made->application;
	err = capture_set_open(&made->set, &options, error);
	if (err < 0)
		fprintf(stderr, "nfqueue: %s\n", error);
	return err;
}

void replay_output_free(struct replay_output *output)
{
	if (!output)
		return;
	capture_set_close(output->set, 0, NULL);
	for (size_t i = 0; i < output->count; i++)
		free(output->heap[i]);
	free(output->heap);
	free(output);
}

static bool is_before(const struct waiting *one, const struct waiting *other)
{
	if (one->record.time_ns != other->record.time_ns)
		return one->record.time_ns < other->record.time_ns;
	return one->number < other->number;
}

static void rise(struct waiting **heap, size_t at)
{
	struct waiting *risen = heap[at];

	while (at > 0 && is_before(risen, heap[(at - 1) / 2])) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = risen;
}

static void sink(struct waiting **heap, size_t count)
{
	struct waiting *sunk = heap[0];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && is_before(heap[child + 1], heap[child]))
			child++;
		if (!is_before(heap[child], sunk))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = sunk;
}

static int make_room(struct replay_output *output)
{
	size_t room = output->room ? output->room * 2 : 1024;
	struct waiting **heap;

	if (output->count < output->room)
		return 0;
	heap = reallocarray(output->heap, room, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	output->heap = heap;
	output->room = room;
	return 0;
}

static struct waiting *copy_of(const struct capture_record *record)
{
	const char *comment = record->comment ? record->comment : "";
	size_t text = strlen(comment) + 1;
	struct waiting *copy = malloc(sizeof(*copy) + text + record->captured);

	if (!copy)
		return NULL;
	copy->record = *record;
	memcpy(copy->bytes, comment, text);
	if (record->captured)
		memcpy(copy->bytes + text, record->data, record->captured);
	copy->record.comment = (const char *)copy->bytes;
	copy->record.data = copy->bytes + text;
	return copy;
}

int replay_output_put(struct replay_output *output, const struct capture_record *record)
{
	struct waiting *copy;

	if (make_room(output) < 0)
		return -ENOMEM;
	copy = copy_of(record);
	if (!copy)
		return -ENOMEM;
	copy->number = output->number++;
	output->heap[output->count++] = copy;
	rise(output->heap, output->count - 1);
	return 0;
}

static void write_first(struct replay_output *output)
{
	struct waiting *first = output->heap[0];

	capture_set_put(output->set, &first->record, 0);
	free(first);
	output->heap[0] = output->heap[--output->count];
	if (output->count)
		sink(output->heap, output->count);
}

int replay_output_until(struct replay_output *output, uint64_t time_ns)
{
	while (output->count && output->heap[0]->record.time_ns < time_ns)
		write_first(output);
	return output->failed ? -EIO : 0;
}

int replay_output_close(struct replay_output *output, struct capture_stats *stats)
{
	int err;

	while (output->count)
		write_first(output);
	err = capture_set_close(output->set, 0, stats);
	output->set = NULL;
	return err;
}
