/* SPDX-License-Identifier: MIT */
/*
 * A filter as people wrote them for libnetfilter_queue, for `nfqueue exec`: takes queue
 *0, prints "ready", and a letter for each packet, by which its payload's first byte
 *decides: 'n' no verdict, 't' two, 'r' a range verdict, 'b' its bytes are sent back, else
 *accept; 'q' ends it with status 7. Of TCP it prints the length of the longest so far;
 *"back" sends what is longer than a network's packets back as it came. exec_filter
 *BUFFER_SIZE [daemon|back]
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#define UDP_PAYLOAD 28
#define PROTOCOL 9 /* in the IPv4 header */

#define LONG 1500

static int longest;
static int sends_back;

static void accept_packet(struct nfq_q_handle *queue, uint32_t id, int length,
			  unsigned char *data)
{
	if (nfq_set_verdict(queue, id, NF_ACCEPT, (uint32_t)length, data) < 0)
		err(1, "nfq_set_verdict");
}

static int decide_udp(struct nfq_q_handle *queue, uint32_t id, int length,
		      unsigned char *data)
{
	char order = length > UDP_PAYLOAD ? (char)data[UDP_PAYLOAD] : ' ';

	printf("%c\n", order);
	if (order == 'n')
		return 0;
	if (order == 'r')
		return nfq_set_verdict_batch(queue, id, NF_ACCEPT);
	accept_packet(queue, id, order == 'b' ? length : 0, data);
	if (order == 't')
		accept_packet(queue, id, 0, NULL);
	return order == 'q' ? -1 : 0;
}

static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message,
		  struct nfq_data *packet, void *context)
{
	uint32_t id = ntohl(nfq_get_msg_packet_hdr(packet)->packet_id);
	unsigned char *data;
	int length = nfq_get_payload(packet, &data);

	if (length > PROTOCOL && data[PROTOCOL] == IPPROTO_UDP)
		return decide_udp(queue, id, length, data);
	if (length > longest)
		printf("length %d\n", longest = length);
	accept_packet(queue, id, sends_back && length > LONG ? length : 0, data);
	return 0;
}

static struct nfq_q_handle *open_queue(struct nfq_handle **handle)
{
	struct nfq_q_handle *queue;

	*handle = nfq_open();
	if (!*handle)
		err(1, "nfq_open");
	queue = nfq_create_queue(*handle, 0, decide, NULL);
	if (!queue || nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff) < 0)
		err(1, "queue 0");
	return queue;
}

static void print_buffer(int fd)
{
	socklen_t length = sizeof(int);
	int size;

	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length) < 0)
		err(1, "SO_RCVBUF");
	printf("ready %d %d\n", (int)getpid(), size);
}

int main(int argc, char **argv)
{
	size_t size = (size_t)atoi(argv[1]);
	char *buffer = malloc(size);
	struct nfq_handle *handle;
	ssize_t length;

	setlinebuf(stdout);
	open_queue(&handle);
	sends_back = argc > 2 && strcmp(argv[2], "back") == 0;
	if (argc > 2 && strcmp(argv[2], "daemon") == 0 && daemon(1, 1) < 0)
		err(1, "daemon");
	print_buffer(nfq_fd(handle));
	for (;;) {
		length = recv(nfq_fd(handle), buffer, size, 0);
		if (length >= 0 && nfq_handle_packet(handle, buffer, (int)length) < 0)
			break;
		if (length < 0 && errno != ENOBUFS)
			err(1, "recv");
	}
	nfq_close(handle);
	free(buffer);
	return 7;
}
