/* SPDX-License-Identifier: MIT */
#include "capture/capture.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/ring.h"

#define RING_BYTES (4u << 20)
#define NAP_NS 200000000l /* how long packets may wait, to be written together */
#define SECOND_NS 1000000000l

/* Who wakes the writer: the first packet, or one that finds the ring half full, or none.
 */
enum { WRITER_AWAKE, WRITER_NAPS, WRITER_SLEEPS };

struct capture {
	struct capture_set *set; /* the writer's alone */
	struct ring ring;
	uint32_t snap;
	_Atomic uint64_t lost;
	_Atomic int state; /* WRITER_* */
	atomic_bool stop, rotate;
	uint64_t lost_written; /* the writer's alone: of `lost`, what the file tells */
	int result;            /* of the writer */
	sem_t wake;
	pthread_t thread;
	pthread_mutex_t lock; /* of `stats` */
	struct capture_stats stats;
};

/* A record in the ring; the packet's bytes and the comment stand behind it. */
struct slot {
	struct capture_record record;
	uint64_t lost; /* until then */
	uint32_t comment_length;
};

/* Only one of those who see it asleep wakes it. */
static void wake(struct capture *capture, int seen)
{
	if (atomic_compare_exchange_strong_explicit(&capture->state, &seen, WRITER_AWAKE,
						    memory_order_seq_cst,
						    memory_order_relaxed))
		sem_post(&capture->wake);
}

/* Sequentially consistent, as are the mark of a whole record and the store in nap():
 * either the writer sees the record before it sleeps, or we see that it sleeps. */
static void wake_writer(struct capture *capture)
{
	int state = atomic_load_explicit(&capture->state, memory_order_seq_cst);

	if (state == WRITER_SLEEPS ||
	    (state == WRITER_NAPS && ring_used(&capture->ring) > capture->ring.size / 2))
		wake(capture, state);
}

static void fill(struct slot *slot, const struct capture_record *record,
		 uint32_t captured)
{
	uint8_t *bytes = (uint8_t *)(slot + 1);

	slot->record = *record;
	slot->record.captured = captured;
	if (captured)
		memcpy(bytes, record->data, captured);
	memcpy(bytes + captured, record->comment ? record->comment : "",
	       slot->comment_length);
	bytes[captured + slot->comment_length] = '\0';
}

bool capture_put(struct capture *capture, const struct capture_record *record)
{
	uint32_t captured = record->captured, comment = 0;
	struct slot *slot;

	if (captured > capture->snap)
		captured = capture->snap;
	if (record->comment)
		comment = (uint32_t)strnlen(record->comment, CAPTURE_COMMENT_MAX);
	slot = ring_claim(&capture->ring, sizeof(*slot) + captured + comment + 1);
	if (!slot) { /* relaxed: a count stands for itself */
		atomic_fetch_add_explicit(&capture->lost, 1, memory_order_relaxed);
		return false;
	}
	slot->comment_length = comment;
	slot->lost = atomic_load_explicit(&capture->lost, memory_order_relaxed);
	fill(slot, record, captured);
	ring_put(&capture->ring, slot);
	wake_writer(capture);
	return true;
}

/* What was lost since the record that was told of it last: records of several threads
 * need not be in the order of their counts. */
static uint64_t lost_before(struct capture *capture, uint64_t lost)
{
	uint64_t fresh = lost > capture->lost_written ? lost - capture->lost_written : 0;

	capture->lost_written += fresh;
	return fresh;
}

static void write_slot(struct capture *capture, struct slot *slot)
{
	const uint8_t *bytes = (const uint8_t *)(slot + 1);
	struct capture_record record = slot->record;

	record.data = bytes;
	record.comment = (const char *)bytes + record.captured;
	capture_set_put(capture->set, &record, lost_before(capture, slot->lost));
}

static void publish_stats(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	capture_set_stats(capture->set, &capture->stats);
	pthread_mutex_unlock(&capture->lock);
}

