/* SPDX-License-Identifier: MIT */
/* Files that are written, rotated, full, and read again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/capture.h"
#include "capture/name.h"
#include "capture/reader.h"

#define SECOND UINT64_C(1000000000)
#define START (1000 * SECOND)
#define NAME_SIZE 128

struct folder {
	char path[64];
	char file[NAME_SIZE]; /* f.pcapng in it */
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/nfqueue-capture-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/f.pcapng", folder->path);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;
	char name[512];
	struct dirent *entry;
	DIR *list = opendir(folder->path);

	while ((entry = readdir(list))) {
		snprintf(name, sizeof(name), "%s/%s", folder->path, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(name);
	}
	closedir(list);
	rmdir(folder->path);
	free(folder);
	return 0;
}

/* An IPv4 packet of 20 bytes and `payload` more; its number is its IP id. */
static struct capture_record a_record(uint32_t number, uint32_t payload)
{
	static _Thread_local uint8_t data[70000];
	uint32_t length = 20 + payload;

	memset(data, 0, length);
	data[0] = 0x45;
	data[2] = (uint8_t)(length >> 8);
	data[3] = (uint8_t)length;
	data[4] = (uint8_t)(number >> 8);
	data[5] = (uint8_t)number;
	return (struct capture_record){.time_ns = START + number * SECOND,
				       .data = data,
				       .captured = length,
				       .length = length,
				       .hook = NFQUEUE_HOOK_INPUT,
				       .verdict = NFQUEUE_ACCEPT};
}

/* The numbers of the packets in a file, in order, all below 2^16. Returns how many, or
 * -1: it cannot be read to its end. */
static int read_file(const char *path, uint32_t *numbers, int room)
{
	char error[CAPTURE_READER_ERROR_MAX];
	struct capture_reader *reader;
	struct capture_packet packet;
	int count = 0, ret;

	if (capture_reader_open(&reader, path, error) < 0)
		return -1;
	while ((ret = capture_reader_next(reader, &packet, error)) == CAPTURE_PACKET) {
		assert_true(count < room);
		assert_int_equal(packet.time_ns % SECOND, 0);
		numbers[count] = (uint32_t)packet.data[4] << 8 | packet.data[5];
		assert_int_equal(packet.time_ns, START + numbers[count] * SECOND);
		count++;
	}
	capture_reader_close(reader);
	return ret == CAPTURE_END ? count : -1;
}

static const char *name_of(const struct folder *folder, uint32_t number)
{
	static char name[NAME_SIZE];

	assert_int_equal(capture_name(folder->file, number, name, sizeof(name)), 0);
	return name;
}

static bool exists(const struct folder *folder, uint32_t number)
{
	return access(name_of(folder, number), F_OK) == 0;
}

static struct capture_set *open_set(const struct capture_options *options)
{
	char error[CAPTURE_ERROR_MAX];
	struct capture_set *set;

	if (capture_set_open(&set, options, error) < 0)
		fail_msg("%s", error);
	return set;
}

static void put_many(struct capture_set *set, uint32_t first, uint32_t count,
		     uint32_t payload)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct capture_record record = a_record(i, payload);

		capture_set_put(set, &record, 0);
	}
}

static void names_follow_the_path(void **state)
{
	static const struct {
		const char *path;
		uint32_t number;
		const char *name;
	} rows[] = {
		{"a.pcapng", 0, "a.pcapng"},       {"a.pcapng", 1, "a-00001.pcapng"},
		{"/x.y/a", 12, "/x.y/a-00012"},    {"/x/.a", 2, "/x/.a-00002"},
		{"b.c.d", 123456, "b.c-123456.d"},
	};
	char name[NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
			capture_name(rows[i].path, rows[i].number, name, sizeof(name)),
			0);
		assert_string_equal(name, rows[i].name);
	}
	assert_int_equal(capture_name("abc", 0, name, 3), -ENAMETOOLONG);
}

