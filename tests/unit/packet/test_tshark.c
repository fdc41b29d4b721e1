/* SPDX-License-Identifier: MIT */
/* tshark judges the checksums of packets that were edited, cut and built here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include <nfqueue/build.h>
#include <nfqueue/edit.h>
#include <nfqueue/packet.h>
#include <nfqueue/view.h>

#include "random_packet.h"

/* The first value of each field: what an ICMP error quotes is not ours. */
#define TSHARK                                                                         \
	"tshark -n -r %s -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE "        \
	"-o udp.check_checksum:TRUE -o ip.defragment:FALSE -o ipv6.defragment:FALSE "  \
	"-o tcp.desegment_tcp_streams:FALSE -T fields -E separator=, -E occurrence=f " \
	"-e ip.checksum.status -e tcp.checksum.status -e udp.checksum.status "         \
	"-e icmp.checksum.status -e icmpv6.checksum.status 2>/dev/null"
#define PACKETS 6000
#define PACKET_MAX 4096
#define RECORDS 65536
#define ETHERNET 14

enum column { IP, TCP, UDP, ICMP, ICMPV6, COLUMNS };

struct capture {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	char path[32];
	/* which of tshark's words must be "good" */
	struct record {
		uint8_t is_ipv4;
		uint8_t column;
	} records[RECORDS];
	uint32_t count;
};

static int has_tshark(void)
{
	return system("tshark --version >/dev/null 2>&1") == 0;
}

static void capture_begin(struct capture *capture)
{
	int file;

	*capture = (struct capture){.path = "/tmp/nfqueue-tshark-XXXXXX"};
	file = mkstemp(capture->path);
	assert_true(file >= 0);
	close(file);
	capture->pcap = pcap_open_dead(DLT_EN10MB, 65535 + ETHERNET);
	capture->dumper = pcap_dump_open(capture->pcap, capture->path);
	assert_non_null(capture->dumper);
}

static void capture_end(struct capture *capture)
{
	unlink(capture->path);
	pcap_close(capture->pcap);
}

/* tshark looks no further where a routing header has not the length of its type. */
static int is_readable(const struct nfqueue_view *view)
{
	struct nfqueue_option header = {0};

	while (nfqueue_view_ipv6_extension(view, &header) > 0) {
		if (header.type != IPPROTO_ROUTING)
			continue;
		if (header.data[2] == 2 && header.length != 24)
			return 0;
		if (header.data[2] == 4 && header.length != 24u + 16u * header.data[4])
			return 0;
	}
	return 1;
}

/* IP for what has no checksum that tshark could judge: fragments, other protocols. */
static enum column column_of(const struct nfqueue_view *view)
{
	if (view->flags || view->payload_offset == view->transport_offset)
		return IP;
	switch (view->protocol) {
	case IPPROTO_TCP:
		return TCP;
	case IPPROTO_UDP:
		return UDP;
	case IPPROTO_ICMP:
		return ICMP;
	case IPPROTO_ICMPV6:
		return ICMPV6;
	}
	return IP;
}

/* In Ethernet: of raw packets tshark takes those for PPP that have ff 03 in them. */
static void dump(const struct capture *capture, const uint8_t *data, size_t length)
{
	const uint16_t type = data[0] >> 4 == 4 ? 0x0800 : 0x86dd;
	struct pcap_pkthdr header = {.caplen = (uint32_t)length + ETHERNET,
				     .len = (uint32_t)length + ETHERNET};
	uint8_t frame[ETHERNET + 65535] = {[12] = type >> 8, [13] = type & 0xff};

	memcpy(frame + ETHERNET, data, length);
	pcap_dump((uint8_t *)capture->dumper, &header, frame);
}

static int put(const uint8_t *data, size_t length, void *ctx)
{
	struct capture *capture = ctx;
	struct nfqueue_view view;
	enum column column;

	assert_int_equal(nfqueue_view_parse(&view, data, length), 0);
	column = column_of(&view);
	if (column == IP || !is_readable(&view))
		return 0;
	assert_true(capture->count < RECORDS);
	capture->records[capture->count++] = (struct record){
		.is_ipv4 = view.ip_version == 4,
		.column = (uint8_t)column,
	};
	dump(capture, data, length);
	return 0;
}

static uint32_t pick(struct random_packet *random, uint32_t max)
{
	uint32_t high = random_below(random, 1u << 31);

	return max == UINT32_MAX ? high << 1 | random_below(random, 2) : high % (max + 1);
}

static void change_field(struct nfqueue_edit *edit, struct random_packet *random,
			 const uint8_t *noise)
{
	enum nfqueue_field field = random_below(random, NFQUEUE_FIELD_COUNT);
	uint32_t max = nfqueue_field_max(field);

	if (max)
		nfqueue_edit_set(edit, field, pick(random, max));
	else
		nfqueue_edit_set_address(edit, field, noise,
					 nfqueue_edit_view(edit)->ip_version == 4 ? 4
										  : 16);
}

static void change_payload(struct nfqueue_edit *edit, struct random_packet *random,
			   const uint8_t *noise)
{
	uint32_t length, offset;

	nfqueue_view_payload(nfqueue_edit_view(edit), &length);
	offset = random_below(random, length + 1);
	switch (random_below(random, 3)) {
	case 0:
		nfqueue_edit_replace(edit, offset,
				     random_below(random, length - offset + 1), noise,
				     random_below(random, 64));
		break;
	case 1:
		nfqueue_edit_set_payload(edit, noise, random_below(random, 200));
		break;
	default:
		nfqueue_edit_replace_all(edit, noise, 1, noise + 1,
					 random_below(random, 4));
	}
}

