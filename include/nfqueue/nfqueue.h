/* SPDX-License-Identifier: MIT */
/* All of libnfqueue. The rules API is a library of its own: <nfqueue/rules.h>. */
#ifndef NFQUEUE_NFQUEUE_H
#define NFQUEUE_NFQUEUE_H

#include <nfqueue/build.h>
#include <nfqueue/edit.h>
#include <nfqueue/engine.h>
#include <nfqueue/inject.h>
#include <nfqueue/packet.h>
#include <nfqueue/queue.h>
#include <nfqueue/stream.h>
#include <nfqueue/verdict.h>
#include <nfqueue/version.h>
#include <nfqueue/view.h>

#endif
