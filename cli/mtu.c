/* SPDX-License-Identifier: MIT */
#include "mtu.h"

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void mtu_open(struct mtu_cache *cache)
{
	cache->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	mtu_forget(cache);
}

void mtu_close(struct mtu_cache *cache)
{
	if (cache->socket >= 0)
		close(cache->socket);
	cache->socket = -1;
}

void mtu_forget(struct mtu_cache *cache)
{
	for (uint32_t i = 0; i < MTU_PLACES; i++)
		atomic_store_explicit(&cache->known[i], 0, memory_order_relaxed);
}

/* Source: SIOCGIFNAME, SIOCGIFMTU in netdevice(7). */
static uint32_t ask(const struct mtu_cache *cache, uint32_t index)
{
	struct ifreq request = {.ifr_ifindex = (int)index};

	if (ioctl(cache->socket, SIOCGIFNAME, &request) < 0 ||
	    ioctl(cache->socket, SIOCGIFMTU, &request) < 0 || request.ifr_mtu < 0)
		return 0;
	return (uint32_t)request.ifr_mtu;
}

uint32_t mtu_of(struct mtu_cache *cache, uint32_t index)
{
	_Atomic uint64_t *place = &cache->known[index % MTU_PLACES];
	uint64_t known = atomic_load_explicit(place, memory_order_relaxed);
	uint32_t mtu;

	if (index == 0)
		return 0;
	if (known >> 32 == index)
		return (uint32_t)known;
	mtu = ask(cache, index);
	atomic_store_explicit(place, (uint64_t)index << 32 | mtu, memory_order_relaxed);
	return mtu;
}