static void a_file_is_for_its_owner_alone_and_is_read_as_it_was_written(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file};
	struct capture_set *set = open_set(&options);
	uint32_t numbers[16];
	struct stat status;

	put_many(set, 1, 3, 100);
	assert_int_equal(capture_set_close(set, 0, NULL), 0);
	assert_int_equal(stat(folder->file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(read_file(folder->file, numbers, 16), 3);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[2], 3);
}

static void a_file_without_packets_can_be_read(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file};
	uint32_t numbers[1];

	assert_int_equal(capture_set_close(open_set(&options), 0, NULL), 0);
	assert_int_equal(read_file(folder->file, numbers, 1), 0);
}

static void a_file_is_no_larger_than_it_may_be_and_none_is_lost_between_two(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file, .size_max = 20000};
	struct capture_set *set = open_set(&options);
	struct capture_stats stats;
	uint32_t numbers[100], next = 0;
	struct stat status;

	put_many(set, 0, 100, 1000);
	assert_int_equal(capture_set_flush(set), 0);
	capture_set_stats(set, &stats);
	assert_int_equal(stats.packets, 100);
	assert_true(stats.files > 5);
	assert_int_equal(capture_set_close(set, 0, NULL), 0);
	for (uint32_t file = 0; file < stats.files; file++) {
		int count = read_file(name_of(folder, file), numbers, 100);

		assert_true(count > 0);
		for (int i = 0; i < count; i++)
			assert_int_equal(numbers[i], next++);
		stat(name_of(folder, file), &status);
		assert_true(status.st_size < 20500); /* and the statistics */
	}
	assert_int_equal(next, 100);
}

static void a_packet_larger_than_a_file_may_be_has_one_of_its_own(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file, .size_max = 1};
	struct capture_set *set = open_set(&options);
	uint32_t numbers[1];

	put_many(set, 0, 3, 60000);
	assert_int_equal(capture_set_close(set, 0, NULL), 0);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(read_file(name_of(folder, i), numbers, 1), 1);
		assert_int_equal(numbers[0], i);
	}
	assert_false(exists(folder, 3));
}

static void a_new_file_begins_after_its_time_also_when_the_clock_was_set_back(
	void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file, .every_s = 10};
	struct capture_set *set = open_set(&options);
	uint32_t numbers[16];

	put_many(set, 100, 10, 0); /* seconds 100 to 109 */
	put_many(set, 110, 1, 0);
	put_many(set, 50, 1, 0);
	put_many(set, 60, 1, 0);
	assert_int_equal(capture_set_close(set, 0, NULL), 0);
	assert_int_equal(read_file(name_of(folder, 0), numbers, 16), 10);
	assert_int_equal(read_file(name_of(folder, 1), numbers, 16), 2);
	assert_int_equal(numbers[1], 50);
	assert_int_equal(read_file(name_of(folder, 2), numbers, 16), 1);
}

static void touch(const struct folder *folder, const char *name)
{
	char path[NAME_SIZE + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const struct folder *folder, const char *name)
{
	char path[NAME_SIZE + 32];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	return access(path, F_OK) == 0;
}

static void as_many_files_are_kept_as_wanted_and_no_other_is_removed(void **state)
{
	static const char *const others[] = {"g.pcapng",         "f-1.pcapng",
					     "f-00000.pcapng",   "f-00001.pcapng.gz",
					     "f-00001.pcap",     "f-0x001.pcapng",
					     "f-000001.pcapng",  "ff-00001.pcapng",
					     "f-00001-2.pcapng", "f-9999999999.pcapng"};
	const struct folder *folder = *state;
	const struct capture_options options = {
		.path = folder->file, .size_max = 1, .keep = 3};
	struct capture_set *set;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		touch(folder, others[i]);
	set = open_set(&options);
	put_many(set, 0, 10, 0);
	assert_int_equal(capture_set_close(set, 0, NULL), 0);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(exists(folder, i), i >= 7 && i <= 9);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(is_there(folder, others[i]));
}

static void files_of_an_earlier_run_stay_and_the_set_goes_on_behind_them(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file};
	uint32_t numbers[16];

	for (uint32_t run = 0; run < 3; run++) {
		struct capture_set *set = open_set(&options);

		put_many(set, run, run + 1, 0);
		assert_int_equal(capture_set_close(set, 0, NULL), 0);
	}
	for (uint32_t run = 0; run < 3; run++) {
		assert_int_equal(read_file(name_of(folder, run), numbers, 16), run + 1);
		assert_int_equal(numbers[0], run);
	}
}

