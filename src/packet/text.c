/* SPDX-License-Identifier: MIT */
/* The packet in one line: for now its version and length. */
#include <stdio.h>
#include <nfqueue/view.h>
int nfqueue_view_text(const struct nfqueue_view *view, char *text, size_t size)
{
	return snprintf(text, size, "IP%s, length %u", view->ip_version == 6 ? "6" : "",
			view->total_length);
}
