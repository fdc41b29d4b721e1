/* SPDX-License-Identifier: MIT */
/*
 * Streams: the bytes of a TCP connection under change, whatever that does to their
 * number. Both ends keep counting the bytes that they know: sequence and acknowledgement
 * numbers, SACK blocks, window and urgent pointer are translated on their way.
 *
 *	static const struct nfqueue_stream_pattern pattern = {"cat", 3, "horse", 5};
 *	struct nfqueue_stream_patterns patterns = {.patterns = &pattern, .count = 1};
 *
 *	if (nfqueue_packet_edit(packet, &edit) == 0)
 *		ret = nfqueue_stream_edit(streams, edit, nfqueue_stream_find_pattern,
 *					  &patterns, now_ms);
 *	if (ret < 0 && ret != -ENOENT)
 *		nfqueue_drop(packet);
 *	else
 *		nfqueue_accept(packet);
 *
 * What was changed is kept until its receiver has acknowledged it, so that whatever the
 * sender repeats, in whatever pieces, is changed in the same way; only bytes that were
 * never seen before are looked into. The bytes at the end of a segment that may begin a
 * change are withheld: they come with the next segment, or as they are when the sender
 * ends, or repeats them though all the rest has been acknowledged for 50 ms. Bytes that
 * come before others which are missing are refused (-EAGAIN): drop them, and TCP brings
 * them again.
 *
 * All packets of a connection in both directions must come by: rules for one hook and
 * both directions. Nothing is changed before packets of both have been seen. A connection
 * may be joined in its middle; its first bytes then wait for their ACK before any that
 * follow are changed. Packets that went past unseen are noticed by their ACK, too.
 * Data in a SYN (fast open) is taken out when its bytes are to be looked into: the client
 * sends it again. Nothing is changed in connections with MPTCP, TCP-AO or MD5.
 * Fragments cannot be translated; where conntrack is at work there are none.
 * Not translated: the few bytes of a TCP header that ICMP errors quote. When a change
 * makes the packet longer than 65,531 bytes, what is beyond follows in another one:
 * nfqueue_stream_rest().
 */
#ifndef NFQUEUE_STREAM_H
#define NFQUEUE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/edit.h>
#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NFQUEUE_STREAM_CHANGE_MAX 32768u /**< most bytes that one change may put in */
#define NFQUEUE_STREAM_KEEP_MAX 32768u   /**< most bytes that are withheld */

struct nfqueue_streams;

/** Zero means the default everywhere. */
struct nfqueue_streams_options {
	size_t size;        /**< sizeof(struct nfqueue_streams_options) */
	uint32_t flows_max; /**< connections; 0: 65,536. A new one takes the place of one
			     * that has ended or was never changed; if there is none it is
			     * not changed */
	uint32_t changes_max; /**< unacknowledged ones a direction; 0: 4,096 */
	uint64_t memory_max;  /**< bytes of all changes and withheld bytes; 0: 64 MiB */
	uint32_t idle_ms;     /**< a connection is forgotten after this time without a
			       * packet; 0: 2 hours and 4 minutes (RFC 5382 REQ-5) */
	uint32_t reserved;
};

/** One change: `remove` bytes at `offset` go, `count` bytes come. */
struct nfqueue_stream_change {
	size_t offset; /**< from the start of what the find function got */
	size_t remove; /**< 0: inserts in front of the byte at `offset`, which stays and
			* is not looked into again; `offset` may be the length then */
	const uint8_t *bytes; /**< valid until the next call; copied */
	size_t count;         /**< at most NFQUEUE_STREAM_CHANGE_MAX */
};

/**
 * Looks into the bytes of one direction, in order, and finds the first change.
 *
 * Behind a change it is called again with the bytes that follow. Bytes that it keeps come
 * again in front of the next ones, all others never again. Must not call a function with
 * the same streams.
 *
 * @param length at least 1
 * @param last   no more bytes will come to these; `keep` is then ignored
 * @param change out: when it returns 1
 * @param keep   in: 0; out: when it returns 0, how many bytes at the end may begin a
 *               change; no more than NFQUEUE_STREAM_KEEP_MAX are withheld
 * @return 1 there is a change, 0 none
 */
typedef int (*nfqueue_stream_find_fn)(const uint8_t *data, size_t length, int last,
				      struct nfqueue_stream_change *change, size_t *keep,
				      void *ctx);

