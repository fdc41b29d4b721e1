/* SPDX-License-Identifier: MIT */
#include "capture/set.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "capture/name.h"
#include "capture/output.h"
#include "capture/pcapng.h"

#define BUFFER_BYTES (512u << 10) /* any block finds room in it */
#define INTERFACES_MAX 256u       /* of a section; for more of them a new one begins */
#define NUMBER_TRIES 1000u        /* files that others made while we looked for a name */
#define RETRY_NS 1000000000u
#define SECOND_NS 1000000000u

struct interface {
	uint32_t index;
	uint64_t received;
};

struct capture_set {
	struct capture_options options;
	char *path;
	struct output output;
	uint32_t number;   /* of the next file */
	bool begun;        /* the section header is in the file, or waits to be */
	bool begun_safe;   /* it is on the disk */
	bool due;          /* the next packet begins a new file */
	bool told;         /* of a failure, since this file was begun */
	uint64_t retry_at; /* monotonic: when to try again to open a file */
	uint64_t first_ns; /* time of the file's first packet */
	struct interface interfaces[INTERFACES_MAX]; /* of this section */
	uint32_t interface_count, interfaces_safe;   /* known; on the disk */
	uint64_t file_packets, waiting, file_missing;
	int first_error;
	struct capture_stats stats;
};

static void tell(struct capture_set *set, int err, const char *what)
{
	char text[CAPTURE_ERROR_MAX];

	if (!set->first_error)
		set->first_error = err;
	if (set->told || !set->options.failed)
		return;
	set->told = true;
	snprintf(text, sizeof(text), "cannot %s %s: %s", what, set->path, strerror(-err));
	set->options.failed(text, set->options.ctx);
}

/* Nothing behind the last good block is there: what headers were among it come again. */
static void forget_unwritten(struct capture_set *set)
{
	set->stats.failed += set->waiting;
	set->begun = set->begun_safe;
	set->interface_count = set->interfaces_safe;
}

int capture_set_flush(struct capture_set *set)
{
	uint64_t before = set->output.size;
	int err = output_flush(&set->output);

	if (err < 0) {
		tell(set, err, "write to");
		forget_unwritten(set);
	} else {
		set->stats.packets += set->waiting;
		set->stats.bytes += set->output.size - before;
		set->interfaces_safe = set->interface_count;
		set->begun_safe = set->begun;
	}
	set->waiting = 0;
	return err;
}

/* Room for a block. NULL: the disk is full, or such. */
static uint8_t *reserve(struct capture_set *set, size_t length)
{
	uint8_t *room = output_reserve(&set->output, length);

	if (!room && capture_set_flush(set) == 0)
		room = output_reserve(&set->output, length);
	return room;
}

static void begin_section(struct capture_set *set)
{
	struct pcapng_section section = {.application = set->options.application};
	uint8_t *room = reserve(set, PCAPNG_BLOCK_MAX);
	struct utsname system;
	char os[sizeof(system.sysname) + sizeof(system.release) + 2];

	if (!room)
		return;
	if (uname(&system) == 0) {
		snprintf(os, sizeof(os), "%s %s", system.sysname, system.release);
		section.os = os;
		section.hardware = system.machine;
	}
	output_add(&set->output, pcapng_section(&section, room, PCAPNG_BLOCK_MAX));
	set->begun = true;
	set->begun_safe = false;
	set->interface_count = 0;
	set->interfaces_safe = 0;
}

static bool add_interface(struct capture_set *set, uint32_t index)
{
	uint8_t *room = reserve(set, PCAPNG_BLOCK_MAX);
	struct pcapng_interface interface = {.snap = set->options.snap};
	char name[IF_NAMESIZE];

	/* a flush that failed may have taken the header along, or left the old one */
	if (!room || !set->begun || set->interface_count == INTERFACES_MAX)
		return false;
	if (index == 0)
		interface.description = "no interface";
	else if (if_indextoname(index, name))
		interface.name = name;
	else
		interface.description = "an interface that is gone";
	output_add(&set->output, pcapng_interface(&interface, room, PCAPNG_BLOCK_MAX));
	set->interfaces[set->interface_count++] = (struct interface){.index = index};
	return true;
}

