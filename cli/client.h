/* SPDX-License-Identifier: MIT */
/* What a command has to say to a running session: see control.h. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "command.h"

#include <stdint.h>

#define CLIENT_ONLY UINT32_MAX /* no queue was named: the only session there is */

/* Called for each line of text of an answer. */
typedef void (*client_line_fn)(const char *line, void *ctx);

/*
 * Sends a request to the session whose first queue this is, and hands on the text of its
 * answer: to `line`, or to standard output if that is NULL, and to standard error if the
 * request failed. Tells errors on stderr. Returns the exit status.
 */
int client_request(uint32_t queue, const char *request, client_line_fn line, void *ctx);

/* Returns a connection, or -errno: -ENOENT nobody is there, -EPERM somebody whom we do
 * not trust, or who does not trust us. Says nothing. */
int client_connect(uint32_t queue);

/* Takes the options of a command that has --queue and --help, and --json if `json` is not
 * NULL; optind is behind them. Returns -1: go on; else the exit status. */
int client_options(const struct command *command, int argc, char **argv, uint32_t *queue,
		   bool *json);

#endif