/* Many a change finds nothing to change: that is no error here. */
static void change(struct nfqueue_edit *edit, struct random_packet *random)
{
	uint8_t noise[200];

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)random_below(random, 256);
	switch (random_below(random, 6)) {
	case 0:
		nfqueue_edit_set_tcp_option(edit, (uint8_t)(2 + random_below(random, 6)),
					    noise, random_below(random, 12));
		break;
	case 1:
		nfqueue_edit_remove_tcp_option(edit,
					       (uint8_t)(2 + random_below(random, 6)));
		break;
	case 2:
		change_payload(edit, random, noise);
		break;
	case 3:
		nfqueue_edit_write(edit, random_below(random, 120), noise,
				   random_below(random, 60));
		break;
	default:
		change_field(edit, random, noise);
	}
}

/* The packet with some changes, in `out`. 0: it cannot be changed. */
static size_t edited(struct nfqueue_edit *edit, struct random_packet *random,
		     const uint8_t *data, size_t length, uint32_t skb_info, uint8_t *out)
{
	uint32_t changes = 1 + random_below(random, 4);
	const uint8_t *bytes;

	if (nfqueue_edit_begin(edit, data, length, length, skb_info) < 0)
		return 0;
	while (changes--)
		change(edit, random);
	assert_int_equal(nfqueue_edit_commit(edit), 0);
	bytes = nfqueue_edit_data(edit, &length);
	assert_true(length <= PACKET_MAX);
	memcpy(out, bytes, length);
	/* nothing may have changed: then the checksum is as unready as before */
	return nfqueue_edit_is_changed(edit) || !skb_info ? length : 0;
}

/* As the kernel hands packets over: only the transport checksum may be unready. */
static void seal_ipv4(struct random_packet *random)
{
	uint8_t *data = random->data;
	uint16_t checksum;

	if (data[0] >> 4 != 4)
		return;
	data[10] = data[11] = 0;
	checksum = nfqueue_checksum(data, (data[0] & 15u) * 4);
	data[10] = (uint8_t)(checksum >> 8);
	data[11] = (uint8_t)checksum;
}

/* Its checksum made in full, then mended; cut; and rejected. */
static void put_all(struct capture *capture, struct nfqueue_edit *edit,
		    struct random_packet *random)
{
	uint8_t whole[PACKET_MAX], mended[PACKET_MAX], answer[NFQUEUE_REJECT_MAX];
	enum nfqueue_reject how = random_below(random, NFQUEUE_REJECT_COUNT);
	struct nfqueue_view view;
	size_t length;
	int ret;

	seal_ipv4(random);
	length = edited(edit, random, random->data, random->length,
			NFQUEUE_CHECKSUM_NOT_READY, whole);
	if (!length)
		return;
	put(whole, length, capture);
	length = edited(edit, random, whole, length, 0, mended);
	put(mended, length, capture);
	nfqueue_view_parse(&view, mended, length);
	if (view.protocol == IPPROTO_TCP)
		nfqueue_segment(mended, length,
				view.payload_offset + 1 + random_below(random, 100), put,
				capture);
	ret = nfqueue_build_reject(mended, length, how, 0, answer, sizeof(answer));
	if (ret > 0)
		put(answer, (size_t)ret, capture);
}

static void write_packets(struct capture *capture)
{
	struct random_packet random = {.state = 41};
	struct nfqueue_edit *edit;

	assert_int_equal(nfqueue_edit_new(&edit), 0);
	for (int i = 0; i < PACKETS; i++) {
		random_packet_next(&random);
		put_all(capture, edit, &random);
	}
	nfqueue_edit_free(edit);
	pcap_dump_close(capture->dumper);
}

/* 1 if tshark's line calls what must be good so; then its protocol is counted. */
static int judge(const struct record *record, const char *line, uint32_t good[COLUMNS])
{
	const char *field = line;
	char ip = line[0];

	for (uint32_t i = 0; i < record->column; i++)
		field += strcspn(field, ",") + 1;
	if (field[0] != '1' || (record->is_ipv4 && ip != '1'))
		return 0;
	good[IP] += record->is_ipv4;
	good[record->column]++;
	return 1;
}

static void tshark_finds_every_checksum_good(void **state)
{
	static struct capture capture;
	uint32_t good[COLUMNS] = {0}, count = 0, bad = 0;
	char command[1024], line[256];
	FILE *tshark;

	(void)state;
	capture_begin(&capture);
	write_packets(&capture);
	snprintf(command, sizeof(command), TSHARK, capture.path);
	tshark = popen(command, "r");
	assert_non_null(tshark);
	while (fgets(line, sizeof(line), tshark)) {
		assert_true(count < capture.count);
		if (!judge(&capture.records[count], line, good) && bad++ < 20)
			fprintf(stderr, "# packet %u: ip, tcp, udp, icmp, icmpv6: %s",
				count + 1, line);
		count++;
	}
	assert_int_equal(pclose(tshark), 0);
	capture_end(&capture);
	assert_int_equal(bad, 0);
	assert_int_equal(count, capture.count);
	for (uint32_t i = 0; i < COLUMNS; i++) /* it has seen many of each */
		assert_true(good[i] > 500);
	printf("# good: %u IPv4 headers, %u TCP, %u UDP, %u ICMP, %u ICMPv6\n", good[IP],
	       good[TCP], good[UDP], good[ICMP], good[ICMPV6]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tshark_finds_every_checksum_good),
	};

	if (!has_tshark()) {
		puts("1..0 # SKIP tshark is not installed");
		return 0;
	}
	return cmocka_run_group_tests_name("checksums, tshark", tests, NULL, NULL);
}
