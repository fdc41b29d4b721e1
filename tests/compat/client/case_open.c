/* SPDX-License-Identifier: MIT */
/* Handles: opened, on a socket of the caller's, without privilege. */
#include "cases.h"
#include "fixture.h"
#include "message.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	getsockopt(fd, SOL_SOCKET, option, &value, &length);
	return value;
}

static void tell_socket(struct nfq_handle *handle)
{
	const int fd = INT(nfq_fd(handle) >= 0, "is one") ? nfq_fd(handle) : -1;
	struct sockaddr_nl address = {0};
	socklen_t length = sizeof(address);

	tell_int("nfq_fd", option_of(fd, SO_DOMAIN), "domain");
	tell_int("nfq_fd", option_of(fd, SO_TYPE), "type");
	tell_int("nfq_fd", option_of(fd, SO_PROTOCOL), "protocol");
	tell_int("nfq_fd", option_of(fd, SO_RCVBUF), "receive buffer");
	tell_int("nfq_fd", fcntl(fd, F_GETFD) & FD_CLOEXEC, "close on exec");
	tell_int("nfq_fd", fcntl(fd, F_GETFL) & O_NONBLOCK, "nonblocking");
	getsockname(fd, (struct sockaddr *)&address, &length);
	tell_int("nfq_fd", address.nl_pid != 0, "it is bound");
	tell_int("nfq_fd", address.nl_groups, "groups");
	POINTER(nfq_nfnlh(handle), "of an open handle");
	tell_int("nfq_nfnlh", nfnl_fd(nfq_nfnlh(handle)) == fd, "has the same socket");
	tell_int("nfq_nfnlh", nfnl_portid(nfq_nfnlh(handle)) == address.nl_pid,
		 "knows its port id");
}

static void open_and_close(void)
{
	struct nfq_handle *handle, *second;
	int fd;

	net_enter(NULL);
	handle = POINTER(nfq_open(), "first");
	if (!handle)
		return;
	tell_socket(handle);
	second = POINTER(nfq_open(), "second");
	tell_int("nfq_fd", nfq_fd(handle) != nfq_fd(second), "differ");
	fd = nfq_fd(handle);
	INT(nfq_close(second), "second");
	INT(nfq_close(handle), "first");
	tell_int("nfq_close", fcntl(fd, F_GETFD), "the socket is closed");
}

static void real_nfnl_handle(void)
{
	struct nfq_handle *handle = nfq_open();
	struct nfnl_handle *nfnl = nfq_nfnlh(handle);
	unsigned int before = (unsigned int)option_of(nfq_fd(handle), SO_RCVBUF);

	tell_int("nfnl_rcvbufsiz", nfnl_rcvbufsiz(nfnl, before * 2), "twice");
	tell_int("nfq_fd", option_of(nfq_fd(handle), SO_RCVBUF) / (int)before, "grown");
	nfq_close(handle);
}

static void own_nfnl(void)
{
	struct nfnl_handle *nfnl = nfnl_open();
	const int fd = nfnl_fd(nfnl);
	struct nfq_handle *handle = POINTER(nfq_open_nfnl(nfnl), "first");

	POINTER(nfq_open_nfnl(nfnl), "busy");
	tell_int("nfq_errno", nfq_errno, "busy");
	if (!handle)
		return;
	tell_int("nfq_nfnlh", nfq_nfnlh(handle) == nfnl, "is the caller's");
	INT(nfq_fd(handle) == fd, "is the caller's");
	INT(nfq_close(handle), "it closes the caller's");
	tell_int("nfq_close", fcntl(fd, F_GETFD), "the socket is closed");
}

/* What programs do that get their socket from a privileged one. */
static void own_socket(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int other = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	struct nfnl_handle *nfnl = nfnl_open();

	net_enter(RULES);
	close(other);
	other = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	dup2(other, nfnl_fd(nfnl));
	close(other);
	fixture->handle = POINTER(nfq_open_nfnl(nfnl), "foreign socket");
	if (!fixture->handle)
		return;
	fixture->verdict = NF_ACCEPT;
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	net_send(AF_INET, 5000, "through a foreign socket");
	fixture_receive(fixture, "foreign socket");
	fixture_close(fixture);
	free(fixture);
}

