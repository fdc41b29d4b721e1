/* SPDX-License-Identifier: MIT */
/* libipq's handle: who gets it, its mode, what is said when something fails. */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "ipq_fixture.h"

/* --- the binary interface --------------------------------------------------------- */

#if __SIZEOF_POINTER__ == 8
/* As the compilers of 2001 laid it out, where a long has 8 bytes. */
_Static_assert(sizeof(struct ipq_handle) == 32, "");
_Static_assert(offsetof(struct ipq_handle, fd) == 0, "");
_Static_assert(offsetof(struct ipq_handle, blocking) == 4, "");
_Static_assert(offsetof(struct ipq_handle, local) == 8, "");
_Static_assert(offsetof(struct ipq_handle, peer) == 20, "");
_Static_assert(sizeof(ipq_packet_msg_t) == 96, "");
_Static_assert(offsetof(ipq_packet_msg_t, packet_id) == 0, "");
_Static_assert(offsetof(ipq_packet_msg_t, mark) == 8, "");
_Static_assert(offsetof(ipq_packet_msg_t, timestamp_sec) == 16, "");
_Static_assert(offsetof(ipq_packet_msg_t, timestamp_usec) == 24, "");
_Static_assert(offsetof(ipq_packet_msg_t, hook) == 32, "");
_Static_assert(offsetof(ipq_packet_msg_t, indev_name) == 36, "");
_Static_assert(offsetof(ipq_packet_msg_t, outdev_name) == 52, "");
_Static_assert(offsetof(ipq_packet_msg_t, hw_protocol) == 68, "");
_Static_assert(offsetof(ipq_packet_msg_t, hw_type) == 70, "");
_Static_assert(offsetof(ipq_packet_msg_t, hw_addrlen) == 72, "");
_Static_assert(offsetof(ipq_packet_msg_t, hw_addr) == 73, "");
_Static_assert(offsetof(ipq_packet_msg_t, data_len) == 88, "");
_Static_assert(offsetof(ipq_packet_msg_t, payload) == 96, "");
_Static_assert(sizeof(ipq_mode_msg_t) == 16, "");
_Static_assert(offsetof(ipq_mode_msg_t, range) == 8, "");
_Static_assert(sizeof(ipq_verdict_msg_t) == 24, "");
_Static_assert(offsetof(ipq_verdict_msg_t, id) == 8, "");
_Static_assert(offsetof(ipq_verdict_msg_t, data_len) == 16, "");
_Static_assert(offsetof(ipq_verdict_msg_t, payload) == 24, "");
_Static_assert(sizeof(ipq_peer_msg_t) == 24, "");
_Static_assert(sizeof(ipq_id_t) == 8, "");
#endif
_Static_assert(IPQ_COPY_NONE == 0 && IPQ_COPY_META == 1 && IPQ_COPY_PACKET == 2, "");
_Static_assert(IPQM_BASE == 0x10 && IPQM_MODE == 0x11 && IPQM_VERDICT == 0x12, "");
_Static_assert(IPQM_PACKET == 0x13 && IPQM_MAX == 0x14, "");

/* --- opening ---------------------------------------------------------------------- */

static void a_handle_has_queue_0(void **state)
{
	struct netns_queue_row row;

	netns_need_queue();
	for (uint32_t protocol = PF_INET; protocol <= PF_INET6; protocol += 8) {
		ipq = ipq_create_handle(0, protocol);
		assert_non_null(ipq);
		assert_true(netns_queue_row(0, &row));
		assert_int_equal(row.copy_mode, IPQ_COPY_NONE);
		assert_int_equal(ipq->local.nl_family, AF_NETLINK);
		assert_int_equal(ipq->local.nl_pid, row.port_id);
		assert_int_equal(ipq->peer.nl_family, AF_NETLINK);
		assert_int_equal(ipq->peer.nl_pid, 0);
		assert_int_equal(ipq_destroy_handle(ipq), 0);
		ipq = NULL;
		assert_false(netns_queue_row(0, &row));
	}
}