static uint64_t missing(const struct capture_set *set)
{
	return set->stats.lost + set->stats.failed;
}

/* What is missing was of any interface, so it is told of the first alone. */
static void add_statistics(struct capture_set *set, uint32_t number, uint64_t now)
{
	struct pcapng_statistics statistics = {.number = number, .time_ns = now};
	uint8_t *room = reserve(set, PCAPNG_BLOCK_MAX);
	char comment[128];

	if (!room || number >= set->interface_count)
		return;
	statistics.received = set->interfaces[number].received;
	if (number == 0) {
		statistics.lost = missing(set) - set->file_missing;
		snprintf(comment, sizeof(comment),
			 "%" PRIu64 " packets of all interfaces are missing in this file",
			 statistics.lost);
		statistics.comment = comment;
	}
	output_add(&set->output, pcapng_statistics(&statistics, room, PCAPNG_BLOCK_MAX));
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void end_section(struct capture_set *set)
{
	uint64_t now = clock_ns(CLOCK_REALTIME);

	if (set->output.fd < 0)
		return;
	if (set->begun && set->interface_count == 0)
		add_interface(set, 0); /* readers refuse a file without any */
	for (uint32_t i = 0; i < set->interface_count; i++)
		add_statistics(set, i, now);
}

static int close_file(struct capture_set *set)
{
	int err;

	end_section(set);
	err = capture_set_flush(set);
	if (set->output.fd >= 0 && output_end(&set->output) < 0 && err == 0)
		err = -EIO;
	return err;
}

/* Never opens what is there already, unless told to: O_EXCL follows no link, either. */
static int open_next(struct capture_set *set, int *fd)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
	char name[PATH_MAX];
	int err = 0;

	flags |= set->options.overwrite ? O_TRUNC : O_EXCL;
	for (uint32_t tries = 0; tries < NUMBER_TRIES; tries++) {
		err = capture_name(set->path, set->number, name, sizeof(name));
		if (err < 0)
			return err;
		*fd = open(name, flags, 0600);
		if (*fd >= 0 || errno != EEXIST)
			break;
		set->number++;
	}
	if (*fd < 0)
		return -errno;
	set->number++;
	return 0;
}

static bool is_stdout(const struct capture_set *set)
{
	return strcmp(set->path, "-") == 0;
}

static int begin_file(struct capture_set *set)
{
	int fd, err = 0;

	if (is_stdout(set))
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		err = open_next(set, &fd);
	if (err == 0 && fd < 0)
		err = -errno;
	if (err < 0)
		return err;
	output_begin(&set->output, fd);
	set->due = false;
	set->told = false;
	set->begun = false;
	set->begun_safe = false;
	set->interface_count = 0;
	set->interfaces_safe = 0;
	set->file_packets = 0;
	set->file_missing = missing(set);
	set->stats.files++;
	begin_section(set);
	return 0;
}

static void next_file(struct capture_set *set)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	int err;

	if (set->output.fd < 0 && now < set->retry_at)
		return;
	close_file(set);
	err = begin_file(set);
	if (err < 0) {
		set->retry_at = now + RETRY_NS;
		tell(set, err, "begin the next file of");
		return;
	}
	if (set->options.keep)
		capture_name_prune(set->path, set->options.keep);
}

/* A clock that was set back does not keep a file open for ever. */
static bool is_due(struct capture_set *set, const struct capture_record *record)
{
	const struct capture_options *options = &set->options;
	uint64_t bytes = set->output.size + set->output.length + record->captured +
			 PCAPNG_PACKET_EXTRA;

	if (set->output.fd < 0)
		return true;
	if (is_stdout(set))
		return false;
	if (set->output.torn || set->due)
		return true;
	if (set->file_packets == 0)
		return false;
	if (record->time_ns < set->first_ns)
		set->first_ns = record->time_ns;
	return (options->size_max && bytes > options->size_max) ||
	       (options->every_s &&
		(record->time_ns - set->first_ns) / SECOND_NS >= options->every_s);
}