static void a_file_is_replaced_if_told_to(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file, .overwrite = true};
	uint32_t numbers[16];

	for (uint32_t run = 0; run < 2; run++) {
		struct capture_set *set = open_set(&options);

		put_many(set, run, 5 - run, 0);
		assert_int_equal(capture_set_close(set, 0, NULL), 0);
	}
	assert_int_equal(read_file(folder->file, numbers, 16), 4);
	assert_false(exists(folder, 1));
}

static void a_link_that_waits_is_not_followed(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file};
	char victim[NAME_SIZE + 8];

	snprintf(victim, sizeof(victim), "%s/victim", folder->path);
	assert_int_equal(symlink(victim, folder->file), 0);
	assert_int_equal(capture_set_close(open_set(&options), 0, NULL), 0);
	assert_false(is_there(folder, "victim"));
	assert_true(exists(folder, 1));
}

static void a_path_that_cannot_be_written_is_told(void **state)
{
	static const char *const paths[] = {"/nonexistent/f.pcapng", "/dev/full", "/tmp"};
	char error[CAPTURE_ERROR_MAX];
	struct capture_set *set;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct capture_options options = {.path = paths[i],
							.overwrite = true};

		assert_true(capture_set_open(&set, &options, error) < 0);
		assert_null(set);
		assert_non_null(strstr(error, paths[i]));
	}
}

static void count_failure(const char *text, void *ctx)
{
	assert_non_null(strstr(text, "f.pcapng"));
	++*(int *)ctx;
}

/* As a full disk does: a write stops in the middle of a block. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_told_once_and_leaves_whole_blocks(void **state)
{
	const struct folder *folder = *state;
	int told = 0;
	const struct capture_options options = {
		.path = folder->file, .failed = count_failure, .ctx = &told};
	struct capture_set *set = open_set(&options);
	struct capture_stats stats;
	uint32_t numbers[64];

	put_many(set, 0, 5, 1000);
	assert_int_equal(capture_set_flush(set), 0);
	limit_files(7001);
	for (uint32_t i = 5; i < 8; i++) {
		put_many(set, i, 1, 5000);
		assert_true(capture_set_flush(set) < 0);
		assert_int_equal(read_file(folder->file, numbers, 64), 5);
	}
	limit_files(RLIM_INFINITY);
	put_many(set, 8, 2, 5000);
	assert_int_equal(capture_set_flush(set), 0);
	capture_set_stats(set, &stats);
	assert_int_equal(stats.packets, 7);
	assert_int_equal(stats.failed, 3);
	assert_int_equal(told, 1);
	assert_int_equal(capture_set_close(set, 0, NULL), -EFBIG);
	assert_int_equal(read_file(folder->file, numbers, 64), 7);
	assert_int_equal(numbers[5], 8);
}

/* Headers that a full disk took along come again. */
static void a_disk_that_is_full_from_the_start_leaves_a_file_that_is_right(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file, .size_max = 2000};
	struct capture_set *set = open_set(&options);
	struct capture_stats stats;
	uint32_t numbers[64];

	put_many(set, 0, 1, 1500);
	limit_files(2);
	put_many(set, 1, 1, 1500); /* the next file's headers do not fit */
	assert_true(capture_set_flush(set) < 0);
	limit_files(RLIM_INFINITY);
	put_many(set, 2, 1, 1500);
	assert_int_equal(capture_set_flush(set), 0);
	capture_set_stats(set, &stats);
	assert_int_equal(stats.failed + stats.packets, 3);
	capture_set_close(set, 0, NULL);
	assert_int_equal(read_file(name_of(folder, stats.files - 1), numbers, 64), 1);
	assert_int_equal(numbers[0], 2);
}

