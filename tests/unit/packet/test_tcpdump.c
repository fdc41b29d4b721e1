/* SPDX-License-Identifier: MIT */
/* nfqueue_view_text() against tcpdump itself: the same packets, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <pcap/pcap.h>

#include <nfqueue/view.h>

#include "random_packet.h"

#define TCPDUMP "tcpdump -n -S -t -r - <%s 2>/dev/null"

/* The series whose words the text has. */
static int has_tcpdump(void)
{
	return system("tcpdump --version 2>&1 | grep -q 'tcpdump version 4[.]99'") == 0;
}

/* The packet's length as its header tells it, for tcpdump to know what is missing. */
static uint32_t wire_length(const struct random_packet *packet)
{
	const uint8_t *data = packet->data;
	uint32_t told = data[0] >> 4 == 4 ? (uint32_t)data[2] << 8 | data[3]
					  : 40u + (data[4] << 8 | data[5]);

	return told > packet->captured ? told : packet->captured;
}

static void write_packets(const char *path, struct random_packet packet, int count)
{
	pcap_t *pcap = pcap_open_dead(DLT_RAW, 65535);
	pcap_dumper_t *dumper = pcap_dump_open(pcap, path);

	assert_non_null(dumper);
	for (int i = 0; i < count; i++) {
		struct pcap_pkthdr header = {0};

		random_packet_next(&packet);
		header.caplen = packet.captured;
		header.len = wire_length(&packet);
		pcap_dump((uint8_t *)dumper, &header, packet.data);
	}
	pcap_dump_close(dumper);
	pcap_close(pcap);
}

/* tcpdump's next line, without the hex dumps of what it does not know. 0 at the end. */
static int read_line(FILE *tcpdump, char *line, int size)
{
	do {
		if (!fgets(line, size, tcpdump))
			return 0;
	} while (line[0] == '\t');
	line[strcspn(line, "\n")] = '\0';
	return 1;
}

static void print_bytes(const struct random_packet *packet)
{
	for (uint32_t i = 0; i < packet->captured; i++)
		fprintf(stderr, "%02x", packet->data[i]);
	fprintf(stderr, "\n");
}

static int differs(const struct random_packet *packet, const char *wanted)
{
	struct nfqueue_view view;
	uint8_t *exact = malloc(packet->captured);
	char text[2048];

	assert_non_null(exact);
	memcpy(exact, packet->data, packet->captured);
	nfqueue_view_parse(&view, exact, packet->captured);
	nfqueue_view_text(&view, text, sizeof(text));
	free(exact);
	if (!strcmp(text, wanted))
		return 0;
	fprintf(stderr, "# tcpdump: %s\n# view:    %s\n# ", wanted, text);
	print_bytes(packet);
	return 1;
}

static void compare(struct random_packet packet, int count)
{
	char path[] = "/tmp/nfqueue-text-XXXXXX", command[128], line[4096];
	int file = mkstemp(path), different = 0, compared = 0;
	FILE *tcpdump;

	assert_true(file >= 0);
	close(file);
	write_packets(path, packet, count);
	snprintf(command, sizeof(command), TCPDUMP, path);
	tcpdump = popen(command, "r");
	assert_non_null(tcpdump);
	while (different < 20 && read_line(tcpdump, line, sizeof(line))) {
		random_packet_next(&packet);
		different += differs(&packet, line);
		compared++;
	}
	unlink(path);
	pclose(tcpdump);
	assert_int_equal(different, 0);
	assert_int_equal(compared, count);
}

static void sound_packets_read_as_tcpdump_prints_them(void **state)
{
	(void)state;
	compare((struct random_packet){.state = 1}, 5000);
}

static void broken_packets_read_as_tcpdump_prints_them(void **state)
{
	(void)state;
	compare((struct random_packet){.state = 5, .broken = 1}, 15000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_packets_read_as_tcpdump_prints_them),
		cmocka_unit_test(broken_packets_read_as_tcpdump_prints_them),
	};

	if (!has_tcpdump()) {
		puts("1..0 # SKIP tcpdump 4.99 is not installed");
		return 0;
	}
	return cmocka_run_group_tests_name("text, tcpdump", tests, NULL, NULL);
}
