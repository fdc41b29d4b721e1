/* SPDX-License-Identifier: MIT */
/* What was decided, as a person reads it. */
#include <stdio.h>

#include "capture/record.h"

#define CODE_BITS 0xffu /* the rest: flags, and the other queue's number */

static const char *code_text(uint32_t code)
{
	switch (code & CODE_BITS) {
	case NFQUEUE_VERDICT_DROP:
		return "drop";
	case NFQUEUE_VERDICT_ACCEPT:
		return "accept";
	case NFQUEUE_VERDICT_REPEAT:
		return "repeat";
	case NFQUEUE_VERDICT_STOP:
		return "stop";
	default:
		return "unknown verdict";
	}
}

static int put_code(const struct nfqueue_verdict *verdict, char *text, size_t size)
{
	if ((verdict->code & CODE_BITS) == NFQUEUE_VERDICT_QUEUE)
		return snprintf(text, size, "queue %u%s", verdict->code >> 16,
				verdict->code & NFQUEUE_VERDICT_BYPASS ? " or accept"
								       : "");
	return snprintf(text, size, "%s%s", code_text(verdict->code),
			verdict->set & NFQUEUE_SET_FLOW ? " the flow" : "");
}

int capture_verdict_text(const struct capture_record *record, char *text, size_t size)
{
	const struct nfqueue_verdict *verdict = &record->verdict;
	char code[32], mark[32] = "", priority[32] = "";

	if (record->fate == CAPTURE_MADE)
		return snprintf(text, size, "made here");
	if (record->fate == CAPTURE_TAKEN)
		return snprintf(text, size, "sent in other packets");
	put_code(verdict, code, sizeof(code));
	if (verdict->set & NFQUEUE_SET_MARK) /* below 10 both ways of writing are one */
		snprintf(mark, sizeof(mark),
			 verdict->mark < 10 ? ", mark %u" : ", mark 0x%x", verdict->mark);
	if (verdict->set & NFQUEUE_SET_PRIORITY)
		snprintf(priority, sizeof(priority), ", priority 0x%x",
			 verdict->priority);
	return snprintf(text, size, "%s%s%s", code, mark, priority);
}
