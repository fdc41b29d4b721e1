/* SPDX-License-Identifier: MIT */
/* Any bytes as a packet: every getter, iterator, the flow and the text. */
#include <stdlib.h>
#include <string.h>

#include <nfqueue/view.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_parse(const struct nfqueue_view *view, const uint8_t *data, size_t size)
{
	require(view->data == data && view->length <= size);
	require(view->transport_offset <= view->payload_offset);
	require(view->payload_offset <= view->length);
	require(view->total_length >= view->length);
	require(!(view->flags & NFQUEUE_VIEW_LATER_FRAGMENT) ||
		view->flags & NFQUEUE_VIEW_FRAGMENT);
	require((view->flags & NFQUEUE_VIEW_TRUNCATED) ==
		(view->total_length > view->length ? NFQUEUE_VIEW_TRUNCATED : 0));
}

/* A header is there whole: its payload is, too, and no other header is. */
static void check_getters(const struct nfqueue_view *view)
{
	struct nfqueue_ipv4 ipv4;
	struct nfqueue_ipv6 ipv6;
	struct nfqueue_tcp tcp;
	struct nfqueue_udp udp;
	struct nfqueue_icmp icmp;
	uint32_t length, headers = 0;
	const uint8_t *payload = nfqueue_view_payload(view, &length);

	require(nfqueue_view_ipv4(view, &ipv4) < 0 || nfqueue_view_ipv6(view, &ipv6) < 0);
	headers += nfqueue_view_tcp(view, &tcp) == 0;
	headers += nfqueue_view_udp(view, &udp) == 0;
	headers += nfqueue_view_icmp(view, &icmp) == 0;
	headers += nfqueue_view_icmpv6(view, &icmp) == 0;
	require(headers <= 1 && (!headers || payload));
	if (payload)
		require(payload == view->data + view->payload_offset &&
			length <= view->length - view->payload_offset);
	else
		require(length == 0);
}

static void check_walk(const struct nfqueue_view *view,
		       int (*next)(const struct nfqueue_view *, struct nfqueue_option *))
{
	struct nfqueue_option option = {0};
	uint32_t end = 0;

	while (next(view, &option) > 0) {
		require(option.offset >= end && option.length > 0);
		require(option.length <= view->length - option.offset);
		require(option.data == view->data + option.offset);
		require(option.type == option.data[0] ||
			next == nfqueue_view_ipv6_extension);
		end = option.offset + option.length;
	}
}

static void check_flow(const struct nfqueue_view *view)
{
	struct nfqueue_flow flow, back;

	if (nfqueue_view_flow(view, &flow) < 0)
		return;
	back = flow;
	memcpy(back.source, flow.destination, sizeof(back.source));
	memcpy(back.destination, flow.source, sizeof(back.destination));
	back.source_port = flow.destination_port;
	back.destination_port = flow.source_port;
	require(nfqueue_flow_hash(&flow, 1) == nfqueue_flow_hash(&back, 1));
	require(nfqueue_flow_equal(&flow, &flow));
	require(nfqueue_flow_equal(&flow, &back) == nfqueue_flow_equal(&back, &flow));
}

/* A short buffer holds the beginning of what a long one does. */
static void check_text(const struct nfqueue_view *view)
{
	char text[512], beginning[64];
	int length = nfqueue_view_text(view, text, sizeof(text));

	require(length > 0 && memchr(text, '\0', sizeof(text)) != NULL);
	require(length >= (int)sizeof(text) || strlen(text) == (size_t)length);
	require(!strchr(text, '\n'));
	require(nfqueue_view_text(view, beginning, sizeof(beginning)) == length);
	require(!strncmp(text, beginning, sizeof(beginning) - 1));
	require(strlen(beginning) < sizeof(beginning));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nfqueue_view view;

	nfqueue_view_parse(&view, data, size);
	check_parse(&view, data, size);
	check_getters(&view);
	check_walk(&view, nfqueue_view_ipv4_option);
	check_walk(&view, nfqueue_view_ipv6_extension);
	check_walk(&view, nfqueue_view_tcp_option);
	check_flow(&view);
	check_text(&view);
	return 0;
}
