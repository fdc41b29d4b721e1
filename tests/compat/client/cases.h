/* SPDX-License-Identifier: MIT */
/* The lists of cases, one a file. */
#ifndef NFQUEUE_TESTS_COMPAT_CASES_H
#define NFQUEUE_TESTS_COMPAT_CASES_H

#include "client.h"

extern const struct compat_case layout_cases[];
extern const struct compat_case open_cases[];
extern const struct compat_case config_cases[];
extern const struct compat_case setter_cases[];
extern const struct compat_case loop_cases[];
extern const struct compat_case verdict_cases[];
extern const struct compat_case handle_cases[];
extern const struct compat_case getter_cases[];
extern const struct compat_case short_cases[];
extern const struct compat_case xml_cases[];
extern const struct compat_case mnl_cases[];
extern const struct compat_case pktb_cases[];
extern const struct compat_case ip_cases[];
extern const struct compat_case tcp_cases[];
extern const struct compat_case udp_cases[];
extern const struct compat_case mangle_cases[];
extern const struct compat_case newer_cases[];

#endif
