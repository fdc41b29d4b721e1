/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include "queue/clock.h"
#include "queue/fetch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>

static bool is_unprivileged(const struct nfqueue *queue)
{
	return atomic_load_explicit(&queue->unprivileged, memory_order_relaxed);
}

/*
 * Ids count up by one for each packet that the kernel tried to hand over: what is missing
 * between two of them found the socket buffer full. Source: __nfqnl_enqueue_packet().
 */
static void count_gap(struct nfqueue *queue, uint32_t id)
{
	uint32_t gap = queue->expects_id ? id - queue->expected_id : 0;

	queue->expects_id = true;
	queue->expected_id = id + 1;
	if (gap == 0 || gap > INT32_MAX)
		return;
	queue->tally.lost = true;
	if (queue_has(queue, NFQUEUE_FAIL_OPEN))
		counter_add(&queue->counters.passed_socket, gap);
	else
		counter_add(&queue->counters.lost_socket, gap);
}

static void count_packet(struct nfqueue *queue, const struct wire_packet *packet)
{
	struct tally *tally = &queue->tally;
	bool cut = packet->present & (1u << WIRE_CAP_LEN);

	count_gap(queue, packet->id);
	tally->received++;
	tally->bytes += cut ? packet->cap_len : packet->payload.length;
	tally->truncated += cut;
}

/* The counts that others read, once a batch. */
void tally_publish(struct nfqueue *queue)
{
	struct counters *counters = &queue->counters;
	struct tally *tally = &queue->tally;

	atomic_store_explicit(&counters->last_id, queue->expected_id - 1,
			      memory_order_release);
	counter_add(&counters->received, tally->received);
	counter_add(&counters->bytes, tally->bytes);
	counter_add(&counters->truncated, tally->truncated);
	*tally = (struct tally){.lost = tally->lost};
}

/*
 * A packet message whose attributes make no sense, or did not fit: its id is still the
 * first attribute, and somebody has to decide it. The default verdict does.
 */
static bool salvage(struct nfqueue_packet *packet, size_t length)
{
	struct nfqueue *queue = packet->queue;
	uint32_t id;

	counter_add(&queue->counters.malformed, 1);
	if (wire_packet_id(packet->message, length, &id) < 0)
		return false;
	memset(&packet->wire, 0, sizeof(packet->wire));
	packet->id = packet->wire.id = id;
	packet->wire.queue = queue->number;
	count_packet(queue, &packet->wire);
	packet->verdict = queue->default_verdict;
	packet_set_state(packet, PACKET_DECIDED);
	counter_add_shared(&queue->counters.defaulted, 1);
	return true;
}

static bool take_packet(struct nfqueue_packet *packet, const struct wire_message *message)
{
	if (wire_packet_decode(message, &packet->wire) < 0)
		return salvage(packet, message->length);
	packet->id = packet->wire.id;
	count_packet(packet->queue, &packet->wire);
	packet_set_state(packet, PACKET_UNDECIDED);
	return true;
}

static void take_ack(struct nfqueue *queue, const struct wire_error *error)
{
	size_t length = error->text.length;

	if ((error->sequence & ~SEQUENCE_MASK) == SEQUENCE_MARK)
		sent_settle(queue->sender, error->sequence);
	if (error->sequence == 0 || error->sequence != queue->ack_sequence)
		return; /* 0: nfqueue_wake() has done what it is for */
	queue->ack_received = true;
	queue->ack_error = error->error;
	if (length >= sizeof(queue->ack_text))
		length = sizeof(queue->ack_text) - 1;
	if (length) /* without words there is no text to point to */
		memcpy(queue->ack_text, error->text.data, length);
	queue->ack_text[length] = '\0';
}

static void take_error(struct nfqueue *queue, const struct wire_message *message)
{
	struct wire_error error;

	if (wire_error_decode(message, &error) < 0) {
		counter_add(&queue->counters.malformed, 1);
		return;
	}
	if (error.request_type == (WIRE_SUBSYSTEM_QUEUE << 8 | WIRE_MSG_CONFIG))
		take_ack(queue, &error);
	else if (error.error)
		verdict_refused(queue, error.sequence, error.error);
}

bool receive_message(struct nfqueue_packet *packet, size_t length, bool truncated)
{
	struct wire_bytes bytes = {packet->message, (uint32_t)length};
	struct wire_message message;
	int more;

	packet->held = false;
	packet->timed = false;
	packet->edited = false;
	packet->delayed = false;
	if (truncated)
		return salvage(packet, length);
	while ((more = wire_message_next(&bytes, &message)) > 0) {
		if (wire_is_packet(&message))
			return take_packet(packet, &message);
		if (message.type == NLMSG_ERROR)
			take_error(packet->queue, &message);
	}
	if (more < 0)
		counter_add(&packet->queue->counters.malformed, 1);
	return false;
}

/* An overflow is told once, before the messages that had room. */
static int receive_messages(struct nfqueue *queue, unsigned int size, int flags)
{
	int count;

	while ((count = recvmmsg(queue_socket(queue), queue->headers, size, flags,
				 NULL)) < 0 &&
	       errno == ENOBUFS)
		counter_add(&queue->counters.enobufs, 1);
	return count;
}

