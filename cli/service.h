/* SPDX-License-Identifier: MIT */
/*
 * The service manager, if one started us: systemd, whose file descriptor store keeps our
 * sockets while no process of ours lives. All of it does nothing without one.
 * Source: sd_notify(3), sd_listen_fds(3).
 */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Sockets that came from somebody before us; -1: not this one. */
struct inherited {
	uint32_t first_queue;
	uint32_t count;
	int *queues; /* one a queue */
	int rules;
};

/* Returns 0 or -ENOMEM. */
int inherited_init(struct inherited *sockets, uint32_t first_queue, uint32_t count);

/* By the name that a socket was sent or stored with; -EINVAL: it is not one of these. */
int inherited_take(struct inherited *sockets, const char *name, int fd);

/* They are somebody else's to close now, but for that of the rules. */
void inherited_drop_queues(struct inherited *sockets);

/* Closes what is left, and frees. */
void inherited_free(struct inherited *sockets);

/* "queue-N", "rules" */
#define INHERITED_NAME_SIZE 16
void inherited_queue_name(char *name, uint32_t queue);
#define INHERITED_RULES "rules"

/*
 * Takes what the store kept for us; what is not wanted any more is closed, there too.
 * Before any thread starts. Returns how many sockets came.
 */
int service_take(struct inherited *sockets);

/* Keeps a socket there, or no longer. */
void service_store(const char *name, int fd);
void service_forget(const char *name);

/* Whether there is one. */
bool service_managed(void);

/* What the manager is told of our life. */
void service_ready(void);
void service_reloading(void);
void service_stopping(void);

#endif
