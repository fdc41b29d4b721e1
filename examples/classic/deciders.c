/* SPDX-License-Identifier: MIT */
/*
 * A thread that reads, and one that inspects and decides: packets with the word "attack"
 * are dropped. Messages go round between the two: from the pool to the reader, from there
 * to the decider, and back. With an empty pool the reader waits, and the kernel's queue
 * fills. On libnetfilter_queue's API; ../deciders.c is the same on ours.
 */
#define _GNU_SOURCE 1 /* memmem() */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#define WORD "attack"
#define MESSAGES 256
#define SOCKET_BUFFER (8 << 20)

struct message {
	struct message *next;
	ssize_t length;
	char bytes[0xffff + 4096] __attribute__((aligned));
};

/* Messages from thread to thread, oldest first. */
struct line {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct message *first, *last;
	bool closed; /* nothing will come any more */
};

struct program {
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;
	struct line pool, received;
	struct message messages[MESSAGES];
};

/* --- lines ------------------------------------------------------------------------ */

static void open_line(struct line *line)
{
	pthread_mutex_init(&line->lock, NULL);
	pthread_cond_init(&line->changed, NULL);
}

static void put(struct line *line, struct message *message)
{
	message->next = NULL;
	pthread_mutex_lock(&line->lock);
	if (line->first)
		line->last->next = message;
	else
		line->first = message;
	line->last = message;
	pthread_cond_signal(&line->changed);
	pthread_mutex_unlock(&line->lock);
}

/* Waits for one; NULL: the line is closed, and empty. */
static struct message *take(struct line *line)
{
	struct message *message;

	pthread_mutex_lock(&line->lock);
	while (!line->first && !line->closed)
		pthread_cond_wait(&line->changed, &line->lock);
	message = line->first;
	if (message)
		line->first = message->next;
	pthread_mutex_unlock(&line->lock);
	return message;
}

static void close_line(struct line *line)
{
	pthread_mutex_lock(&line->lock);
	line->closed = true;
	pthread_cond_signal(&line->changed);
	pthread_mutex_unlock(&line->lock);
}

/* --- the decider ------------------------------------------------------------------ */

static int decide(struct nfq_q_handle *queue, struct nfgenmsg *generic,
		  struct nfq_data *data, void *ctx)
{
	struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
	unsigned char *payload;
	int length = nfq_get_payload(data, &payload);
	bool bad = length > 0 && memmem(payload, (size_t)length, WORD, strlen(WORD));

	if (!header)
		return 0;
	return nfq_set_verdict(queue, ntohl(header->packet_id), bad ? NF_DROP : NF_ACCEPT,
			       0, NULL);
}

/* The only thread that calls the library while the program runs: it has no locks. */
static void *decider(void *ctx)
{
	struct program *program = ctx;
	struct message *message;

	while ((message = take(&program->received))) {
		nfq_handle_packet(program->handle, message->bytes, (int)message->length);
		put(&program->pool, message);
	}
	return NULL;
}

/* --- the reader ------------------------------------------------------------------- */

/* Whether there was one. */
static bool receive(struct program *program)
{
	struct message *message = take(&program->pool);

	message->length = recv(nfq_fd(program->handle), message->bytes,
			       sizeof(message->bytes), MSG_DONTWAIT);
	if (message->length >= 0) {
		put(&program->received, message);
		return true;
	}
	if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		err(1, "recv");
	put(&program->pool, message);
	return false;
}

static void read_all(struct program *program, int signals)
{
	struct pollfd events[] = {
		{.fd = nfq_fd(program->handle), .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};

	while (!events[1].revents) {
		poll(events, 2, -1);
		for (int i = 0; i < MESSAGES && receive(program); i++)
			;
	}
}

/* --- the program ------------------------------------------------------------------ */

static void open_queue(struct program *program)
{
	const int on = 1;

	program->handle = nfq_open();
	if (!program->handle)
		err(1, "nfq_open");
	nfnl_rcvbufsiz(nfq_nfnlh(program->handle), SOCKET_BUFFER);
	setsockopt(nfq_fd(program->handle), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on,
		   sizeof(on));
	program->queue = nfq_create_queue(program->handle, 0, decide, NULL);
	if (!program->queue)
		err(1, "queue 0");
	if (nfq_set_mode(program->queue, NFQNL_COPY_PACKET, 0xffff) < 0)
		err(1, "copy mode");
	if (nfq_set_queue_flags(program->queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
		warn("no GSO");
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(void)
{
	static struct program program;
	int signals = open_signals();
	pthread_t thread;

	open_line(&program.pool);
	open_line(&program.received);
	for (int i = 0; i < MESSAGES; i++)
		put(&program.pool, &program.messages[i]);
	open_queue(&program);
	if (pthread_create(&thread, NULL, decider, &program) != 0)
		errx(1, "no thread");
	read_all(&program, signals);
	close_line(&program.received);
	pthread_join(thread, NULL);
	nfq_destroy_queue(program.queue);
	return nfq_close(program.handle) < 0;
}
