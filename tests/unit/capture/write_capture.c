/* SPDX-License-Identifier: MIT */
/* Writes a capture with one packet for each row, for test_tshark.py, which knows them. */
#include "capture/capture.h"

/* UDP from 10.0.0.1 to 10.0.0.2, with 5 bytes of payload. */
static const uint8_t packet[33] = {0x45, 0,  0, 33, 0, 7,  0,   0,   64,  17,  0x66,
				   0xc3, 10, 0, 0,  1, 10, 0,   0,   2,   3,   0xe8,
				   0,    53, 0, 13, 0, 0,  'h', 'e', 'l', 'l', 'o'};

static const struct capture_record rows[] = {
	{.hook = NFQUEUE_HOOK_INPUT,
	 .in_interface = 1,
	 .verdict = {.code = NFQUEUE_VERDICT_ACCEPT, .set = NFQUEUE_SET_MARK, .mark = 7},
	 .comment = "mark 7 if udp",
	 .hw_address_length = 6,
	 .hw_address = {2, 0, 0, 0, 0, 1}},
	{.hook = NFQUEUE_HOOK_OUTPUT,
	 .out_interface = 1,
	 .verdict = {.code = NFQUEUE_VERDICT_DROP},
	 .comment = "drop"},
	{.hook = NFQUEUE_HOOK_FORWARD,
	 .in_interface = 1,
	 .out_interface = 1,
	 .vlan_protocol = 0x8100,
	 .vlan_tci = 0xa005,
	 .verdict = {.code = 5u << 16 | NFQUEUE_VERDICT_QUEUE}},
	{.hook = CAPTURE_NO_HOOK, .verdict = {.code = NFQUEUE_VERDICT_REPEAT}},
	{.hook = NFQUEUE_HOOK_POSTROUTING,
	 .out_interface = 1,
	 .fate = CAPTURE_TAKEN,
	 .length = 9000},
	{.hook = NFQUEUE_HOOK_PREROUTING, .fate = CAPTURE_MADE, .comment = "duplicate"},
};

static void put_row(struct capture_set *set, size_t row)
{
	struct capture_record record = rows[row];

	record.time_ns = UINT64_C(1700000000123456789) + row;
	record.data = packet;
	record.captured = sizeof(packet);
	if (!record.length)
		record.length = sizeof(packet);
	capture_set_put(set, &record, row == 3 ? 4 : 0);
}

int main(int argc, char **argv)
{
	struct capture_options options = {
		.application = "nfqueue test", .snap = 30, .overwrite = true};
	char error[CAPTURE_ERROR_MAX];
	struct capture_set *set;

	if (argc != 2)
		return 2;
	options.path = argv[1];
	if (capture_set_open(&set, &options, error) < 0)
		return 1;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		put_row(set, row);
	return capture_set_close(set, 2, NULL) < 0;
}
