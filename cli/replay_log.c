/* SPDX-License-Identifier: MIT */
#include "replay_log.h"

#include <inttypes.h>
#include <time.h>

#include <nfqueue/view.h>

#include "replay_json.h"

#define PACKET_TEXT_MAX 512
#define SECOND_NS UINT64_C(1000000000)

void replay_log(const struct replay_options *options, uint32_t rule,
		const struct policy_packet *packet, uint64_t time_ns)
{
	const char *label = policy_rule_log_text(options->policy, rule);
	time_t seconds = (time_t)(time_ns / SECOND_NS);
	char text[PACKET_TEXT_MAX], clock[16];
	struct nfqueue_view view;
	struct tm local;

	nfqueue_view_parse(&view, packet->data, packet->captured);
	nfqueue_view_text(&view, text, sizeof(text));
	if (options->json) {
		replay_json_log(options, rule, packet, time_ns, text);
		return;
	}
	if (!localtime_r(&seconds, &local) ||
	    strftime(clock, sizeof(clock), "%H:%M:%S", &local) == 0)
		*clock = '\0';
	fprintf(options->out, "%s.%06" PRIu64 " %s%s%s\n", clock,
		time_ns % SECOND_NS / 1000, label, *label ? " " : "", text);
}
