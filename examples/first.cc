/* SPDX-License-Identifier: MIT */
/* first.c in C++17: c++ -std=c++17 first.cc $(pkg-config --cflags --libs nfqueue) */
#include <nfqueue/nfqueue.h>

int main()
{
	nfqueue_engine_options options{};

	options.size = sizeof(options);
	options.decide = [](nfqueue_packet *packet, void *) {
		return nfqueue_packet_length(packet) > 1000 ? NFQUEUE_DROP
							    : NFQUEUE_ACCEPT;
	};
	return nfqueue_run(&options) < 0;
}
