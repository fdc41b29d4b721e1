/* SPDX-License-Identifier: MIT */
/*
 * A program as they were written for ip_queue: it lets packets pass, but for those whose
 * last byte is a "!", and says what it sees. Of today's library it knows nothing.
 *
 *	ipq_passer [-6] [-s]	-s: it waits in select(), and reads with a timeout
 */
#include <linux/netfilter.h>
#include <libipq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#define BUFSIZE 2048

static int use_select;

static void die(struct ipq_handle *h)
{
	ipq_perror("passer");
	ipq_destroy_handle(h);
	exit(1);
}

static int decide(ipq_packet_msg_t *m)
{
	if (m->data_len > 0 && m->payload[m->data_len - 1] == '!')
		return NF_DROP;
	return NF_ACCEPT;
}

static void take(struct ipq_handle *h, unsigned char *buf)
{
	ipq_packet_msg_t *m;
	int verdict;

	switch (ipq_message_type(buf)) {
	case NLMSG_ERROR:
		fprintf(stderr, "Received error message %d\n", ipq_get_msgerr(buf));
		break;
	case IPQM_PACKET:
		m = ipq_get_packet(buf);
		verdict = decide(m);
		printf("%s %s %lu\n", verdict == NF_DROP ? "drop" : "accept",
		       m->indev_name, (unsigned long)m->data_len);
		if (ipq_set_verdict(h, m->packet_id, verdict, 0, NULL) < 0)
			die(h);
		break;
	default:
		fprintf(stderr, "Unknown message type!\n");
		break;
	}
}

static void wait_for_packet(struct ipq_handle *h)
{
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(h->fd, &fds);
	if (select(h->fd + 1, &fds, NULL, NULL, NULL) < 0)
		die(h);
}

int main(int argc, char **argv)
{
	int status, protocol = PF_INET, i;
	unsigned char buf[BUFSIZE];
	struct ipq_handle *h;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-6") == 0)
			protocol = PF_INET6;
		else
			use_select = 1;
	}
	setlinebuf(stdout);
	h = ipq_create_handle(0, protocol);
	if (!h)
		die(h);
	status = ipq_set_mode(h, IPQ_COPY_PACKET, BUFSIZE);
	if (status < 0)
		die(h);
	do {
		if (use_select)
			wait_for_packet(h);
		status = ipq_read(h, buf, BUFSIZE, use_select ? -1 : 0);
		if (status < 0)
			die(h);
		if (status > 0)
			take(h, buf);
	} while (1);
	return 0;
}
