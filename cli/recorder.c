/* SPDX-License-Identifier: MIT */
#include "recorder.h"

#include "outlet.h"

#include <errno.h>
#include <nfqueue/nfqueue.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct recording {
	struct recording *next;
	struct capture *capture;   /* NULL: it has ended */
	struct capture_stats last; /* and this is what it had counted then */
	char path[];
};

/* Acquire: pairs with the store in open_recording(). */
static struct recording *first_of(const struct recorder *recorder)
{
	return atomic_load_explicit(&recorder->first, memory_order_acquire);
}

static struct recording *find(const struct recorder *recorder, const char *path)
{
	struct recording *recording = first_of(recorder);

	while (recording && strcmp(recording->path, path) != 0)
		recording = recording->next;
	return recording;
}

static void tell_failure(const char *text, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "nfqueue: %s\n", text);
}

/* Lives as long as the program: files are begun at any time. */
static char application[32];

static void name_application(void)
{
	snprintf(application, sizeof(application), "nfqueue %s", nfqueue_version());
}

static int open_recording(struct recorder *recorder, const struct policy_capture *wanted,
			  char *error)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct capture_options options = {
		.path = wanted->path,
		.snap = wanted->snap,
		.size_max = wanted->size_max,
		.every_s = wanted->every_s,
		.keep = wanted->keep,
		.application = application,
		.failed = tell_failure,
	};
	size_t size = strlen(wanted->path) + 1;
	struct recording *recording = calloc(1, sizeof(*recording) + size);
	int err;

	if (!recording)
		return -ENOMEM;
	pthread_once(&once, name_application);
	memcpy(recording->path, wanted->path, size);
	err = capture_open(&recording->capture, &options, error);
	if (err < 0) {
		free(recording);
		return err;
	}
	recording->next = first_of(recorder);
	atomic_store_explicit(&recorder->first, recording, memory_order_release);
	return 0;
}

int recorder_prepare(struct recorder *recorder, const struct policy *policy, char *error)
{
	size_t count = policy_rule_count(policy);
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++) {
		const struct policy_capture *wanted = policy_rule_capture(policy, i);

		if (wanted && !find(recorder, wanted->path))
			err = open_recording(recorder, wanted, error);
	}
	return err;
}

/* When the kernel received it, or now. */
static uint64_t time_of(const struct nfqueue_packet *packet)
{
	struct timespec now;
	uint64_t ns;

	if (nfqueue_packet_timestamp(packet, &ns) == 0)
		return ns;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void take_link(struct capture_record *record, const struct nfqueue_packet *packet)
{
	size_t length;
	const uint8_t *address = nfqueue_packet_hw_address(packet, &length);

	record->in_interface = nfqueue_packet_in_interface(packet);
	record->out_interface = nfqueue_packet_out_interface(packet);
	record->protocol = nfqueue_packet_hw_protocol(packet);
	record->hook = nfqueue_packet_hook(packet);
	nfqueue_packet_vlan(packet, &record->vlan_protocol, &record->vlan_tci);
	if (length > CAPTURE_HW_ADDRESS_MAX)
		length = CAPTURE_HW_ADDRESS_MAX;
	if (address)
		memcpy(record->hw_address, address, length);
	record->hw_address_length = (uint8_t)length;
}

static void describe(const struct policy *policy, uint32_t rule,
		     const struct policy_outcome *outcome, char *text, size_t size)
{
	const char *label = policy_rule_log_text(policy, rule);
	const char *decider = outcome->rule == POLICY_NO_RULE
				      ? "no rule"
				      : policy_rule_text(policy, (size_t)outcome->rule);
	int used = snprintf(text, size, "%s%s%s%s", label && *label ? label : "",
			    label && *label ? "; " : "", decider,
			    outcome->changed ? "; changed" : "");

	if (outcome->delay_ns && used > 0 && (size_t)used < size)
		snprintf(text + used, size - (size_t)used, "; delayed by %.3f ms",
			 (double)outcome->delay_ns / 1e6);
}

void recorder_put(struct recorder *recorder, const struct policy *policy, uint32_t rule,
		  const struct nfqueue_packet *packet,
		  const struct policy_outcome *outcome)
{
	const struct policy_capture *wanted = policy_rule_capture(policy, rule);
	struct recording *recording = find(recorder, wanted->path);
	char comment[CAPTURE_COMMENT_MAX];
	size_t captured;
	struct capture_record record = {
		.time_ns = time_of(packet),
		.data = nfqueue_packet_data(packet, &captured),
		.length = nfqueue_packet_length(packet),
		.fate = outcome->resent ? CAPTURE_TAKEN : CAPTURE_DECIDED,
		.verdict = outcome->verdict,
		.comment = comment,
	};

	if (!recording)
		return;
	record.captured = (uint32_t)captured;
	take_link(&record, packet);
	describe(policy, rule, outcome, comment, sizeof(comment));
	capture_put(recording->capture, &record);
}

static void add(struct capture_stats *sum, const struct capture_stats *one)
{
	sum->packets += one->packets;
	sum->bytes += one->bytes;
	sum->lost += one->lost;
	sum->failed += one->failed;
	sum->files += one->files;
}

bool recorder_stats(const struct recorder *recorder, struct capture_stats *sum)
{
	struct capture_stats one;

	*sum = (struct capture_stats){0};
	for (struct recording *at = first_of(recorder); at; at = at->next) {
		one = at->last;
		if (at->capture)
			capture_stats(at->capture, &one);
		add(sum, &one);
	}
	return first_of(recorder) != NULL;
}

void recorder_end(struct recorder *recorder)
{
	for (struct recording *at = first_of(recorder); at; at = at->next) {
		capture_close(at->capture, &at->last);
		at->capture = NULL;
	}
}

void recorder_close(struct recorder *recorder)
{
	struct recording *recording;

	recorder_end(recorder);
	while ((recording = first_of(recorder))) {
		recorder->first = recording->next;
		free(recording);
	}
}
