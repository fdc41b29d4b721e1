/* SPDX-License-Identifier: MIT */
/* Any bytes as a packet to be rejected; the first two are how, and the kernel's word
 * about its checksum. The answer is sound, goes back, and is answered by nobody. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <nfqueue/build.h>
#include <nfqueue/view.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* RFC 1071 word by word, and not by the code under test. */
static uint32_t add(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		sum += i % 2 ? data[i] : data[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void check_sums(const struct nfqueue_view *view)
{
	uint32_t length = view->length - view->transport_offset;
	uint32_t sum = 0;

	if (view->ip_version == 4)
		require(add(0, view->data, 20) == 0xffff);
	if (view->protocol == IPPROTO_TCP && view->ip_version == 4)
		sum = add(IPPROTO_TCP + length, view->data + 12, 8);
	else if (view->ip_version == 6)
		sum = add(view->protocol + length, view->data + 8, 32);
	require(add(sum, view->data + view->transport_offset, length) == 0xffff);
}

static void check_reset(const struct nfqueue_view *view,
			const struct nfqueue_view *packet)
{
	struct nfqueue_tcp tcp, reset;

	require(nfqueue_view_tcp(packet, &tcp) == 0);
	require(nfqueue_view_tcp(view, &reset) == 0 &&
		view->payload_offset == view->length);
	require(reset.flags & NFQUEUE_TCP_RST && !(tcp.flags & NFQUEUE_TCP_RST));
	require(!(reset.flags & NFQUEUE_TCP_ACK) == !!(tcp.flags & NFQUEUE_TCP_ACK));
	require(reset.source_port == tcp.destination_port);
	require(reset.destination_port == tcp.source_port);
}

static void check_answer(const uint8_t *out, uint32_t length, const uint8_t *data,
			 size_t size)
{
	struct nfqueue_view view, packet;
	uint32_t count, at, quoted;

	require(length <= NFQUEUE_REJECT_MAX && data[0] >> 4 == out[0] >> 4);
	require(nfqueue_view_parse(&view, out, length) == 0 && !view.flags);
	require(nfqueue_view_parse(&packet, data, size) == 0);
	require(view.total_length == length);
	count = view.ip_version == 4 ? 4 : 16;
	at = view.ip_version == 4 ? 12 : 8;
	require(!memcmp(out + at, data + at + count, count));
	require(!memcmp(out + at + count, data + at, count));
	check_sums(&view);
	if (view.protocol == IPPROTO_TCP) {
		check_reset(&view, &packet);
		return;
	}
	quoted = length - view.transport_offset - 8;
	require(quoted <= packet.length);
	require(!memcmp(out + view.transport_offset + 8, data, quoted));
	require(nfqueue_build_reject(out, length, NFQUEUE_REJECT_DEFAULT, 0, NULL, 0) ==
		-ENOENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[NFQUEUE_REJECT_MAX], *exact;
	enum nfqueue_reject how;
	int ret;

	if (size < 2)
		return 0;
	how = (enum nfqueue_reject)(data[0] % NFQUEUE_REJECT_COUNT);
	ret = nfqueue_build_reject(data + 2, size - 2, how, data[1], out, sizeof(out));
	require(ret > 0 || ret == -ENOENT || ret == -EBADMSG || ret == -EMSGSIZE);
	if (ret < 0)
		return 0;
	check_answer(out, (uint32_t)ret, data + 2, size - 2);
	exact = malloc((size_t)ret); /* it needs no more room than it says */
	require(exact && nfqueue_build_reject(data + 2, size - 2, how, data[1], exact,
					      (size_t)ret) == ret);
	require(!memcmp(exact, out, (size_t)ret));
	free(exact);
	return 0;
}
