/* SPDX-License-Identifier: MIT */
#include "exec_program.h"
#include "elf_file.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INTERPRETERS_MAX 4 /* as many as the kernel follows: bprm_execve() */

static void warn(const char *path, const char *why)
{
	fprintf(stderr, "nfqueue exec: warning: %s %s: it will not get our libraries\n",
		path, why);
}

/* As execvp() looks for it. */
static bool find_program(const char *name, char path[PATH_MAX])
{
	const char *folder = getenv("PATH"), *end;

	if (strchr(name, '/'))
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
	for (folder = folder ? folder : "/bin:/usr/bin";; folder = end + 1) {
		end = strchrnul(folder, ':');
		snprintf(path, PATH_MAX, "%.*s%s%s", (int)(end - folder), folder,
			 end > folder ? "/" : "", name);
		if (access(path, X_OK) == 0)
			return true;
		if (!*end)
			return false;
	}
}

/* Source: AT_SECURE, cap_bprm_creds_from_file(): whoever gains nothing is not secured. */
static void check_privilege(const char *path, const struct stat *file)
{
	if (file->st_mode & S_ISUID && file->st_uid != getuid())
		warn(path, "is setuid");
	else if (file->st_mode & S_ISGID && file->st_mode & S_IXGRP &&
		 file->st_gid != getgid())
		warn(path, "is setgid");
	else if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		warn(path, "has file capabilities");
}

/* The loader looks there first, and only there if it finds it. */
static bool rpath_has_library(const char *rpath)
{
	static const char *const names[] = {"libnetfilter_queue.so.1", "libipq.so.0"};
	char file[PATH_MAX];
	size_t length;

	for (; *rpath; rpath += length + (rpath[length] == ':')) {
		length = strcspn(rpath, ":");
		for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
			snprintf(file, sizeof(file), "%.*s/%s", (int)length, rpath,
				 names[i]);
			if (access(file, R_OK) == 0)
				return true;
		}
	}
	return false;
}

static void check_elf(const char *path, const struct elf_facts *facts)
{
	if (facts->is_foreign)
		warn(path, "is of another architecture");
	else if (!facts->is_dynamic)
		warn(path, "is static");
	else if (facts->needs_path)
		warn(path, "names the library by its path");
	else if (facts->has_rpath && rpath_has_library(facts->rpath))
		warn(path, "finds the library by its RPATH");
}

/* "#!" and the interpreter's path: it is what the loader loads. */
static bool find_interpreter(const char *text, size_t size, char path[PATH_MAX])
{
	size_t from = 2, to;

	if (size < 3 || memcmp(text, "#!", 2) != 0)
		return false;
	while (from < size && (text[from] == ' ' || text[from] == '\t'))
		from++;
	for (to = from; to < size && !isspace((unsigned char)text[to]); to++)
		;
	if (to == from || to - from >= PATH_MAX)
		return false;
	memcpy(path, text + from, to - from);
	path[to - from] = '\0';
	return true;
}

/* Looks at one file. Returns whether another, now in `path`, runs it. */
static bool check_file(char path[PATH_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_facts facts;
	struct stat file;
	bool is_script = false;
	void *bytes;

	if (fd < 0)
		return false;
	if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode) || file.st_size == 0)
		goto out;
	bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		goto out;
	if (elf_read(bytes, (size_t)file.st_size, &facts)) {
		check_privilege(path, &file);
		check_elf(path, &facts);
	} else {
		is_script = find_interpreter(bytes, (size_t)file.st_size, path);
	}
	munmap(bytes, (size_t)file.st_size);
out:
	close(fd);
	return is_script;
}

void exec_check_program(const char *name)
{
	char path[PATH_MAX];

	if (!find_program(name, path))
		return; /* execvp() tells */
	for (int i = 0; i <= INTERPRETERS_MAX && check_file(path); i++)
		;
}
