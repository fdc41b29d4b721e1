/* SPDX-License-Identifier: MIT */
/* Packets in hex, what their views must be, and how they read as text. */
#ifndef NFQUEUE_TEST_PACKETS_H
#define NFQUEUE_TEST_PACKETS_H

#include <errno.h>

#include <nfqueue/view.h>

#include "hex.h"

#define FRAGMENT NFQUEUE_VIEW_FRAGMENT
#define LATER (NFQUEUE_VIEW_FRAGMENT | NFQUEUE_VIEW_LATER_FRAGMENT)
#define TRUNCATED NFQUEUE_VIEW_TRUNCATED
#define BAD NFQUEUE_VIEW_BAD

/* 10.0.0.1 > 10.0.0.2, 2001:db8::1 > 2001:db8::2 */
#define IPV4_ENDS "0a000001 0a000002"
#define IPV6_ENDS "20010db8000000000000000000000001 20010db8000000000000000000000002"

struct packet_case {
	const char *name;
	const char *hex;
	int ret;
	uint8_t ip_version;
	uint8_t protocol;
	uint16_t flags;
	uint32_t length;
	uint32_t total_length;
	uint32_t transport_offset;
	uint32_t payload_offset;
	const char *text;
};

/* clang-format off */
static const struct packet_case packet_cases[] = {
	{"TCP SYN with options",
	 "4500003c 1c464000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000000 a002faf0 00000000 "
	 "020405b4 0402080a 00000001 00000000"
	 "01030307",
	 0, 4, 6, 0, 60, 60, 20, 60,
	 "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 1, win 64240, options "
	 "[mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0"},
	{"TCP with payload",
	 "4500002b 00000000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000002 50180010 00000000 616263",
	 0, 4, 6, 0, 43, 43, 20, 40,
	 "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [P.], seq 1:4, ack 2, win 16, length 3"},
	{"padding behind the packet is not part of it",
	 "4500001e 00000000 40110000" IPV4_ENDS "13881770 000a0000 6162 000000000000",
	 0, 4, 17, 0, 30, 30, 20, 28,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: UDP, length 2"},
	{"IPv4 options",
	 "46000020 00000000 40110000" IPV4_ENDS "94040000 13881770 00080000",
	 0, 4, 17, 0, 32, 32, 24, 32,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: UDP, length 0"},
	{"captured less than the packet",
	 "450005dc 00000000 40110000" IPV4_ENDS "13881770 05c80000 6162",
	 0, 4, 17, TRUNCATED, 30, 1500, 20, 28,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: UDP, length 1472"},
	{"captured less than the transport header",
	 "450005dc 00000000 40060000" IPV4_ENDS "04d20050 00000001",
	 0, 4, 6, TRUNCATED, 28, 1500, 20, 28,
	 "IP 10.0.0.1.1234 > 10.0.0.2.80:  [|tcp]"},
	{"captured no transport header",
	 "450005dc 00000000 40060000" IPV4_ENDS,
	 0, 4, 6, TRUNCATED, 20, 1500, 20, 20,
	 "IP 10.0.0.1 > 10.0.0.2: [|tcp]"},
	{"total length 0 is big TCP: what was captured",
	 "45000000 00000000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000002 50100010 00000000 616263",
	 0, 4, 6, 0, 43, 43, 20, 40,
	 "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [.], seq 1:4, ack 2, win 16, length 3"},
	{"first IPv4 fragment",
	 "4500001e 12342000 40110000" IPV4_ENDS "13881770 05c80000 6162",
	 0, 4, 17, FRAGMENT, 30, 30, 20, 28,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: UDP, length 1472"},
	{"later IPv4 fragment",
	 "4500001e 123400b9 40110000" IPV4_ENDS "13881770 05c80000 6162",
	 0, 4, 17, LATER, 30, 30, 30, 30,
	 "IP 10.0.0.1 > 10.0.0.2: ip-proto-17"},
	{"ICMP echo",
	 "4500001e 00000000 40010000" IPV4_ENDS "08000000 00010002 6162",
	 0, 4, 1, 0, 30, 30, 20, 28,
	 "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 2, length 10"},
	{"ICMP port unreachable",
	 "45000038 00000000 40010000" IPV4_ENDS "03030000 00000000"
	 "4500001c 00000000 40110000" IPV4_ENDS "13881770 00080000",
	 0, 4, 1, 0, 56, 56, 20, 28,
	 "IP 10.0.0.1 > 10.0.0.2: ICMP 10.0.0.2 udp port 6000 unreachable, length 36"},
	{"ICMP cut short",
	 "45000018 00000000 40010000" IPV4_ENDS "08000000",
	 0, 4, 1, BAD, 24, 24, 20, 24,
	 "IP 10.0.0.1 > 10.0.0.2:  [|icmp]"},
	{"a protocol without a view",
	 "45000018 00000000 40c80000" IPV4_ENDS "01020304",
	 0, 4, 200, 0, 24, 24, 20, 24,
	 "IP 10.0.0.1 > 10.0.0.2:  ip-proto-200 4"},
	{"IPv4 in IPv4",
	 "45000030 00000000 40040000" IPV4_ENDS
	 "4500001c 00000000 40110000" IPV4_ENDS "13881770 00080000",
	 0, 4, 4, 0, 48, 48, 20, 48,
	 "IP 10.0.0.1 > 10.0.0.2: IP 10.0.0.1.5000 > 10.0.0.2.6000: UDP, length 0"},
	{"SCTP: no chunks in the text",
	 "45000024 00000000 40840000" IPV4_ENDS "13881770 00000001 00000000 01000004",
	 0, 4, 132, 0, 36, 36, 20, 36,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: sctp"},
	{"SCTP that ends in its header",
	 "45000018 00000000 40840000" IPV4_ENDS "13881770",
	 0, 4, 132, 0, 24, 24, 20, 24,
	 "IP truncated-sctp - 8 bytes missing!"},
	{"DCCP: no types in the text",
	 "45000024 00000000 40210000" IPV4_ENDS "13881770 06000000 05000000 00000000",
	 0, 4, 33, 0, 36, 36, 20, 36,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: DCCP"},
	{"TCP offset 4 lies",
	 "45000028 00000000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000002 40100010 00000000",
	 0, 4, 6, BAD, 40, 40, 20, 40,
	 "IP 10.0.0.1.1234 > 10.0.0.2.80:  tcp 4 [bad hdr length 16 - too short, < 20]"},
	{"TCP offset beyond the packet lies",
	 "45000028 00000000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000002 60100010 00000000",
	 0, 4, 6, BAD, 40, 40, 20, 40,
	 "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [.] "
	 "[bad hdr length 24 - too long, > 20]"},
	{"TCP shorter than its header",
	 "45000020 00000000 40060000" IPV4_ENDS "04d20050 00000001 00000002",
	 0, 4, 6, BAD, 32, 32, 20, 32,
	 "IP 10.0.0.1.1234 > 10.0.0.2.80:  [|tcp]"},
	{"UDP length 7 lies",
	 "4500001c 00000000 40110000" IPV4_ENDS "13881770 00070000",
	 0, 4, 17, BAD, 28, 28, 20, 28,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: truncated-udplength 7"},
	{"UDP length beyond the packet lies",
	 "4500001e 00000000 40110000" IPV4_ENDS "13881770 000b0000 6162",
	 0, 4, 17, BAD, 30, 30, 20, 28,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: UDP, bad length 3 > 2"},
	{"UDP shorter than its header",
	 "45000018 00000000 40110000" IPV4_ENDS "13881770",
	 0, 4, 17, BAD, 24, 24, 20, 24,
	 "IP 10.0.0.1.5000 > 10.0.0.2.6000: truncated-udp 4"},
	{"IPv6 UDP",
	 "60000000 000a1140" IPV6_ENDS "13881770 000a0000 6162",
	 0, 6, 17, 0, 50, 50, 40, 48,
	 "IP6 2001:db8::1.5000 > 2001:db8::2.6000: UDP, length 2"},
	{"ICMPv6 echo",
	 "60000000 000a3a40" IPV6_ENDS "80000000 00010002 6162",
	 0, 6, 58, 0, 50, 50, 40, 44,
	 "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request, id 1, seq 2, length 10"},
	{"ICMPv6 without a body",
	 "60000000 00043a40" IPV6_ENDS "80000000",
	 0, 6, 58, 0, 44, 44, 40, 44,
	 "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request [|icmp6]"},
	{"ICMPv6 cut short",
	 "60000000 00023a40" IPV6_ENDS "8000",
	 0, 6, 58, BAD, 42, 42, 40, 42,
	 "IP6 2001:db8::1 > 2001:db8::2: ICMP6, echo request [|icmp6]"},
	{"payload length 0 is a jumbogram or big TCP: what was captured",
	 "60000000 00001140" IPV6_ENDS "13881770 000a0000 6162",
	 0, 6, 17, 0, 50, 50, 40, 48,
	 "IP6 2001:db8::1.5000 > 2001:db8::2.6000: UDP, length 2"},
	{"hop-by-hop, routing, destination options, TCP",
	 "60000000 002c0040" IPV6_ENDS "2b00050200000000 3c00000000000000 "
	 "0600010400000000"
	 "04d20050 00000001 00000002 50100010 00000000",
	 0, 6, 6, 0, 84, 84, 64, 84,
	 "IP6 2001:db8::1 > 2001:db8::2: HBH RT6 (len=0, type=0 [Deprecated], segleft=0) "
	 "DSTOPT 1234 > 80: Flags [.], ack 2, win 16, length 0"},
	{"AH before UDP",
	 "60000000 00183340" IPV6_ENDS "11020000 00000001 00000002 aabbccdd"
	 "13881770 00080000",
	 0, 6, 17, 0, 64, 64, 56, 64,
	 "IP6 2001:db8::1 > 2001:db8::2: AH(spi=0x00000001,seq=0x2,icv=0xaabbccdd): "
	 "5000 > 6000: UDP, length 0"},
	{"mobility, HIP and shim6 before no next header",
	 "60000000 00188740" IPV6_ENDS "8b00000000000000 8c00000000000000 "
	 "3b00000000000000",
	 0, 6, 59, 0, 64, 64, 64, 64,
	 "IP6 2001:db8::1 > 2001:db8::2: mobility: BRR"},
	{"no next header, whatever stands there",
	 "60000000 00043b40" IPV6_ENDS "01020304",
	 0, 6, 59, 0, 44, 44, 44, 44,
	 "IP6 2001:db8::1 > 2001:db8::2: no next header"},
	{"ESP ends the chain",
	 "60000000 000c3240" IPV6_ENDS "00000001 00000002 00000000",
	 0, 6, 50, 0, 52, 52, 40, 52,
	 "IP6 2001:db8::1 > 2001:db8::2: ESP(spi=0x00000001,seq=0x2), length 12"},
	{"first IPv6 fragment",
	 "60000000 00122c40" IPV6_ENDS "11000001 00000007 13881770 05c80000 6162",
	 0, 6, 17, FRAGMENT, 58, 58, 48, 56,
	 "IP6 2001:db8::1 > 2001:db8::2: frag (0|10) 5000 > 6000: UDP, length 1472"},
	{"later IPv6 fragment",
	 "60000000 00122c40" IPV6_ENDS "110005a8 00000007 13881770 05c80000 6162",
	 0, 6, 17, LATER, 58, 58, 58, 58,
	 "IP6 2001:db8::1 > 2001:db8::2: frag (1448|10)"},
	{"an atomic fragment is a whole packet",
	 "60000000 00122c40" IPV6_ENDS "11000000 00000007 13881770 000a0000 6162",
	 0, 6, 17, 0, 58, 58, 48, 56,
	 "IP6 2001:db8::1 > 2001:db8::2: frag (0|10) 5000 > 6000: UDP, length 2"},
	{"later fragment of a packet with more headers: they are elsewhere",
	 "60000000 00102c40" IPV6_ENDS "3c0005a8 00000007 1100000000000000",
	 0, 6, 60, LATER, 56, 56, 56, 56,
	 "IP6 2001:db8::1 > 2001:db8::2: frag (1448|8)"},
	{"an extension header beyond the packet lies",
	 "60000000 00083c40" IPV6_ENDS "1101000000000000",
	 0, 6, 60, BAD, 48, 48, 48, 48,
	 "IP6 2001:db8::1 > 2001:db8::2:  [|dstopt]"},
	{"an extension header that was not captured does not",
	 "60000000 00183c40" IPV6_ENDS "1101000000000000",
	 0, 6, 60, TRUNCATED, 48, 64, 48, 48,
	 "IP6 2001:db8::1 > 2001:db8::2:  [|dstopt]"},
	{"one byte of an extension header",
	 "60000000 00013c40" IPV6_ENDS "11",
	 0, 6, 60, BAD, 41, 41, 41, 41,
	 "IP6 2001:db8::1 > 2001:db8::2:  [|dstopt]"},
	{"nothing",
	 "",
	 -EBADMSG, 0, 0, BAD, 0, 0, 0, 0,
	 "truncated-ip 0"},
	{"not IP",
	 "54000014",
	 -EBADMSG, 0, 0, BAD, 4, 4, 4, 4,
	 "unknown ip 5"},
	{"half an IPv4 header",
	 "45000014 00000000",
	 -EBADMSG, 4, 0, BAD, 8, 8, 8, 8,
	 "IP  [|ip]"},
	{"IPv4 header length 4",
	 "44000014 00000000 40060000" IPV4_ENDS,
	 -EBADMSG, 4, 0, BAD, 20, 20, 20, 20,
	 "IP bad-hlen 16"},
	{"IPv4 header beyond the bytes",
	 "4600001c 00000000 40060000" IPV4_ENDS,
	 -EBADMSG, 4, 0, BAD, 20, 20, 20, 20,
	 "IP  [remaining caplen(20) < header length(24)] [|ip]"},
	{"IPv4 total length within the header",
	 "45000013 00000000 40060000" IPV4_ENDS,
	 -EBADMSG, 4, 0, BAD, 20, 20, 20, 20,
	 "IP bad-len 19"},
	{"half an IPv6 header",
	 "60000000 00003b40",
	 -EBADMSG, 6, 0, BAD, 8, 8, 8, 8,
	 " [|ip6]"},
};
/* clang-format on */

#define PACKET_CASES (sizeof(packet_cases) / sizeof(packet_cases[0]))

#endif