static void write_all(struct capture *capture)
{
	struct slot *slot;

	if (atomic_exchange_explicit(&capture->rotate, false, memory_order_relaxed))
		capture_set_rotate(capture->set);
	while ((slot = ring_first(&capture->ring))) {
		write_slot(capture, slot);
		ring_drop(&capture->ring);
	}
	capture_set_flush(capture->set);
	publish_stats(capture);
}

static struct timespec nap_end(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += NAP_NS;
	if (end.tv_nsec >= SECOND_NS) {
		end.tv_nsec -= SECOND_NS;
		end.tv_sec++;
	}
	return end;
}

/* Packets come together while it naps; then it sleeps until there is one. */
static void nap(struct capture *capture)
{
	struct timespec end = nap_end();

	atomic_store_explicit(&capture->state, WRITER_NAPS, memory_order_seq_cst);
	while (sem_clockwait(&capture->wake, CLOCK_MONOTONIC, &end) < 0 && errno == EINTR)
		;
}

static void sleep_until_woken(struct capture *capture)
{
	atomic_store_explicit(&capture->state, WRITER_SLEEPS, memory_order_seq_cst);
	if (ring_first(&capture->ring) ||
	    atomic_load_explicit(&capture->stop, memory_order_seq_cst))
		return;
	while (sem_wait(&capture->wake) < 0 && errno == EINTR)
		;
}

static bool stopped(struct capture *capture)
{
	return atomic_load_explicit(&capture->stop, memory_order_acquire);
}

/* Here, too, no signal tells of a broken pipe. */
static void end(struct capture *capture)
{
	uint64_t lost = atomic_load_explicit(&capture->lost, memory_order_relaxed);

	capture->result = capture_set_close(capture->set, lost_before(capture, lost),
					    &capture->stats);
}

static void *write_packets(void *argument)
{
	struct capture *capture = argument;

	while (!stopped(capture)) {
		write_all(capture);
		nap(capture);
		if (!stopped(capture) && !ring_first(&capture->ring))
			sleep_until_woken(capture);
	}
	write_all(capture);
	end(capture);
	return NULL;
}

void capture_rotate(struct capture *capture)
{
	atomic_store_explicit(&capture->rotate, true, memory_order_relaxed);
}

void capture_stats(struct capture *capture, struct capture_stats *stats)
{
	pthread_mutex_lock(&capture->lock);
	*stats = capture->stats;
	pthread_mutex_unlock(&capture->lock);
	stats->lost = atomic_load_explicit(&capture->lost, memory_order_relaxed);
}

/* Signals are for the program's own threads; a broken pipe is an error like others. */
static int start_thread(struct capture *capture)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&capture->thread, NULL, write_packets, capture);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int capture_open(struct capture **capture, const struct capture_options *options,
		 char *error)
{
	size_t bytes = options->ring_bytes ? options->ring_bytes : RING_BYTES;
	struct capture *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	*capture = NULL;
	snprintf(error, CAPTURE_ERROR_MAX, "no memory to record to %s", options->path);
	if (!made || ring_init(&made->ring, bytes) < 0)
		goto out;
	made->snap = options->snap && options->snap < CAPTURE_PACKET_MAX
			     ? options->snap
			     : CAPTURE_PACKET_MAX;
	err = capture_set_open(&made->set, options, error);
	if (err < 0)
		goto out;
	sem_init(&made->wake, 0, 0);
	pthread_mutex_init(&made->lock, NULL);
	err = start_thread(made);
	if (err == 0) {
		*capture = made;
		return 0;
	}
	snprintf(error, CAPTURE_ERROR_MAX, "no thread to record to %s: %s", options->path,
		 strerror(-err));
out:
	if (made) {
		capture_set_close(made->set, 0, NULL);
		ring_free(&made->ring);
	}
	free(made);
	return err;
}

int capture_close(struct capture *capture, struct capture_stats *stats)
{
	int err;

	if (!capture)
		return 0;
	atomic_store_explicit(&capture->stop, true, memory_order_seq_cst);
	sem_post(&capture->wake);
	pthread_join(capture->thread, NULL);
	if (stats)
		capture_stats(capture, stats);
	err = capture->result;
	pthread_mutex_destroy(&capture->lock);
	sem_destroy(&capture->wake);
	ring_free(&capture->ring);
	free(capture);
	return err;
}