static void more_interfaces_than_a_section_has_are_recorded(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file};
	struct capture_set *set = open_set(&options);
	uint32_t numbers[700];

	for (uint32_t i = 0; i < 700; i++) {
		struct capture_record record = a_record(i, 0);

		record.in_interface = 1000000 + i % 350;
		capture_set_put(set, &record, 0);
	}
	assert_int_equal(capture_set_close(set, 0, NULL), 0);
	assert_int_equal(read_file(folder->file, numbers, 700), 700);
	assert_int_equal(numbers[699], 699);
}

#define THREADS 3u
#define PER_THREAD 2000u

struct producer {
	pthread_t thread;
	struct capture *capture;
	uint32_t first;
	uint64_t lost;
};

static void *produce(void *argument)
{
	struct producer *producer = argument;

	for (uint32_t i = 0; i < PER_THREAD; i++) {
		struct capture_record record = a_record(producer->first + i, i % 1400);

		record.comment = "by a thread";
		producer->lost += !capture_put(producer->capture, &record);
	}
	return NULL;
}

static struct capture *open_capture(const struct capture_options *options)
{
	char error[CAPTURE_ERROR_MAX];
	struct capture *capture;

	if (capture_open(&capture, options, error) < 0)
		fail_msg("%s", error);
	return capture;
}

static void what_threads_put_is_in_the_file_or_counted_as_lost(void **state)
{
	static uint32_t numbers[THREADS * PER_THREAD];
	static bool seen[THREADS * PER_THREAD];
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file, .ring_bytes = 1};
	struct capture *capture = open_capture(&options);
	struct producer producers[THREADS];
	struct capture_stats stats;
	uint64_t lost = 0;
	int count;

	for (uint32_t i = 0; i < THREADS; i++) {
		producers[i] =
			(struct producer){.capture = capture, .first = i * PER_THREAD};
		pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(producers[i].thread, NULL);
		lost += producers[i].lost;
	}
	assert_int_equal(capture_close(capture, &stats), 0);
	assert_int_equal(stats.lost, lost);
	assert_int_equal(stats.packets + stats.lost, THREADS * PER_THREAD);
	count = read_file(folder->file, numbers, THREADS * PER_THREAD);
	assert_int_equal(count, stats.packets);
	for (int i = 0; i < count; i++) {
		assert_false(seen[numbers[i]]);
		seen[numbers[i]] = true;
	}
}

/* The writer stands still, on a pipe that nobody reads. */
static void a_full_ring_makes_nobody_wait_and_is_counted(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {
		.path = folder->file, .overwrite = true, .ring_bytes = 1};
	struct capture_stats stats;
	struct capture *capture;
	uint64_t lost = 0;
	char bytes[4096];
	ssize_t got;
	int pipe;

	assert_int_equal(mkfifo(folder->file, 0600), 0);
	pipe = open(folder->file, O_RDONLY | O_NONBLOCK);
	capture = open_capture(&options);
	for (uint32_t i = 0; i < 4000; i++) {
		struct capture_record record = a_record(i, 1400);

		lost += !capture_put(capture, &record);
	}
	capture_stats(capture, &stats);
	assert_int_equal(stats.lost, lost);
	assert_in_range(lost, 2000, 3999);
	fcntl(pipe, F_SETFL, 0);
	/* an end: the writer's EPIPE is no signal, and no hang */
	got = read(pipe, bytes, sizeof(bytes));
	assert_true(got > 0);
	close(pipe);
	assert_int_equal(capture_close(capture, &stats), -EPIPE);
	assert_int_equal(stats.lost, lost);
	assert_int_equal(stats.packets + stats.failed + stats.lost, 4000);
}

