/* SPDX-License-Identifier: MIT */
/* Sending, and what is too long for its route: raw sockets cut nothing. TCP goes in
 * segments, so that one that is lost does not cost the others. */
#include <nfqueue/build.h>

#include <errno.h>
#include <sys/random.h>

#include "inject/fragment.h"
#include "inject/inject.h"

struct whole {
	const struct nfqueue_injector *injector;
	const struct inject_target *target;
};

static int put_piece(const uint8_t *data, size_t length, void *ctx)
{
	const struct whole *whole = ctx;
	struct inject_target piece = *whole->target;

	piece.data = data;
	piece.length = length;
	return inject_socket_send(whole->injector, &piece);
}

/* All fragments must have the same, so it cannot be left to the kernel. */
static uint16_t new_id(void)
{
	uint16_t id = 0;

	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id) || !id)
		return 1;
	return id;
}

static int send_pieces(const struct nfqueue_injector *injector,
		       const struct inject_target *target, size_t mtu)
{
	struct whole whole = {injector, target};
	int count = nfqueue_segment(target->data, target->length, mtu, put_piece, &whole);

	if (count != -EOPNOTSUPP)
		return count;
	if (target->ip_version != 4 || target->dont_fragment)
		return -EMSGSIZE;
	return inject_fragment(target, mtu, new_id(), put_piece, &whole);
}

int inject_send(struct nfqueue_injector *injector, const struct inject_target *target)
{
	int error = inject_socket_send(injector, target), mtu;

	if (error != -EMSGSIZE)
		return error;
	mtu = inject_route_mtu(injector, target);
	if (mtu < 0)
		return mtu;
	if (target->length <= (size_t)mtu)
		return error;
	error = send_pieces(injector, target, (size_t)mtu);
	return error < 0 ? error : 1;
}
