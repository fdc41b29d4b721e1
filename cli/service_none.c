/* SPDX-License-Identifier: MIT */
/* Built without libsystemd: nobody keeps anything. */
#include "service.h"

int service_take(struct inherited *sockets)
{
	(void)sockets;
	return 0;
}

void service_store(const char *name, int fd)
{
	(void)name;
	(void)fd;
}

void service_forget(const char *name)
{
	(void)name;
}

bool service_managed(void)
{
	return false;
}

void service_ready(void)
{
}

void service_reloading(void)
{
}

void service_stopping(void)
{
}
