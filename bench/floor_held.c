/* SPDX-License-Identifier: MIT */
/*
 * Subject `floor-held`: the least that holding packets costs when another thread decides
 * them. One thread receives as `floor` does, and tells the newest id; the other accepts,
 * 64 at a time by a range verdict, what is `--hold` older than that.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common.h"
#include "peer.h"

#define SLOTS 64u
#define SLOT_SIZE 69632u
#define ID_OFFSET 24u
#define QUIET_MS 5

struct subject {
	struct bench_options options;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t come, gone; /* the newest id that came, that was decided; under lock */
	bool quiet;          /* under lock */
};

struct verdict_message {
	struct nlmsghdr netlink;
	struct nfgenmsg netfilter;
	struct nlattr attribute;
	struct nfqnl_msg_verdict_hdr verdict;
};

static void accept_until(struct subject *subject, uint32_t id)
{
	struct verdict_message message = {
		.netlink = {.nlmsg_len = sizeof(message),
			    .nlmsg_type =
				    NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH,
			    .nlmsg_flags = NLM_F_REQUEST},
		.netfilter = {.version = NFNETLINK_V0},
		.attribute = {sizeof(struct nlattr) +
				      sizeof(struct nfqnl_msg_verdict_hdr),
			      NFQA_VERDICT_HDR},
		.verdict = {htonl(NF_ACCEPT), htonl(id)},
	};

	if (send(subject->fd, &message, sizeof(message), 0) < 0)
		err(1, "send");
}

static uint32_t decidable(const struct subject *subject)
{
	uint32_t waiting = subject->come - subject->gone, hold = subject->options.hold;

	if (!subject->quiet)
		waiting -= waiting < hold ? waiting : hold;
	return waiting < SLOTS ? waiting : SLOTS;
}

static void *decider_main(void *argument)
{
	struct subject *subject = argument;
	uint32_t count;

	for (;;) {
		pthread_mutex_lock(&subject->lock);
		while ((count = decidable(subject)) == 0)
			pthread_cond_wait(&subject->changed, &subject->lock);
		subject->gone += count;
		pthread_mutex_unlock(&subject->lock);
		accept_until(subject, subject->gone);
	}
	return NULL;
}

static uint32_t packet_id(const void *slot)
{
	uint32_t id;

	memcpy(&id, (const char *)slot + ID_OFFSET, sizeof(id));
	return ntohl(id);
}

static int receive(struct subject *subject, struct mmsghdr *received)
{
	struct pollfd ready = {.fd = subject->fd, .events = POLLIN};
	int count = recvmmsg(subject->fd, received, SLOTS, MSG_DONTWAIT, NULL);

	if (count >= 0)
		return count;
	if (errno != EAGAIN)
		err(1, "recvmmsg");
	poll(&ready, 1, subject->quiet ? -1 : QUIET_MS);
	count = recvmmsg(subject->fd, received, SLOTS, MSG_DONTWAIT, NULL);
	return count < 0 ? 0 : count;
}

static void read_all(struct subject *subject)
{
	struct mmsghdr received[SLOTS] = {0};
	struct iovec vectors[SLOTS];

	for (unsigned int i = 0; i < SLOTS; i++) {
		vectors[i] = (struct iovec){malloc(SLOT_SIZE), SLOT_SIZE};
		if (!vectors[i].iov_base)
			err(1, "malloc");
		received[i].msg_hdr.msg_iov = &vectors[i];
		received[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		int count = receive(subject, received);

		pthread_mutex_lock(&subject->lock);
		subject->quiet = count == 0;
		if (count)
			subject->come = packet_id(vectors[count - 1].iov_base);
		pthread_cond_signal(&subject->changed);
		pthread_mutex_unlock(&subject->lock);
	}
}

static int no_decide(struct nfq_q_handle *queue, struct nfgenmsg *message,
		     struct nfq_data *data, void *ctx)
{
	return -1;
}

int main(int argc, char **argv)
{
	struct subject subject = {.quiet = true};
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;
	pthread_t decider;

	bench_parse(&subject.options, argc, argv);
	queue = peer_open(&handle, no_decide, NULL);
	peer_enlarge(handle, queue);
	subject.fd = nfq_fd(handle);
	pthread_mutex_init(&subject.lock, NULL);
	pthread_cond_init(&subject.changed, NULL);
	if (pthread_create(&decider, NULL, decider_main, &subject))
		errx(1, "pthread_create");
	bench_ready(&subject.options);
	read_all(&subject);
	return 0;
}