/* Returns how many messages came; -EAGAIN none, -EINTR a signal. */
static int receive_now(struct nfqueue *queue, unsigned int size, int flags)
{
	int count = receive_messages(queue, size, flags);

	if (count >= 0)
		return count;
	if (errno == EAGAIN) /* the socket is empty */
		queue->sender->settled = queue->sender->sequence;
	if (errno == EAGAIN || errno == EINTR)
		return -errno;
	return queue_error(queue, -errno, "queue %u: cannot receive: %s", queue->number,
			   strerror(errno));
}

static bool wait_readable(struct nfqueue *queue, int64_t timeout_us)
{
	struct pollfd ready = {.fd = queue_socket(queue), .events = POLLIN};
	struct timespec timeout = {.tv_sec = timeout_us / 1000000,
				   .tv_nsec = timeout_us % 1000000 * 1000};

	return ppoll(&ready, 1, &timeout, NULL) > 0;
}

/* Asleep from here on, until something comes: who decides a held packet must tell. The
 * last look at what would be told comes behind. Returns 0, or a count of messages. */
static int receive_asleep(struct nfqueue *queue, unsigned int size, int64_t timeout_us)
{
	int count = -EAGAIN;

	wake_expect(queue);
	if (atomic_load(&queue->attention))
		count = -EAGAIN;
	else if (timeout_us < 0) /* one system call, asleep or not */
		count = receive_now(queue, size, MSG_WAITFORONE);
	else if (wait_readable(queue, timeout_us))
		count = receive_now(queue, size, MSG_DONTWAIT);
	wake_clear(queue);
	return count;
}

static int receive_busily(struct nfqueue *queue, unsigned int size, int64_t timeout_us)
{
	uint64_t begin = clock_us(), end = UINT64_MAX;
	int count;

	if (timeout_us >= 0)
		end = begin + (uint64_t)timeout_us;
	count = busy_poll(queue, size, end);
	if (count == -ENOBUFS)
		counter_add(&queue->counters.enobufs, 1);
	if (count >= 0)
		return count;
	if (count == -EAGAIN) /* the socket is empty */
		queue->sender->settled = queue->sender->sequence;
	begin = clock_us();
	if (begin >= end) {
		busy_slept(queue, UINT64_MAX); /* it was all in vain */
		return -EAGAIN;
	}
	if (timeout_us > 0)
		timeout_us = (int64_t)(end - begin);
	count = receive_asleep(queue, size, timeout_us);
	busy_slept(queue, count > 0 ? clock_us() - begin : UINT64_MAX);
	return count;
}

static int receive_batch(struct nfqueue *queue, unsigned int size, int64_t timeout_us)
{
	int count = -EAGAIN;

	if (timeout_us == 0)
		return receive_now(queue, size, MSG_DONTWAIT);
	if (queue->busy_poll_us)
		return receive_busily(queue, size, timeout_us);
	if (timeout_us > 0)
		count = receive_now(queue, size, MSG_DONTWAIT);
	return count == -EAGAIN ? receive_asleep(queue, size, timeout_us) : count;
}

#define FETCH_SLOTS_AHEAD 2u

static unsigned int take_batch(struct nfqueue *queue, unsigned int count,
			       struct nfqueue_packet **packets)
{
	unsigned int returned = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct nfqueue_packet *packet = queue->slots[i];
		bool truncated = queue->headers[i].msg_hdr.msg_flags & MSG_TRUNC;

		if (i + FETCH_SLOTS_AHEAD < count)
			fetch_packet(queue->slots[i + FETCH_SLOTS_AHEAD]);
		slot_filled(packet, queue->headers[i].msg_len);
		if (!receive_message(packet, queue->headers[i].msg_len, truncated))
			continue;
		queue->batch[queue->batch_count++] = packet;
		if (packet_state(packet) == PACKET_UNDECIDED)
			packets[returned++] = packet;
	}
	return returned;
}

/* What came while an ACK was awaited comes first: it is older. */
static unsigned int take_backlog(struct nfqueue *queue, struct nfqueue_packet **packets,
				 unsigned int max)
{
	struct nfqueue_packet *packet;
	unsigned int returned = 0;

	while (queue->batch_count < max && (packet = TAILQ_FIRST(&queue->backlog))) {
		TAILQ_REMOVE(&queue->backlog, packet, entry);
		queue->batch[queue->batch_count++] = packet;
		if (packet_state(packet) == PACKET_UNDECIDED)
			packets[returned++] = packet;
	}
	return returned;
}

int batch_finish(struct nfqueue *queue)
{
	int err;

	verdicts_default(queue);
	err = flush_all(queue);
	if (err == 0)
		held_link_batch(queue);
	return err;
}

/* What came is told the counts, and how full the socket is. */
static void take_stock(struct nfqueue *queue, unsigned int count, unsigned int size)
{
	bool lost = queue->tally.lost;

	queue->tally.lost = false;
	if (count < size) /* it is empty now */
		queue->sender->settled = queue->sender->sequence;
	buffer_tend(queue, count == size, lost);
}

