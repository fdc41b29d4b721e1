/* SPDX-License-Identifier: MIT */
/* The program of all cases that run with either library. */
#include "cases.h"

const struct compat_case *const compat_groups[] = {
	layout_cases, open_cases,   config_cases, setter_cases, loop_cases, verdict_cases,
	handle_cases, getter_cases, short_cases,  xml_cases,    mnl_cases,  pktb_cases,
	ip_cases,     tcp_cases,    udp_cases,    mangle_cases, NULL,
};
