/* SPDX-License-Identifier: MIT */
#include "replay_filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

struct line {
	struct bpf_program program;
	uint8_t ip_version; /* 0: both */
};

struct replay_filter {
	size_t count;
	struct line lines[];
};

static uint8_t version_of(enum nfqueue_rules_family family)
{
	switch (family) {
	case NFQUEUE_FAMILY_IPV4:
		return 4;
	case NFQUEUE_FAMILY_IPV6:
		return 6;
	default:
		return 0;
	}
}

/* The policy has compiled it before: what fails now is memory. */
static int add_line(struct replay_filter *filter, pcap_t *compiler,
		    const struct policy_redirect *redirect)
{
	struct line *line = &filter->lines[filter->count];

	line->ip_version = version_of(redirect->family);
	if (pcap_compile(compiler, &line->program, redirect->match, 1,
			 PCAP_NETMASK_UNKNOWN) < 0)
		return -ENOMEM;
	filter->count++;
	return 0;
}

int replay_filter_new(struct replay_filter **filter, const struct policy *policy)
{
	size_t count = policy_redirect_count(policy);
	struct replay_filter *made =
		calloc(1, sizeof(*made) + count * sizeof(made->lines[0]));
	pcap_t *compiler = pcap_open_dead(DLT_RAW, POLICY_COPY_RANGE_MAX);
	int err = made && compiler ? 0 : -ENOMEM;

	for (size_t i = 0; err == 0 && i < count; i++)
		err = add_line(made, compiler, policy_redirect_get(policy, i));
	if (compiler)
		pcap_close(compiler);
	if (err < 0) {
		replay_filter_free(made);
		made = NULL;
	}
	*filter = made;
	return err;
}

void replay_filter_free(struct replay_filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->count; i++)
		pcap_freecode(&filter->lines[i].program);
	free(filter);
}

static bool matches(const struct line *line, const struct policy_packet *packet)
{
	if (line->ip_version && packet->captured &&
	    packet->data[0] >> 4 != line->ip_version)
		return false;
	return bpf_filter(line->program.bf_insns, packet->data, packet->length,
			  packet->captured) != 0;
}

bool replay_filter_match(const struct replay_filter *filter,
			 const struct policy_packet *packet)
{
	for (size_t i = 0; i < filter->count; i++)
		if (matches(&filter->lines[i], packet))
			return true;
	return filter->count == 0;
}