static void no_handle_is_destroyed_too(void **state)
{
	assert_int_equal(ipq_destroy_handle(NULL), 0);
}

static void other_protocols_are_none(void **state)
{
	static const uint32_t protocols[] = {0, 1, 3, 5, 7, 9, 11, 2 + 256, UINT32_MAX};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		errno = ENOTTY;
		assert_null(ipq_create_handle(0, protocols[i]));
		assert_error("Invalid protocol specified");
		assert_int_equal(errno, 0);
	}
}

static void a_queue_has_one_reader(void **state)
{
	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	for (uint32_t protocol = PF_INET; protocol <= PF_INET6; protocol += 8) {
		assert_null(ipq_create_handle(0, protocol));
		assert_int_equal(errno, EPERM);
		assert_error("Unable to bind netlink socket");
	}
}

/* Exit status of a child without privileges: 0, it was told so. */
static int open_without_privilege(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return 1;
	if (ipq_create_handle(0, PF_INET))
		return 2;
	return errno != EPERM || strcmp(ipq_errstr(), "Unable to bind netlink socket");
}

static void a_handle_needs_the_privilege(void **state)
{
	pid_t child;
	int status;

	netns_need_queue();
	child = fork();
	if (child == 0)
		_exit(open_without_privilege());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void the_queue_is_not_for_executed_programs(void **state)
{
	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	assert_int_equal(fcntl(ipq->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

/* --- modes ------------------------------------------------------------------------ */

static void assert_mode(uint32_t mode, uint32_t range)
{
	struct netns_queue_row row;

	assert_true(netns_queue_row(0, &row));
	assert_int_equal(row.copy_mode, mode);
	assert_int_equal(row.copy_range, range);
}

static void modes_are_the_kernels(void **state)
{
	const uint32_t all = 0xffff - 4; /* what a netlink attribute holds */

	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	assert_mode(IPQ_COPY_META, 0);
	assert_true(ipq_set_mode(ipq, IPQ_COPY_PACKET, 1500) > 0);
	assert_mode(IPQ_COPY_PACKET, 1500);
	assert_true(ipq_set_mode(ipq, IPQ_COPY_PACKET, 0) > 0);
	assert_mode(IPQ_COPY_PACKET, all);
	assert_true(ipq_set_mode(ipq, IPQ_COPY_PACKET, 1) > 0);
	assert_true(ipq_set_mode(ipq, IPQ_COPY_PACKET, ((size_t)1 << 32) + 1) > 0);
	assert_mode(IPQ_COPY_PACKET, all);
	assert_true(ipq_set_mode(ipq, IPQ_COPY_NONE, 0) > 0);
	assert_mode(IPQ_COPY_NONE, 0);
	assert_int_equal(ipq_read(ipq, buffer, sizeof(buffer), -1), 0);
}

static void a_mode_that_is_none_is_refused(void **state)
{
	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	for (int mode = 3; mode <= UINT8_MAX; mode++) {
		assert_int_equal(ipq_set_mode(ipq, (uint8_t)mode, 0), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_error("Failed to send netlink message");
	assert_mode(IPQ_COPY_META, 0);
}

/* --- words ------------------------------------------------------------------------ */

extern struct {
	int errcode;
	char *message;
} ipq_errmap[];

static void the_texts_are_those_of_old(void **state)
{
	static const char *const texts[17] = {
		"Unknown error",
		"Implementation error",
		"Unable to create netlink handle",
		"Unable to create netlink socket",
		"Unable to bind netlink socket",
		"Unable to allocate buffer",
		"Failed to receive netlink message",
		"Received EOF on netlink socket",
		"Invalid peer address length",
		"Sent message truncated",
		"Received message truncated",
		"Received error from netlink",
		"Failed to send netlink message",
		"Operation not supported",
		"Receive buffer size invalid",
		"Timeout",
		"Invalid protocol specified",
	};

	for (int i = 0; i < 17; i++) {
		assert_int_equal(ipq_errmap[i].errcode, i);
		assert_string_equal(ipq_errmap[i].message, texts[i]);
	}
}

/* What ipq_perror() writes, into `text`. */
static void catch_perror(const char *s, int error, char *text, size_t size)
{
	int saved = dup(STDERR_FILENO), ends[2];
	ssize_t length;

	assert_int_equal(pipe(ends), 0);
	fflush(stderr);
	dup2(ends[1], STDERR_FILENO);
	errno = error;
	ipq_perror(s);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	length = read(ends[0], text, size - 1);
	text[length < 0 ? 0 : length] = '\0';
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

/* In a process of its own: nothing has failed there. */
static int perror_before_any_error(void)
{
	char text[256];

	catch_perror("passer", 0, text, sizeof(text));
	if (strcmp(text, "passer\n") || strcmp(ipq_errstr(), "Unknown error"))
		return 1;
	catch_perror("passer", EPERM, text, sizeof(text));
	return strcmp(text, "passer: Operation not permitted\n") != 0;
}

static pid_t innocent;

static void perror_tells_what_there_is_to_tell(void **state)
{
	char text[256];
	int status;

	assert_int_equal(waitpid(innocent, &status, 0), innocent);
	assert_int_equal(status, 0);
	assert_null(ipq_create_handle(0, 77));
	catch_perror("passer", 0, text, sizeof(text));
	assert_string_equal(text, "passer: Invalid protocol specified\n");
	catch_perror(NULL, ENOENT, text, sizeof(text));
	assert_string_equal(
		text, "ERROR: Invalid protocol specified: No such file or directory\n");
}

static void an_error_stays_until_the_next(void **state)
{
	assert_null(ipq_create_handle(0, 77));
	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	assert_error("Invalid protocol specified");
	assert_int_equal(ipq_read(ipq, buffer, sizeof(buffer), -1), 0);
	assert_error("Timeout");
}

static void a_closed_socket_is_an_error(void **state)
{
	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	close(ipq->fd);
	assert_int_equal(ipq_set_mode(ipq, IPQ_COPY_META, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_error("Failed to send netlink message");
	assert_int_equal(ipq_read(ipq, buffer, sizeof(buffer), 0), -1);
	assert_int_equal(errno, EBADF);
	assert_error("Failed to receive netlink message");
	assert_int_equal(ipq_read(ipq, buffer, sizeof(buffer), -1), -1);
	assert_int_equal(ipq_set_verdict(ipq, 1, NF_ACCEPT, 0, NULL), -1);
	assert_error("Failed to send netlink message");
	ipq->fd = -1;
}

static void no_descriptor_is_an_error(void **state)
{
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ipq = ipq_create_handle(0, PF_INET);
	assert_int_equal(errno, EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_null(ipq);
	assert_error("Unable to create netlink socket");
}

static void there_is_nothing_to_control(void **state)
{
	assert_int_equal(ipq_ctl(NULL, 0), 1);
	assert_int_equal(ipq_ctl(NULL, 7, "x"), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, ipq_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handle_has_queue_0),
		TEST(no_handle_is_destroyed_too),
		TEST(other_protocols_are_none),
		TEST(a_queue_has_one_reader),
		TEST(a_handle_needs_the_privilege),
		TEST(the_queue_is_not_for_executed_programs),
		TEST(modes_are_the_kernels),
		TEST(a_mode_that_is_none_is_refused),
		TEST(the_texts_are_those_of_old),
		TEST(perror_tells_what_there_is_to_tell),
		TEST(an_error_stays_until_the_next),
		TEST(a_closed_socket_is_an_error),
		TEST(no_descriptor_is_an_error),
		TEST(there_is_nothing_to_control),
	};

	innocent = fork();
	if (innocent == 0)
		_exit(perror_before_any_error());
	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
