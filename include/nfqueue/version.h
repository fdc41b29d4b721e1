/* SPDX-License-Identifier: MIT */
#ifndef NFQUEUE_VERSION_H
#define NFQUEUE_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

#define NFQUEUE_VERSION_MAJOR 0
#define NFQUEUE_VERSION_MINOR 1
#define NFQUEUE_VERSION_PATCH 0

/* Symbols with this attribute are the library's ABI; all others are hidden. */
#define NFQUEUE_API __attribute__((visibility("default")))

/**
 * The version of the library that is loaded, as "major.minor.patch".
 *
 * @return a constant string. Any thread.
 * Source: meson.build (project version).
 */
NFQUEUE_API const char *nfqueue_version(void);

#ifdef __cplusplus
}
#endif

#endif
