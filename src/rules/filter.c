/* SPDX-License-Identifier: MIT */
#include "rules/filter.h"

#include <errno.h>
#include <limits.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SNAP_LENGTH 65535

/* pcap's "protochain" jumps back; bpf_check_classic() refuses that without a word. */
static bool has_loop(const struct bpf_program *program)
{
	for (u_int i = 0; i < program->bf_len; i++)
		if (program->bf_insns[i].code == (BPF_JMP | BPF_JA) &&
		    program->bf_insns[i].k > INT_MAX)
			return true;
	return false;
}

static int copy_program(struct rules_filter *filter, const struct bpf_program *program,
			char *error, size_t error_size)
{
	if (program->bf_len > RULES_FILTER_MAX) {
		snprintf(error, error_size,
			 "the match compiles to %u instructions and the kernel takes %d: "
			 "split it over several redirections",
			 program->bf_len, RULES_FILTER_MAX);
		return -E2BIG;
	}
	if (has_loop(program)) {
		snprintf(error, error_size,
			 "the match needs a loop (protochain), which the kernel refuses");
		return -EINVAL;
	}
	filter->length = (uint16_t)program->bf_len;
	for (u_int i = 0; i < program->bf_len; i++) {
		const struct bpf_insn *from = &program->bf_insns[i];

		filter->code[i] =
			(struct sock_filter){from->code, from->jt, from->jf, from->k};
	}
	return 0;
}

int rules_filter_compile(struct rules_filter *filter, const char *match, char *error,
			 size_t error_size)
{
	struct bpf_program program = {0};
	pcap_t *pcap;
	int status;

	memset(filter, 0, sizeof(*filter));
	if (match[strspn(match, " \t\r\n")] == '\0')
		return 0;
	pcap = pcap_open_dead(DLT_RAW, SNAP_LENGTH);
	if (!pcap) {
		snprintf(error, error_size, "no memory for a match");
		return -ENOMEM;
	}
	status = pcap_compile(pcap, &program, match, 1, PCAP_NETMASK_UNKNOWN);
	if (status == 0) {
		status = copy_program(filter, &program, error, error_size);
		pcap_freecode(&program);
	} else {
		snprintf(error, error_size, "match \"%.300s\": %s", match,
			 pcap_geterr(pcap));
		status = -EINVAL;
	}
	pcap_close(pcap);
	return status;
}
