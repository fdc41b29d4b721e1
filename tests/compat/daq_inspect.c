/* SPDX-License-Identifier: MIT */
/*
 * Inspects UDP through a module of libdaq, as Snort 2 does:
 *     daq_inspect FOLDER MODULE [KEY=VALUE]...
 * By its first word a datagram is blocked ("drop"), changed ("swap"), sent twice
 * ("echo"), or passes. TERM ends it; its last line counts.
 */
#include <daq.h>
#include <daq_api.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const DAQ_Module_t *module;
static void *handle;
static atomic_bool ended;

static void stop(int number)
{
	atomic_store_explicit(&ended, true, memory_order_relaxed);
	daq_breakloop(module, handle);
}

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, handle ? daq_get_error(module, handle) : "");
	return 1;
}

static size_t udp_offset(const uint8_t *packet)
{
	return packet[0] >> 4 == 6 ? 40 : (packet[0] & 15) * 4;
}

/* Upper case, and no checksum: IPv4 alone may leave it out. */
static DAQ_Verdict swap(uint8_t *text, size_t length, uint8_t *udp)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] -= 'a' - 'A';
	udp[6] = udp[7] = 0;
	return DAQ_VERDICT_REPLACE;
}

/* Its first word is another one, since the copy comes here too. */
static void send_copy(const DAQ_PktHdr_t *header, const uint8_t *data, size_t start)
{
	uint8_t copy[2048];

	if (header->caplen > sizeof(copy))
		return;
	memcpy(copy, data, header->caplen);
	memcpy(copy + start + 8, "copy", 4);
	copy[start + 6] = copy[start + 7] = 0;
	if (daq_inject(module, handle, header, copy, header->caplen, 0))
		exit(fail("inject"));
}

static DAQ_Verdict inspect(void *user, const DAQ_PktHdr_t *header, const uint8_t *data)
{
	size_t start = udp_offset(data);
	uint8_t *udp = (uint8_t *)(uintptr_t)data + start, *text = udp + 8;
	size_t length = header->caplen - start - 8;

	printf("%u of %u bytes: %.*s\n", header->caplen, header->pktlen, (int)length,
	       (const char *)text);
	if (length >= 4 && !memcmp(text, "drop", 4))
		return DAQ_VERDICT_BLOCK;
	if (length >= 4 && !memcmp(text, "swap", 4))
		return swap(text, length, udp);
	if (length >= 4 && !memcmp(text, "echo", 4))
		send_copy(header, data, start);
	return DAQ_VERDICT_PASS;
}

static int acquire(void)
{
	DAQ_Stats_t stats = {0};
	int result;

	do
		result = daq_acquire(module, handle, 0, inspect, NULL);
	while (result == 0 && !atomic_load_explicit(&ended, memory_order_relaxed));
	if (result < 0)
		return fail("acquire");
	daq_get_stats(module, handle, &stats);
	printf("received %lu, passed %lu, blocked %lu, replaced %lu, injected %lu\n",
	       (unsigned long)stats.packets_received,
	       (unsigned long)stats.verdicts[DAQ_VERDICT_PASS],
	       (unsigned long)stats.verdicts[DAQ_VERDICT_BLOCK],
	       (unsigned long)stats.verdicts[DAQ_VERDICT_REPLACE],
	       (unsigned long)stats.packets_injected);
	return 0;
}

/* KEY=VALUE */
static void configure(DAQ_Config_t *config, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		exit(fail(word));
	*value++ = 0;
	daq_config_set_value(config, word, value);
}

int main(int argc, char **argv)
{
	char error[DAQ_ERRBUF_SIZE] = "", device[] = "";
	const char *folders[] = {argc > 2 ? argv[1] : "", NULL};
	DAQ_Config_t config = {.name = device,
			       .snaplen = 65535,
			       .timeout = 1000,
			       .mode = DAQ_MODE_INLINE};
	int result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || daq_load_modules(folders) || !(module = daq_find_module(argv[2])))
		return fail("usage: daq_inspect FOLDER MODULE [KEY=VALUE]...");
	for (int i = 3; i < argc; i++)
		configure(&config, argv[i]);
	if (daq_initialize(module, &config, &handle, error, sizeof(error)))
		return fail(error);
	signal(SIGTERM, stop);
	result = daq_start(module, handle) ? fail("start") : acquire();
	daq_stop(module, handle);
	daq_shutdown(module, handle);
	return result;
}
