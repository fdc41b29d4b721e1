/* SPDX-License-Identifier: MIT */
/* Any bytes as a packet to be cut; the first two are the MTU. What comes out fits, is
 * sound, and says what the packet said. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <nfqueue/build.h>
#include <nfqueue/view.h>

struct whole {
	const uint8_t *payload;
	uint32_t length; /* of the payload */
	uint32_t offset; /* how much of it has come */
	uint32_t sequence;
	size_t mtu;
	int puts;
};

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

/* With a routing header the pseudo header has another address: the unit tests look. */
static int is_routed(const struct nfqueue_view *view)
{
	struct nfqueue_option header = {0};

	while (nfqueue_view_ipv6_extension(view, &header) > 0)
		if (header.type == IPPROTO_ROUTING)
			return 1;
	return 0;
}

static void check_sums(const struct nfqueue_view *view)
{
	uint32_t length = view->length - view->transport_offset;
	uint32_t sum = IPPROTO_TCP + length;

	if (view->ip_version == 4) {
		require(add(0, view->data, (view->data[0] & 15u) * 4) == 0xffff);
		sum = add(sum, view->data + 12, 8);
	} else {
		sum = add(sum, view->data + 8, 32);
	}
	sum = add(sum, view->data + view->transport_offset, length);
	require(sum == 0xffff || is_routed(view));
}

static int put(const uint8_t *data, size_t length, void *ctx)
{
	struct whole *whole = ctx;
	struct nfqueue_view view;
	struct nfqueue_tcp tcp;
	const uint8_t *payload;
	uint32_t count;

	require(length <= whole->mtu);
	require(nfqueue_view_parse(&view, data, length) == 0 && view.length == length);
	require(nfqueue_view_tcp(&view, &tcp) == 0 && view.total_length == length);
	payload = nfqueue_view_payload(&view, &count);
	require(count && count <= whole->length - whole->offset);
	require(!memcmp(payload, whole->payload + whole->offset, count));
	require(tcp.sequence == whole->sequence + whole->offset);
	check_sums(&view);
	whole->offset += count;
	require(!(tcp.flags & NFQUEUE_TCP_FIN) || whole->offset == whole->length);
	whole->puts++;
	return 0;
}

static int put_same(const uint8_t *data, size_t length, void *ctx)
{
	const struct nfqueue_view *view = ctx;

	require(data == view->data && length == view->length);
	return 0;
}

static void check_cut(const struct nfqueue_view *view, size_t size, size_t mtu)
{
	struct whole whole = {.mtu = mtu};
	struct nfqueue_tcp tcp;
	int ret;

	whole.payload = nfqueue_view_payload(view, &whole.length);
	if (nfqueue_view_tcp(view, &tcp) == 0)
		whole.sequence = tcp.sequence;
	ret = nfqueue_segment(view->data, size, mtu, put, &whole);
	require(ret != 0);
	require(ret < 0 ? !whole.puts
			: ret == whole.puts && whole.offset == whole.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nfqueue_view view;
	size_t mtu;

	if (size < 2)
		return 0;
	mtu = (size_t)(data[0] << 8 | data[1]);
	data += 2;
	size -= 2;
	if (nfqueue_view_parse(&view, data, size) < 0)
		require(nfqueue_segment(data, size, mtu, put, NULL) == -EBADMSG);
	else if (view.total_length <= mtu && view.total_length == view.length)
		require(nfqueue_segment(data, size, mtu, put_same, &view) == 1);
	else
		check_cut(&view, size, mtu);
	return 0;
}
