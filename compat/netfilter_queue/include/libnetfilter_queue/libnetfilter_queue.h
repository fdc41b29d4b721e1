/* SPDX-License-Identifier: MIT */
/*
 * The API of libnetfilter_queue 1.0.5 and what came after it, over nfqueue. Programs
 * written for the original compile with this header, too, and run with either library.
 */
#ifndef __LIBCTNETLINK_H
#define __LIBCTNETLINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <libnfnetlink/libnfnetlink.h>

#include <libnetfilter_queue/linux_nfnetlink_queue.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nfq_handle;
struct nfq_q_handle;
struct nfq_data;
struct nlattr;

/* --- a socket and its queues: 0 or a pointer; -1 or NULL, and errno ---------------- */

/* What the last nfq_open() or nfq_create_queue() that failed has had: -1. */
extern int nfq_errno;

/* Called for each packet; below 0: nfq_handle_packet() stops and returns -1. What `nfad`
 * points to is in the buffer given to nfq_handle_packet(). */
typedef int nfq_callback(struct nfq_q_handle *qh, struct nfgenmsg *nfmsg,
			 struct nfq_data *nfad, void *data);

struct nfq_handle *nfq_open(void);

/* On a handle of libnfnetlink, which nfq_close() closes then. */
struct nfq_handle *nfq_open_nfnl(struct nfnl_handle *nfnlh);
int nfq_close(struct nfq_handle *h);

struct nfnl_handle *nfq_nfnlh(struct nfq_handle *h);
int nfq_fd(struct nfq_handle *h);

/* No effect on kernels since 3.8. */
int nfq_bind_pf(struct nfq_handle *h, uint16_t pf);
int nfq_unbind_pf(struct nfq_handle *h, uint16_t pf);

struct nfq_q_handle *nfq_create_queue(struct nfq_handle *h, uint16_t num,
				      nfq_callback *cb, void *data);
int nfq_destroy_queue(struct nfq_q_handle *qh);

/* Packets that come while these wait for the kernel's answer go to the callback, unless
 * another thread reads the socket. */
int nfq_set_mode(struct nfq_q_handle *qh, uint8_t mode, unsigned int len);
int nfq_set_queue_maxlen(struct nfq_q_handle *qh, uint32_t queuelen);
int nfq_set_queue_flags(struct nfq_q_handle *qh, uint32_t mask, uint32_t flags);

/* What recv() on nfq_fd() has brought. */
int nfq_handle_packet(struct nfq_handle *h, char *buf, int len);

/* --- verdicts: the bytes sent, or -1 and errno. Host byte order -------------------- */

int nfq_set_verdict(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict,
		    uint32_t data_len, const unsigned char *buf);
int nfq_set_verdict2(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict,
		     uint32_t mark, uint32_t datalen, const unsigned char *buf);

/* For all packets up to this id. */
int nfq_set_verdict_batch(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict);
int nfq_set_verdict_batch2(struct nfq_q_handle *qh, uint32_t id, uint32_t verdict,
			   uint32_t mark);

/* The mark in network byte order. */
__attribute__((deprecated)) int nfq_set_verdict_mark(struct nfq_q_handle *qh, uint32_t id,
						     uint32_t verdict, uint32_t mark,
						     uint32_t datalen,
						     const unsigned char *buf);

/* --- what a packet says: host byte order, but for what is behind pointers ---------- */

/* NULL: not told. */
struct nfqnl_msg_packet_hdr *nfq_get_msg_packet_hdr(struct nfq_data *nfad);
struct nfqnl_msg_packet_hw *nfq_get_packet_hw(struct nfq_data *nfad);

/* 0: not told. */
uint32_t nfq_get_nfmark(struct nfq_data *nfad);
uint32_t nfq_get_indev(struct nfq_data *nfad);
uint32_t nfq_get_physindev(struct nfq_data *nfad);
uint32_t nfq_get_outdev(struct nfq_data *nfad);
uint32_t nfq_get_physoutdev(struct nfq_data *nfad);
uint32_t nfq_get_skbinfo(struct nfq_data *nfad);

/* 1, or 0: not told. */
int nfq_get_uid(struct nfq_data *nfad, uint32_t *uid);
int nfq_get_gid(struct nfq_data *nfad, uint32_t *gid);

/* 0, or -1: not told. */
int nfq_get_timestamp(struct nfq_data *nfad, struct timeval *tv);

/* The length, or -1: not told. */
int nfq_get_secctx(struct nfq_data *nfad, unsigned char **secdata);
int nfq_get_payload(struct nfq_data *nfad, unsigned char **data);

/* As nlif_index2name(): name has IFNAMSIZ bytes. */
int nfq_get_indev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad,
		       char *name);
int nfq_get_physindev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad,
			   char *name);
int nfq_get_outdev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad,
			char *name);
int nfq_get_physoutdev_name(struct nlif_handle *nlif_handle, struct nfq_data *nfad,
			    char *name);

__extension__ enum {
	NFQ_XML_HW = (1 << 0),
	NFQ_XML_MARK = (1 << 1),
	NFQ_XML_DEV = (1 << 2),
	NFQ_XML_PHYSDEV = (1 << 3),
	NFQ_XML_PAYLOAD = (1 << 4),
	NFQ_XML_TIME = (1 << 5),
	NFQ_XML_UID = (1 << 6),
	NFQ_XML_GID = (1 << 7),
	NFQ_XML_SECCTX = (1 << 8),
	NFQ_XML_ALL = ~0U,
};

/* Returns the length of the whole text, as snprintf() does. */
int nfq_snprintf_xml(char *buf, size_t len, struct nfq_data *tb, int flags);

/* --- messages for a socket of libmnl ----------------------------------------------- */

struct nlmsghdr *nfq_nlmsg_put(char *buf, int type, uint32_t queue_num);
struct nlmsghdr *nfq_nlmsg_put2(char *buf, int type, uint32_t queue_num, uint16_t flags);

void nfq_nlmsg_cfg_put_cmd(struct nlmsghdr *nlh, uint16_t pf, uint8_t cmd);
void nfq_nlmsg_cfg_put_params(struct nlmsghdr *nlh, uint8_t mode, int range);
void nfq_nlmsg_cfg_put_qmaxlen(struct nlmsghdr *nlh, uint32_t qmaxlen);

void nfq_nlmsg_verdict_put(struct nlmsghdr *nlh, int id, int verdict);
void nfq_nlmsg_verdict_put_mark(struct nlmsghdr *nlh, uint32_t mark);
void nfq_nlmsg_verdict_put_pkt(struct nlmsghdr *nlh, const void *pkt, uint32_t pktlen);

/* `attr` has 19 pointers, whatever NFQA_MAX is: later attributes are left out. */
int nfq_nlmsg_parse(const struct nlmsghdr *nlh, struct nlattr **attr);

#ifdef __cplusplus
}
#endif

#endif
