/* SPDX-License-Identifier: MIT */
#include "capture/name.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIGITS_MIN 5
#define DIGITS_MAX 9 /* fit in 32 bits */

/* A path in its pieces: "/var/log/" "dns" ".pcapng". */
struct parts {
	int folder; /* bytes, the slash among them */
	int stem;
	const char *base, *suffix;
};

static struct parts split(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct parts parts = {.base = slash ? slash + 1 : path};
	const char *dot = strrchr(parts.base, '.');

	parts.folder = (int)(parts.base - path);
	parts.suffix = dot && dot != parts.base ? dot : parts.base + strlen(parts.base);
	parts.stem = (int)(parts.suffix - parts.base);
	return parts;
}

int capture_name(const char *path, uint32_t number, char *name, size_t size)
{
	struct parts parts = split(path);
	int length;

	if (number == 0)
		length = snprintf(name, size, "%s", path);
	else
		length = snprintf(name, size, "%.*s%.*s-%0*u%s", parts.folder, path,
				  parts.stem, parts.base, DIGITS_MIN, number,
				  parts.suffix);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* Whether the name in the folder is of the set, and which. */
static bool is_of_set(const struct parts *parts, const char *name, uint32_t *number)
{
	const char *digits;
	size_t count;

	*number = 0;
	if (strcmp(name, parts->base) == 0)
		return true;
	if (strncmp(name, parts->base, (size_t)parts->stem) != 0 ||
	    name[parts->stem] != '-')
		return false;
	digits = name + parts->stem + 1;
	count = strspn(digits, "0123456789");
	if (count < DIGITS_MIN || count > DIGITS_MAX ||
	    strcmp(digits + count, parts->suffix) != 0)
		return false;
	*number = (uint32_t)strtoul(digits, NULL, 10);
	return *number != 0 && (count == DIGITS_MIN || digits[0] != '0');
}

struct numbers {
	uint32_t *list;
	size_t count, room;
};

static int add_number(struct numbers *numbers, uint32_t number)
{
	size_t room = numbers->room ? numbers->room * 2 : 64;
	uint32_t *list = numbers->list;

	if (numbers->count == numbers->room) {
		list = reallocarray(list, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		numbers->list = list;
		numbers->room = room;
	}
	numbers->list[numbers->count++] = number;
	return 0;
}

static int open_folder(const char *path, const struct parts *parts, DIR **folder)
{
	char name[PATH_MAX];

	if (parts->folder >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(name, sizeof(name), "%.*s", parts->folder, path);
	*folder = opendir(*name ? name : ".");
	return *folder ? 0 : -errno;
}

/* Which files of the set are there. */
static int list_numbers(const char *path, struct numbers *numbers)
{
	struct parts parts = split(path);
	struct dirent *entry;
	uint32_t number;
	DIR *folder;
	int err = open_folder(path, &parts, &folder);

	*numbers = (struct numbers){0};
	if (err < 0)
		return err;
	while (err == 0 && (entry = readdir(folder)))
		if (is_of_set(&parts, entry->d_name, &number))
			err = add_number(numbers, number);
	closedir(folder);
	if (err < 0)
		free(numbers->list);
	return err;
}

int capture_name_next(const char *path, uint32_t *number)
{
	struct numbers numbers;
	int err = list_numbers(path, &numbers);

	*number = 0;
	if (err < 0)
		return err;
	for (size_t i = 0; i < numbers.count; i++)
		if (numbers.list[i] >= *number)
			*number = numbers.list[i] + 1;
	free(numbers.list);
	return 0;
}

static int compare_numbers(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

int capture_name_prune(const char *path, uint32_t keep)
{
	struct numbers numbers;
	char name[PATH_MAX];
	int err = list_numbers(path, &numbers);

	if (err < 0 || numbers.count == 0)
		return err;
	qsort(numbers.list, numbers.count, sizeof(*numbers.list), compare_numbers);
	for (size_t i = 0; err == 0 && i + keep < numbers.count; i++) {
		err = capture_name(path, numbers.list[i], name, sizeof(name));
		if (err == 0 && unlink(name) < 0 && errno != ENOENT)
			err = -errno;
	}
	free(numbers.list);
	return err;
}