/** Since nfqueue_streams_new(). */
struct nfqueue_streams_stats {
	size_t size;            /**< sizeof(struct nfqueue_streams_stats) */
	uint64_t flows;         /**< connections known now */
	uint64_t changes;       /**< made */
	uint64_t translated;    /**< packets that were changed in any way */
	uint64_t withheld;      /**< packets of which bytes were withheld */
	uint64_t early;         /**< packets refused with -EAGAIN */
	uint64_t retransmitted; /**< packets that repeated bytes */
	/** Packets not looked into, since no packet of the other direction has come by.
	 */
	uint64_t one_sided;
	/** Packets not looked into to their end: a limit, a change that makes no sense, a
	 * connection with MPTCP, TCP-AO or MD5; and those of connections that found no
	 * place. */
	uint64_t refused;
	uint64_t cut; /**< packets that became too long: nfqueue_stream_rest() */
};

/**
 * A table of connections.
 *
 * @param streams out: for nfqueue_streams_free(); NULL after an error
 * @param options NULL: the defaults
 * @return 0, -ENOMEM, -EINVAL the options' size makes no sense, or the error of
 * getrandom(). Any thread. Source: RFC 5382 section 5, RFC 9293.
 */
NFQUEUE_API int nfqueue_streams_new(struct nfqueue_streams **streams,
				    const struct nfqueue_streams_options *options);

/** Frees the table; NULL is fine. Connections that were changed do not survive it. No
 * other thread may use it any more. Source: none. */
NFQUEUE_API void nfqueue_streams_free(struct nfqueue_streams *streams);

/**
 * Translates one packet of a TCP connection, and changes what `find` finds in its bytes.
 *
 * Packets of one connection must come in the order in which they are sent on. When it
 * returns an error but -ENOENT, drop the packet: it will come again.
 *
 * @param find   called with the bytes that were never seen before; one lock is held
 * @param ctx    handed to `find`
 * @param now_ms of a clock that never goes back, the same one in all calls
 * @return 1 the packet was changed, 0 it was not; -ENOENT it has no TCP header;
 * -EAGAIN it came before bytes that are missing; -EBADMSG its header is cut short; or the
 * error of an edit: -EOPNOTSUPP a fragment, -EMSGSIZE it was cut by the copy range,
 * -ENOMEM. A packet whose checksum is wrong is left alone: its receiver drops it.
 * Any thread. Source: RFC 9293 section 3.10, RFC 2018 sections 3 and 4, RFC 2883,
 * RFC 7323 section 2; tcp_sequence(), tcp_data_queue().
 */
NFQUEUE_API int nfqueue_stream_edit(struct nfqueue_streams *streams,
				    struct nfqueue_edit *edit,
				    nfqueue_stream_find_fn find, void *ctx,
				    uint64_t now_ms);

/** nfqueue_stream_edit() for a direction that is not looked into: what was changed
 * before, in both directions, is translated. It knows a new connection by its SYN alone.
 * Source: there. */
NFQUEUE_API int nfqueue_stream_translate(struct nfqueue_streams *streams,
					 struct nfqueue_edit *edit, uint64_t now_ms);

/**
 * The packet that follows, with the bytes that did not fit: a verdict carries 65,531.
 *
 * Commits `edit`, and begins `rest` on it: with its headers and the number behind its
 * payload. Commit `rest`, and send it behind the packet; what is not sent is as if it had
 * been lost on the way, and comes again.
 *
 * @param edit as nfqueue_stream_edit() or nfqueue_stream_translate() left it
 * @param rest another edit; `edit` must stay as it is as long as this one is used
 * @return 1, 0 there is nothing left, or the error of an edit. Any thread, one at a time.
 * Source: RFC 9293 section 3.8.
 */
NFQUEUE_API int nfqueue_stream_rest(struct nfqueue_edit *edit, struct nfqueue_edit *rest);

/** What to replace by what. */
struct nfqueue_stream_pattern {
	const void *from;
	size_t from_length; /**< 1..NFQUEUE_STREAM_KEEP_MAX; 0: is never found */
	const void *to;
	size_t to_length; /**< 0..NFQUEUE_STREAM_CHANGE_MAX */
};

/** The `ctx` of nfqueue_stream_find_pattern(). */
struct nfqueue_stream_patterns {
	const struct nfqueue_stream_pattern *patterns;
	size_t count;
	uint64_t replaced; /**< out: counted by all threads that use it */
};

/**
 * Finds the first place where one of the patterns is; of several at one place the one
 * that stands first in the list. Across segments, too: it keeps what may begin one.
 *
 * @param ctx struct nfqueue_stream_patterns
 * @return as nfqueue_stream_find_fn. Any thread. Source: none.
 */
NFQUEUE_API int nfqueue_stream_find_pattern(const uint8_t *data, size_t length, int last,
					    struct nfqueue_stream_change *change,
					    size_t *keep, void *ctx);

/** Counts of all connections. `stats->size` must be set. @return 0, or -EINVAL. Any
 * thread. Source: none. */
NFQUEUE_API int nfqueue_streams_stats(struct nfqueue_streams *streams,
				      struct nfqueue_streams_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