/* The number of the interface in this section; false: it cannot be written. */
static bool find_interface(struct capture_set *set, uint32_t index, uint32_t *number)
{
	if (!set->begun)
		begin_section(set);
	for (*number = 0; *number < set->interface_count; ++*number)
		if (set->interfaces[*number].index == index)
			return true;
	if (set->interface_count == INTERFACES_MAX) {
		end_section(set);
		begin_section(set);
		*number = 0;
	}
	return set->begun && add_interface(set, index);
}

static bool put_packet(struct capture_set *set, const struct capture_record *record,
		       uint64_t lost)
{
	uint32_t captured = record->captured < CAPTURE_PACKET_MAX ? record->captured
								  : CAPTURE_PACKET_MAX;
	size_t size = captured + PCAPNG_PACKET_EXTRA, length;
	uint32_t number;
	uint8_t *room = reserve(set, size + 2 * PCAPNG_BLOCK_MAX); /* headers, too */

	if (!room || !find_interface(set, pcapng_interface_of(record), &number))
		return false;
	room = reserve(set, size);
	if (!room || number >= set->interface_count)
		return false;
	length = pcapng_packet(record, number, set->options.snap, lost, room, size);
	output_add(&set->output, length);
	set->interfaces[number].received++;
	return true;
}

void capture_set_put(struct capture_set *set, const struct capture_record *record,
		     uint64_t lost)
{
	set->stats.lost += lost;
	if (is_due(set, record))
		next_file(set);
	if (set->output.fd < 0 || !put_packet(set, record, lost)) {
		set->stats.failed++;
		return;
	}
	if (set->file_packets++ == 0)
		set->first_ns = record->time_ns;
	set->waiting++;
}

void capture_set_rotate(struct capture_set *set)
{
	set->due = true;
}

void capture_set_stats(const struct capture_set *set, struct capture_stats *stats)
{
	*stats = set->stats;
}

static void free_set(struct capture_set *set)
{
	output_free(&set->output);
	free(set->path);
	free(set);
}

static int first_file(struct capture_set *set)
{
	int err = 0;

	if (!is_stdout(set) && !set->options.overwrite)
		err = capture_name_next(set->path, &set->number);
	if (err == 0)
		err = begin_file(set);
	if (err == 0 && !set->begun)
		err = set->first_error;
	if (err == 0)
		err = capture_set_flush(set); /* a full disk is told now */
	if (err == 0 && set->options.keep && !is_stdout(set))
		err = capture_name_prune(set->path, set->options.keep);
	return err;
}

int capture_set_open(struct capture_set **set, const struct capture_options *options,
		     char *error)
{
	struct capture_set *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	*set = NULL;
	*error = '\0';
	if (!made)
		return err;
	made->options = *options;
	made->options.failed = NULL; /* what fails now is returned */
	made->path = strdup(options->path);
	made->output.fd = -1;
	if (made->path && output_init(&made->output, BUFFER_BYTES) == 0)
		err = first_file(made);
	if (err < 0) {
		snprintf(error, CAPTURE_ERROR_MAX, "cannot write to %s: %s",
			 options->path, strerror(-err));
		output_end(&made->output);
		free_set(made);
		return err;
	}
	made->options.failed = options->failed;
	*set = made;
	return 0;
}

int capture_set_close(struct capture_set *set, uint64_t lost, struct capture_stats *stats)
{
	int err;

	if (!set)
		return 0;
	set->stats.lost += lost;
	err = close_file(set);
	if (set->first_error)
		err = set->first_error;
	if (stats)
		*stats = set->stats;
	free_set(set);
	return err;
}
