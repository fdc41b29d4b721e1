/* SPDX-License-Identifier: MIT */
/*
 * libipq's loop, of the time of ip_queue: drops packets longer than 1,000 bytes and
 * accepts the rest, of queue 0 and IPv4. On our libipq, since no kernel answers another;
 * ../first.c is the same on ours.
 */
#include <libipq.h>
#include <linux/netfilter.h>

int main(void)
{
	static unsigned char buffer[0xffff + 4096];
	struct ipq_handle *handle = ipq_create_handle(0, NFPROTO_IPV4);

	if (!handle || ipq_set_mode(handle, IPQ_COPY_PACKET, 0xffff) < 0) {
		ipq_perror("ipq");
		return 1;
	}
	while (ipq_read(handle, buffer, sizeof(buffer), 0) >= 0) {
		ipq_packet_msg_t *packet = ipq_get_packet(buffer);

		if (ipq_message_type(buffer) != IPQM_PACKET)
			continue;
		ipq_set_verdict(handle, packet->packet_id,
				packet->data_len > 1000 ? NF_DROP : NF_ACCEPT, 0, NULL);
	}
	ipq_perror("ipq");
	ipq_destroy_handle(handle);
	return 1;
}
