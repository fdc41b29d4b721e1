/* SPDX-License-Identifier: MIT */
/* A packet with room to grow. */
#ifndef _PKTBUFF_H_
#define _PKTBUFF_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pkt_buff;

/* A copy of the packet with `extra` bytes behind it; NULL, and errno. */
struct pkt_buff *pktb_alloc(int family, void *data, size_t len, size_t extra);
void pktb_free(struct pkt_buff *pktb);

/* The packet where it is, with `extra` bytes behind it that may be used; `head` are
 * pktb_head_size() bytes of the program's own. */
struct pkt_buff *pktb_setup_raw(void *head, int family, void *data, size_t len,
				size_t extra);
size_t pktb_head_size(void);

uint8_t *pktb_data(struct pkt_buff *pktb);
uint32_t pktb_len(struct pkt_buff *pktb);

/* None of these leaves the buffer: they do as much as they can. */
void pktb_push(struct pkt_buff *pktb, unsigned int len);
void pktb_pull(struct pkt_buff *pktb, unsigned int len);
void pktb_put(struct pkt_buff *pktb, unsigned int len);
void pktb_trim(struct pkt_buff *pktb, unsigned int len);
unsigned int pktb_tailroom(struct pkt_buff *pktb);

/* NULL: not known. */
uint8_t *pktb_mac_header(struct pkt_buff *pktb);
uint8_t *pktb_network_header(struct pkt_buff *pktb);
uint8_t *pktb_transport_header(struct pkt_buff *pktb);

/* Replaces bytes, counted from the network header + dataoff. 1, or 0: no room. */
int pktb_mangle(struct pkt_buff *pktb, int dataoff, unsigned int match_offset,
		unsigned int match_len, const char *rep_buffer, unsigned int rep_len);
bool pktb_mangled(const struct pkt_buff *pktb);

#ifdef __cplusplus
}
#endif

#endif