static void what_was_put_can_be_read_within_a_second(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file};
	struct capture *capture = open_capture(&options);
	uint32_t numbers[8];
	int seen = 0;

	for (uint32_t i = 0; i < 4; i++) {
		struct capture_record record = a_record(i, 0);

		assert_true(capture_put(capture, &record));
		for (int tries = 0; tries < 100 && seen <= (int)i; tries++) {
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
			seen = read_file(folder->file, numbers, 8);
		}
		assert_int_equal(seen, i + 1);
	}
	assert_int_equal(capture_close(capture, NULL), 0);
}

static void a_new_file_is_begun_when_asked_for(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file};
	struct capture *capture = open_capture(&options);
	struct capture_record record = a_record(1, 0);
	struct capture_stats stats = {0};
	uint32_t numbers[8];

	assert_true(capture_put(capture, &record));
	for (int tries = 0; tries < 200 && stats.packets == 0; tries++) {
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
		capture_stats(capture, &stats);
	}
	capture_rotate(capture);
	record = a_record(2, 0);
	assert_true(capture_put(capture, &record));
	assert_int_equal(capture_close(capture, &stats), 0);
	assert_int_equal(stats.files, 2);
	assert_int_equal(read_file(name_of(folder, 1), numbers, 8), 1);
	assert_int_equal(numbers[0], 2);
}

static void a_snap_cuts_the_packet_and_keeps_its_length(void **state)
{
	const struct folder *folder = *state;
	const struct capture_options options = {.path = folder->file, .snap = 24};
	struct capture *capture = open_capture(&options);
	struct capture_record record = a_record(1, 1000);
	char error[CAPTURE_READER_ERROR_MAX];
	struct capture_reader *reader;
	struct capture_packet packet;

	assert_true(capture_put(capture, &record));
	assert_int_equal(capture_close(capture, NULL), 0);
	assert_int_equal(capture_reader_open(&reader, folder->file, error), 0);
	assert_int_equal(capture_reader_next(reader, &packet, error), CAPTURE_PACKET);
	assert_int_equal(packet.captured, 24);
	assert_int_equal(packet.length, 1020);
	capture_reader_close(reader);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_follow_the_path),
		CASE(a_file_is_for_its_owner_alone_and_is_read_as_it_was_written),
		CASE(a_file_without_packets_can_be_read),
		CASE(a_file_is_no_larger_than_it_may_be_and_none_is_lost_between_two),
		CASE(a_packet_larger_than_a_file_may_be_has_one_of_its_own),
		CASE(a_new_file_begins_after_its_time_also_when_the_clock_was_set_back),
		CASE(as_many_files_are_kept_as_wanted_and_no_other_is_removed),
		CASE(files_of_an_earlier_run_stay_and_the_set_goes_on_behind_them),
		CASE(a_file_is_replaced_if_told_to),
		CASE(a_link_that_waits_is_not_followed),
		cmocka_unit_test(a_path_that_cannot_be_written_is_told),
		CASE(a_full_disk_is_told_once_and_leaves_whole_blocks),
		CASE(a_disk_that_is_full_from_the_start_leaves_a_file_that_is_right),
		CASE(more_interfaces_than_a_section_has_are_recorded),
		CASE(what_threads_put_is_in_the_file_or_counted_as_lost),
		CASE(a_full_ring_makes_nobody_wait_and_is_counted),
		CASE(what_was_put_can_be_read_within_a_second),
		CASE(a_new_file_is_begun_when_asked_for),
		CASE(a_snap_cuts_the_packet_and_keeps_its_length),
	};

	signal(SIGPIPE, SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
