/* SPDX-License-Identifier: MIT */
#include "queue/coalesce.h"

/*
 * A stretch is a piece of the entries with two kinds of verdict at the most, drops and
 * one other. A drop may be sent earlier or later than its neighbours, for nobody can
 * tell; what is not dropped keeps its order. So a stretch can be sent in three ways: in
 * runs, one message for each run of equal verdicts; or one of the two kinds packet by
 * packet first, and then everything that is left of the stretch by one range verdict.
 */
struct stretch {
	size_t length;
	size_t drops;
	size_t others;
	size_t runs;
	struct nfqueue_verdict other;
};

struct output {
	struct coalesce_message *messages;
	size_t count;
};

static bool same(const struct nfqueue_verdict *a, const struct nfqueue_verdict *b)
{
	return a->code == b->code && a->set == b->set && a->mark == b->mark &&
	       a->priority == b->priority && !(a->set & COALESCE_ALONE);
}

static bool is_drop(const struct nfqueue_verdict *verdict)
{
	return verdict->code == NFQUEUE_VERDICT_DROP;
}

static void put(struct output *out, const struct coalesce_entry *last, size_t count)
{
	struct coalesce_message *message = &out->messages[out->count++];

	message->id = last->id;
	message->count = (uint32_t)count;
	message->range = count > 1;
	message->verdict = last->verdict;
}

static bool stretch_takes(struct stretch *stretch, const struct nfqueue_verdict *verdict)
{
	if (is_drop(verdict)) {
		stretch->drops++;
		return true;
	}
	if (stretch->others == 0)
		stretch->other = *verdict;
	else if (!same(&stretch->other, verdict))
		return false;
	stretch->others++;
	return true;
}

static struct stretch stretch_measure(const struct coalesce_entry *entries, size_t count)
{
	struct stretch stretch = {.length = 0};
	bool drop, before = false;

	while (stretch.length < count) {
		const struct nfqueue_verdict *verdict = &entries[stretch.length].verdict;

		if (!stretch_takes(&stretch, verdict))
			break;
		drop = is_drop(verdict);
		if (stretch.length == 0 || drop != before)
			stretch.runs++;
		before = drop;
		stretch.length++;
	}
	return stretch;
}

static void put_runs(struct output *out, const struct coalesce_entry *entries,
		     size_t count)
{
	size_t first = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count &&
		    is_drop(&entries[i].verdict) == is_drop(&entries[first].verdict))
			continue;
		put(out, &entries[i - 1], i - first);
		first = i;
	}
}

/*
 * First those that are (or are not) drops, singly, then all that is left by one message.
 */
static void put_exceptions(struct output *out, const struct coalesce_entry *entries,
			   size_t count, bool drops_first)
{
	const struct coalesce_entry *last = entries;
	size_t rest = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_drop(&entries[i].verdict) == drops_first) {
			put(out, &entries[i], 1);
			continue;
		}
		last = &entries[i];
		rest++;
	}
	put(out, last, rest);
}

static void put_stretch(struct output *out, const struct coalesce_entry *entries,
			const struct stretch *stretch)
{
	bool fewer_drops = stretch->drops <= stretch->others;
	size_t exceptions = fewer_drops ? stretch->drops : stretch->others;

	if (stretch->runs <= exceptions + 1)
		put_runs(out, entries, stretch->length);
	else
		put_exceptions(out, entries, stretch->length, fewer_drops);
}

size_t coalesce(const struct coalesce_entry *entries, size_t count, size_t coverable,
		struct coalesce_message *messages)
{
	struct output out = {.messages = messages};
	size_t done = 0;

	while (done < coverable) {
		struct stretch stretch =
			stretch_measure(entries + done, coverable - done);

		put_stretch(&out, entries + done, &stretch);
		done += stretch.length;
	}
	for (; done < count; done++)
		put(&out, &entries[done], 1);
	return out.count;
}