/* Returns how many messages came; how many of them are packets for the program is in
 * `returned`. */
static int receive_some(struct nfqueue *queue, struct nfqueue_packet **packets,
			unsigned int max, int64_t timeout_us, unsigned int *returned)
{
	unsigned int size = slots_refill(queue);
	int count;

	if (size == 0)
		return queue_error(queue, -ENOMEM, "queue %u: no memory to receive into",
				   queue->number);
	if (max < size)
		size = max;
	count = receive_batch(queue, size, timeout_us);
	if (count <= 0)
		return count;
	counter_add(&queue->counters.batches, 1);
	version_turn(&queue->counters.version);
	*returned = take_batch(queue, (unsigned int)count, packets);
	tally_publish(queue);
	version_turn(&queue->counters.version);
	take_stock(queue, (unsigned int)count, size);
	return count;
}

static int64_t time_left(uint64_t end)
{
	uint64_t now = clock_us();

	return now < end ? (int64_t)(end - now) : 0;
}

/* Pairs with the release store in nfqueue_wake(). */
static bool was_woken(struct nfqueue *queue)
{
	return atomic_load_explicit(&queue->woken, memory_order_relaxed) &&
	       atomic_exchange_explicit(&queue->woken, false, memory_order_acquire);
}

/* What is to be done before a sleep of `timeout_us`. Returns how long it may be. */
static int64_t before_sleep(struct nfqueue *queue, int64_t timeout_us)
{
	int64_t next = -1;

	atomic_store(&queue->attention, false);
	if (atomic_load(&queue->deadlines))
		deadlines_expire(queue);
	if (atomic_load(&queue->deadlines) || queue->had_deadlines)
		next = deadlines_sleep(queue);
	queue->had_deadlines = next >= 0;
	if (late_pending(queue) && flush_late(queue) < 0)
		return timeout_us < 0 || timeout_us > RETRY_US ? RETRY_US : timeout_us;
	if (next >= 0 && (timeout_us < 0 || next < timeout_us))
		return next;
	return timeout_us;
}

struct wait {
	uint64_t end; /* by clock_us(), if `timeout_us` > 0 */
	int64_t timeout_us;
};

/* Whether an empty-handed look at the socket was the last one. */
static bool is_over(const struct wait *wait, int result)
{
	if (result != -EAGAIN)
		return result < 0;
	return wait->timeout_us == 0;
}

/*
 * A refused verdict is a message but no packet: it does not end the wait. Salvaged
 * packets are decided but not returned: don't sleep on them.
 */
static int receive_packets(struct nfqueue *queue, struct nfqueue_packet **packets,
			   unsigned int max, int timeout_ms)
{
	struct wait wait = {.timeout_us = timeout_ms * INT64_C(1000)};
	unsigned int returned = 0;
	int count;

	if (timeout_ms > 0)
		wait.end = clock_us() + (uint64_t)wait.timeout_us;
	do {
		if (was_woken(queue))
			wait.timeout_us = 0;
		else if (wait.timeout_us > 0)
			wait.timeout_us = time_left(wait.end);
		count = receive_some(queue, packets, max,
				     before_sleep(queue, wait.timeout_us), &returned);
		gate_yield(queue);
	} while (!is_over(&wait, count) && queue->batch_count == 0 &&
		 TAILQ_EMPTY(&queue->backlog) && !is_unprivileged(queue));
	if (count < 0 && count != -EAGAIN && count != -EINTR)
		return count;
	return (int)returned;
}

static int receive_or_explain(struct nfqueue *queue, struct nfqueue_packet **packets,
			      unsigned int max, int timeout_ms)
{
	int count = TAILQ_EMPTY(&queue->backlog)
			    ? receive_packets(queue, packets, max, timeout_ms)
			    : 0;

	/* There may be some now: a configuration came between. */
	if (count == 0 && queue->batch_count == 0 && !TAILQ_EMPTY(&queue->backlog))
		count = (int)take_backlog(queue, packets, max);
	if (count == 0 && is_unprivileged(queue))
		return queue_error(queue, -EPERM,
				   "queue %u: the kernel refuses our verdicts: keep "
				   "CAP_NET_ADMIN while the queue is open",
				   queue->number);
	return count;
}

/* With nothing to do, the program will not ask soon. What was decided since the last look
 * was told nobody. */
static void say_idle(struct nfqueue *queue)
{
	wake_expect(queue);
	if (late_pending(queue))
		flush_late(queue);
}

int nfqueue_recv(struct nfqueue *queue, struct nfqueue_packet **packets, unsigned int max,
		 int timeout_ms)
{
	int count;

	if (max == 0)
		return queue_error(queue, -EINVAL, "nfqueue_recv: room for 0 packets");
	atomic_store_explicit(&queue->reader, pthread_self(), memory_order_relaxed);
	wake_clear(queue);
	count = batch_finish(queue);
	if (count < 0)
		return count;
	if (max > queue->batch_size)
		max = queue->batch_size;
	gate_enter(queue);
	count = receive_or_explain(queue, packets, max, timeout_ms);
	gate_leave(queue);
	if (count <= 0)
		say_idle(queue);
	return count;
}
