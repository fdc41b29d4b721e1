/* SPDX-License-Identifier: MIT */
#include "exec_libraries.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUE_LIBRARY "libnetfilter_queue.so.1"
#define IPQ_LIBRARY "libipq.so.0"

/* From the folder of the nfqueue program: where it was built, and where it is installed,
 * even if that is not where it was meant to be. */
static const char *const built[] = {"../compat/netfilter_queue", "../compat/ipq"};
static const char *const installed = EXEC_LIBRARIES_FROM_PROGRAM;
static const char *const meant = EXEC_LIBRARIES;

static bool has(const char *folder, const char *library)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", folder, library);
	return access(path, R_OK) == 0;
}

/* The folder, without symbolic links and "..", is added if one of the libraries is in it.
 * Returns whether the first one is. A colon in its name cannot be told to the loader. */
static bool add(char *folders, const char *folder)
{
	bool has_queue = has(folder, QUEUE_LIBRARY);
	char real[PATH_MAX];

	if (!has_queue && !has(folder, IPQ_LIBRARY))
		return false;
	if (!realpath(folder, real) || strpbrk(real, ":;"))
		return false;
	if (*folders)
		strcat(folders, ":");
	strcat(folders, real);
	return has_queue;
}

static bool add_beside(char *folders, const char *program_folder, const char *relative)
{
	char folder[2 * PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/%s", program_folder, relative);
	return add(folders, folder);
}

/* The folder of the running program; "." where /proc is not mounted. */
static void find_program_folder(char folder[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
	char *slash;

	folder[length < 0 ? 0 : length] = '\0';
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
}

int exec_find_libraries(char folders[EXEC_FOLDERS_MAX])
{
	char here[PATH_MAX];
	bool has_queue = false;

	folders[0] = '\0';
	find_program_folder(here);
	if (*here) {
		for (unsigned int i = 0; i < sizeof(built) / sizeof(*built); i++)
			has_queue |= add_beside(folders, here, built[i]);
		if (!*folders)
			has_queue = add_beside(folders, here, installed);
	}
	if (!*folders)
		has_queue = add(folders, meant);
	if (!*folders)
		fprintf(stderr,
			"nfqueue exec: our " QUEUE_LIBRARY " is not there, neither in %s "
			"nor in %s/%s.\nIt is built where libnfnetlink is "
			"(-Dcompat=enabled).\n",
			meant, here, installed);
	else if (!has_queue)
		fprintf(stderr,
			"nfqueue exec: warning: only " IPQ_LIBRARY " is here: "
			"without libnfnetlink there is no " QUEUE_LIBRARY " of ours\n");
	return *folders ? 0 : -1;
}
