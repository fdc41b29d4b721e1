/* SPDX-License-Identifier: MIT */
#include "capture/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_NS 1000000000u

struct capture_reader {
	pcap_t *pcap;
	FILE *file; /* the pcap's */
	const char *name;
	char *path;
	int link_type;
	uint64_t size; /* 0: a pipe, or such */
};

static int fail(char *error, const char *name, const char *text, int err)
{
	snprintf(error, CAPTURE_READER_ERROR_MAX, "%s: %s", name, text);
	return err;
}

/* By a descriptor of our own: libpcap opens any file without saying why it could not. */
static int open_file(struct capture_reader *reader, const char *path, char *error)
{
	struct stat status;
	int fd;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail(error, reader->name, strerror(errno), -errno);
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		close(fd);
		return fail(error, reader->name, strerror(EISDIR), -EISDIR);
	}
	reader->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
	reader->file = fdopen(fd, "rb");
	if (reader->file)
		return 0;
	close(fd);
	return fail(error, reader->name, strerror(ENOMEM), -ENOMEM);
}

static int check_link_type(const struct capture_reader *reader, char *error)
{
	const char *name = pcap_datalink_val_to_name(reader->link_type);
	char text[128];

	if (link_is_known(reader->link_type))
		return 0;
	snprintf(text, sizeof(text),
		 "its link type, %d (%s), is none that IP packets are known in",
		 reader->link_type, name ? name : "unknown");
	return fail(error, reader->name, text, -EINVAL);
}

static int open_pcap(struct capture_reader *reader, const char *path, char *error)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	int err = open_file(reader, path, error);

	if (err < 0)
		return err;
	reader->pcap = pcap_fopen_offline_with_tstamp_precision(
		reader->file, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!reader->pcap) {
		fclose(reader->file);
		return fail(error, reader->name, text, -EINVAL);
	}
	reader->link_type = pcap_datalink(reader->pcap);
	return check_link_type(reader, error);
}

int capture_reader_open(struct capture_reader **reader, const char *path, char *error)
{
	struct capture_reader *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	*reader = NULL;
	*error = '\0';
	if (!made)
		return fail(error, path, strerror(ENOMEM), -ENOMEM);
	made->path = strdup(path);
	if (made->path) {
		made->name = strcmp(path, "-") == 0 ? "standard input" : made->path;
		err = open_pcap(made, path, error);
	}
	if (err < 0) {
		capture_reader_close(made);
		return err;
	}
	*reader = made;
	return 0;
}

/* What the IP header says the packet has; 0: it does not tell (big TCP, or a header that
 * is cut). Source: ip_rcv_core(), ip6_rcv_core(). */
static uint32_t ip_length(const struct capture_packet *packet)
{
	const uint8_t *ip = packet->data;
	uint32_t payload;

	if (packet->link.protocol == LINK_IPV4)
		return packet->captured < 4 ? 0 : (uint32_t)ip[2] << 8 | ip[3];
	if (packet->captured < 6)
		return 0;
	payload = (uint32_t)ip[4] << 8 | ip[5];
	return payload ? payload + 40 : 0;
}

/* The kernel cuts off what the link layer padded, before any hook sees it. */
static void trim(struct capture_packet *packet)
{
	uint32_t length = ip_length(packet);

	if (length == 0 || length >= packet->length)
		return;
	packet->length = length;
	if (packet->captured > length)
		packet->captured = length;
}

static int take(struct capture_reader *reader, const struct pcap_pkthdr *header,
		const uint8_t *data, struct capture_packet *packet)
{
	uint32_t length = header->len < header->caplen ? header->caplen : header->len;

	*packet = (struct capture_packet){.time_ns = (uint64_t)header->ts.tv_sec *
							     SECOND_NS +
						     (uint64_t)header->ts.tv_usec};
	if (link_find(reader->link_type, data, header->caplen, &packet->link) < 0)
		return CAPTURE_OTHER;
	packet->data = data + packet->link.offset;
	packet->captured = header->caplen - packet->link.offset;
	packet->length = length - packet->link.offset;
	trim(packet);
	return CAPTURE_PACKET;
}

int capture_reader_next(struct capture_reader *reader, struct capture_packet *packet,
			char *error)
{
	struct pcap_pkthdr *header;
	const uint8_t *data;
	int ret = pcap_next_ex(reader->pcap, &header, &data);

	if (ret == PCAP_ERROR_BREAK)
		return CAPTURE_END;
	if (ret != 1)
		return fail(error, reader->name, pcap_geterr(reader->pcap), -EINVAL);
	return take(reader, header, data, packet);
}

void capture_reader_progress(const struct capture_reader *reader, uint64_t *at,
			     uint64_t *size)
{
	off_t offset = reader->size ? ftello(reader->file) : -1;

	*size = reader->size;
	*at = offset < 0 ? 0 : (uint64_t)offset;
}

void capture_reader_close(struct capture_reader *reader)
{
	if (!reader)
		return;
	if (reader->pcap)
		pcap_close(reader->pcap);
	free(reader->path);
	free(reader);
}
