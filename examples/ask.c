/* SPDX-License-Identifier: MIT */
/*
 * A firewall that asks: the first packet of each new flow is held while somebody thinks
 * about it, at most 30 seconds; packets of other flows go on meanwhile. Answers come from
 * another thread, here the terminal: "y" lets the oldest question's flow in, "n" not. The
 * rule is somebody else's:
 * iptables -A INPUT -p udp -m conntrack --ctstate NEW -j NFQUEUE --queue-num 0
 */
#include <nfqueue/nfqueue.h>
#include <nfqueue/view.h>

#include <pthread.h>
#include <stdio.h>

#define QUESTIONS 64
#define PATIENCE_MS 30000

/* A ring of the packets that wait for an answer, oldest first. */
struct questions {
	pthread_mutex_t lock;
	struct nfqueue_packet *packets[QUESTIONS];
	unsigned int first, count;
};

static int put(struct questions *questions, struct nfqueue_packet *packet)
{
	int full;

	pthread_mutex_lock(&questions->lock);
	full = questions->count == QUESTIONS;
	if (!full)
		questions->packets[(questions->first + questions->count++) % QUESTIONS] =
			packet;
	pthread_mutex_unlock(&questions->lock);
	return full ? -1 : 0;
}

static struct nfqueue_packet *take(struct questions *questions)
{
	struct nfqueue_packet *packet = NULL;

	pthread_mutex_lock(&questions->lock);
	if (questions->count) {
		packet = questions->packets[questions->first];
		questions->first = (questions->first + 1) % QUESTIONS;
		questions->count--;
	}
	pthread_mutex_unlock(&questions->lock);
	return packet;
}

static void ask(const struct nfqueue_packet *packet)
{
	struct nfqueue_view view;
	const uint8_t *data;
	char text[256];
	size_t length;

	data = nfqueue_packet_data(packet, &length);
	if (data && nfqueue_view_parse(&view, data, length) == 0 &&
	    nfqueue_view_text(&view, text, sizeof(text)) >= 0)
		printf("%s -- let it in? [y/n]\n", text);
	fflush(stdout);
}

/*
 * Returns at once, whatever the answer will be. The question is printed before the packet
 * is held: from then on it is the other thread's as soon as that has it, and whoever
 * finds no room for a question gets its verdict here.
 */
static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	ask(packet);
	if (nfqueue_packet_hold_for(packet, PATIENCE_MS, NFQUEUE_DROP) == 0 &&
	    put(ctx, packet) < 0)
		nfqueue_drop(packet); /* too many at once; it is held: say so */
	return NFQUEUE_DROP;          /* of no effect on a packet that is held */
}

/* An answer that comes too late gets -EALREADY: the deadline has decided. The verdict is
 * sent by the queue's own thread, which is woken for it. */
static void *answer(void *ctx)
{
	char line[16];

	while (fgets(line, sizeof(line), stdin)) {
		struct nfqueue_packet *packet = take(ctx);
		int err = 0;

		if (packet)
			err = line[0] == 'y' ? nfqueue_accept(packet)
					     : nfqueue_drop(packet);
		printf("%s\n", !packet ? "no question" : err < 0 ? "too late" : "done");
		fflush(stdout);
	}
	return NULL;
}

/* Here, so that the thread inherits what nfqueue_run() has blocked: its signals. */
static int started(struct nfqueue_engine *engine, void *ctx)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, answer, ctx) != 0)
		return -1;
	pthread_detach(thread);
	return 0;
}

/* Nobody may have a packet any more when the queue is closed. What was undecided has got
 * the default verdict by now. */
static void finished(struct nfqueue_engine *engine, void *ctx)
{
	struct nfqueue_packet *packet;

	while ((packet = take(ctx)))
		nfqueue_drop(packet);
}

int main(void)
{
	static struct questions questions = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.decide = decide,
		.ctx = &questions,
		.started = started,
		.finished = finished,
	};

	return nfqueue_run(&options) < 0;
}