static void wrong_socket(void)
{
	struct nfnl_handle *nfnl = nfnl_open();
	int other = socket(AF_INET, SOCK_DGRAM, 0);

	dup2(other, nfnl_fd(nfnl));
	close(other);
	POINTER(nfq_open_nfnl(nfnl), "a UDP socket");
	tell_int("nfq_errno", nfq_errno, "a UDP socket");
	tell_int("nfnl_close", nfnl_close(nfnl), "it is still the caller's");
}

static void closed_socket(void)
{
	struct nfnl_handle *nfnl = nfnl_open();

	const int fd = nfnl_fd(nfnl);

	close(fd);
	POINTER(nfq_open_nfnl(nfnl), "a closed socket");
	dup2(0, fd); /* nfnl_close() wants to close something */
	tell_int("nfnl_close", nfnl_close(nfnl), "it is still the caller's");
}

static void no_more_files(void)
{
	const struct rlimit limit = {20, 20};

	setrlimit(RLIMIT_NOFILE, &limit);
	while (dup(0) >= 0)
		;
	POINTER(nfq_open(), "no file descriptor");
	close_range(3, 19, 0); /* leak checkers want some */
}

static void protocol_families(void)
{
	static const uint16_t families[] = {AF_INET, AF_INET6, AF_BRIDGE, AF_UNSPEC,
					    0xffff};
	struct nfq_handle *handle;

	net_enter(NULL);
	handle = nfq_open();
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		INT(nfq_unbind_pf(handle, families[i]), "family %u", families[i]);
		INT(nfq_bind_pf(handle, families[i]), "family %u", families[i]);
		INT(nfq_bind_pf(handle, families[i]), "family %u again", families[i]);
	}
	wire_fail(ENOBUFS);
	INT(nfq_bind_pf(handle, AF_INET), "the send fails");
	wire_fail(EINTR);
	INT(nfq_unbind_pf(handle, AF_INET), "the send fails");
	nfq_close(handle);
}

static void sequence_numbers(void)
{
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;

	net_enter(NULL);
	handle = nfq_open();
	INT(nfq_bind_pf(handle, AF_INET), "sequence");
	tell_int("nfq_bind_pf", wire_sequence() != 0, "has a sequence number");
	queue = POINTER(nfq_create_queue(handle, 1, NULL, NULL), "sequence");
	tell_int("nfq_create_queue", wire_sequence() != 0, "has a sequence number");
	INT(nfq_set_mode(queue, NFQNL_COPY_META, 0), "sequence");
	tell_int("nfq_set_mode", wire_sequence() != 0, "has a sequence number");
	INT(nfq_set_verdict(queue, 1, NF_ACCEPT, 0, NULL), "sequence");
	tell_int("nfq_set_verdict", wire_sequence() != 0, "has a sequence number");
	INT(nfq_set_verdict_batch(queue, 1, NF_ACCEPT), "sequence");
	tell_int("nfq_set_verdict_batch", wire_sequence() != 0, "has a sequence number");
	nfq_destroy_queue(queue);
	nfq_close(handle);
}

static void unprivileged(void)
{
	struct nfq_handle *handle;

	net_enter(NULL);
	net_drop_privilege();
	handle = POINTER(nfq_open(), "unprivileged");
	if (!handle)
		return;
	INT(nfq_bind_pf(handle, AF_INET), "unprivileged");
	INT(nfq_unbind_pf(handle, AF_INET), "unprivileged");
	tell_int("nfq_errno", nfq_errno, "before");
	POINTER(nfq_create_queue(handle, 0, fixture_callback, NULL), "unprivileged");
	tell_int("nfq_errno", nfq_errno, "unprivileged");
	INT(nfq_close(handle), "unprivileged");
}

const struct compat_case open_cases[] = {
	{"open-and-close", open_and_close},
	{"open-real-nfnl-handle", real_nfnl_handle},
	{"open-own-nfnl", own_nfnl},
	{"open-own-socket", own_socket},
	{"open-wrong-socket", wrong_socket},
	{"open-closed-socket", closed_socket},
	{"open-no-more-files", no_more_files},
	{"open-protocol-families", protocol_families},
	{"open-sequence-numbers", sequence_numbers},
	{"open-unprivileged", unprivileged},
	{0},
};
