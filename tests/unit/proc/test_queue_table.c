/* SPDX-License-Identifier: MIT */
/* The kernel's table of queues: rows as seq_show() prints them, and nothing else. */
#include "proc/proc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include <cmocka.h>

static const struct {
	const char *line;
	struct proc_queue row;
} good[] = {
	{"    0   1234     0 2 65531     0     0        1  1\n",
	 {0, 1234, 0, 2, 65531, 0, 0, 1}},
	{"65535 4294967295 65536 1     0 4294967295 7 4294967295  1\n",
	 {65535, 4294967295, 65536, 1, 0, 4294967295, 7, 4294967295}},
	{"1 2 3 0 4 5 6 7", {1, 2, 3, 0, 4, 5, 6, 7}},
	{"1 2 3 0 4 5 6 7 1 8 9 a column of a kernel to come\n",
	 {1, 2, 3, 0, 4, 5, 6, 7}},
};

static const char *const bad[] = {
	"",
	"\n",
	"    0   1234     0 2 65531     0     0\n",
	"65536 1 0 2 65531 0 0 1  1\n",
	"x 1 0 2 65531 0 0 1  1\n",
	"0 1 0 2 65531 0 0 x  1\n",
	"0,1,0,2,65531,0,0,1,1\n",
	"-1 1 0 2 65531 0 0 1 1\n",
};

static void rows_of_the_kernel_are_read(void **state)
{
	struct proc_queue row;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		memset(&row, 0, sizeof(row));
		assert_int_equal(proc_queue_parse(good[i].line, &row), 0);
		assert_memory_equal(&row, &good[i].row, sizeof(row));
	}
}

static void rows_of_another_form_are_refused(void **state)
{
	struct proc_queue row;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (proc_queue_parse(bad[i], &row) != -EBADMSG)
			fail_msg("not refused: %s", bad[i]);
}

static void the_real_table_is_read_or_missing(void **state)
{
	static const char path[] = "/proc/thread-self/net/netfilter/nfnetlink_queue";
	struct proc_queue rows[4];
	int count = proc_queue_read(rows, 4);

	if (access(path, F_OK) < 0) {
		assert_int_equal(count, -errno);
		return;
	}
	assert_true(count >= 0);
	assert_int_equal(proc_queue_read(NULL, 0), count);
	for (int i = 0; i < count && i < 4; i++) {
		struct proc_queue row;

		assert_int_equal(proc_queue_find((uint16_t)rows[i].queue, &row), 0);
		assert_int_equal(row.port_id, rows[i].port_id);
	}
}

static void the_owner_of_a_port_is_found_by_its_socket(void **state)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	socklen_t length = sizeof(address);
	char name[16], ours[16] = "";

	if (fd < 0)
		skip();
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(proc_port_owner(address.nl_pid, name), getpid());
	strncpy(ours, program_invocation_short_name, sizeof(ours) - 1);
	assert_string_equal(name, ours);
	close(fd);
	assert_int_equal(proc_port_owner(address.nl_pid, name), 0);
	assert_string_equal(name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_the_kernel_are_read),
		cmocka_unit_test(rows_of_another_form_are_refused),
		cmocka_unit_test(the_real_table_is_read_or_missing),
		cmocka_unit_test(the_owner_of_a_port_is_found_by_its_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
