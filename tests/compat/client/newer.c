/* SPDX-License-Identifier: MIT */
/* The program of the cases for what is newer than upstream's 1.0.5. */
#include "cases.h"

const struct compat_case *const compat_groups[] = {newer_cases, NULL};
