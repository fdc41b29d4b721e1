/* SPDX-License-Identifier: MIT */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COMMAND_MAX 4096
#define LINK_TIMEOUT_MS 5000
#define FEATURES_MAX 256

/* --- namespaces ------------------------------------------------------------------- */

static void skip_program(const char *what)
{
	printf("1..0 # SKIP %s: %s\n", what, strerror(errno));
	fprintf(stderr, "SKIP: %s: %s\n", what, strerror(errno));
	exit(0);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? (int)n : 0;
}

static void map_ids(uid_t uid, gid_t gid)
{
	char map[64];

	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (write_file("/proc/self/uid_map", map) < 0)
		skip_program("cannot map the uid");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (write_file("/proc/self/gid_map", map) < 0)
		skip_program("cannot map the gid");
}

static void quiet_ipv6(void)
{
	write_file("/proc/sys/net/ipv6/conf/all/router_solicitations", "0");
	write_file("/proc/sys/net/ipv6/conf/default/router_solicitations", "0");
	write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
}

static int link_flags(const char *name, int set)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int flags = -1;

	if (fd < 0)
		return -1;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags = (short)(request.ifr_flags | set);
		if (!set || ioctl(fd, SIOCSIFFLAGS, &request) == 0)
			flags = request.ifr_flags;
	}
	close(fd);
	return flags;
}

static int kernel_log = -1;

void netns_enter(unsigned int flags)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	bool user = uid != 0 || (flags & NETNS_USER);

	if (unshare(CLONE_NEWNET | CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)) < 0)
		skip_program("no new namespaces");
	if (user)
		map_ids(uid, gid);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip_program("no private mounts");
	/* The old /sys shows the old namespace's interfaces; nobody here depends on it.
	 * */
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
		fprintf(stderr, "/sys stays that of the old namespace: %s\n",
			strerror(errno));
	if (link_flags("lo", IFF_UP) < 0)
		skip_program("lo does not come up");
	quiet_ipv6();
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kernel_log >= 0)
		lseek(kernel_log, 0, SEEK_END);
}

static int run_shell(const char *command)
{
	int status = system(command);

	if (status < 0)
		fail_msg("cannot run a shell: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* The shell's output must not get between our TAP lines. */
static int run_format(char *command, const char *format, va_list args)
{
	int n = vsnprintf(command, COMMAND_MAX, format, args);
	char line[COMMAND_MAX + 16];

	if (n < 0 || n >= COMMAND_MAX)
		fail_msg("command too long: %s", format);
	snprintf(line, sizeof(line), "exec 1>&2\n%s", command);
	return run_shell(line);
}

void netns_sh(const char *format, ...)
{
	char command[COMMAND_MAX];
	va_list args;
	int status;

	va_start(args, format);
	status = run_format(command, format, args);
	va_end(args);
	if (status != 0)
		fail_msg("status %d from: %s", status, command);
}

int netns_try(const char *format, ...)
{
	char command[COMMAND_MAX];
	va_list args;
	int status;

	va_start(args, format);
	status = run_format(command, format, args);
	va_end(args);
	return status;
}

void netns_forward(void)
{
	if (write_file("/proc/sys/net/ipv4/ip_forward", "1") < 0 ||
	    write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1") < 0)
		fail_msg("cannot turn on forwarding");
}

/* --- a second namespace ----------------------------------------------------------- */

static int open_own_namespace(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("no /proc/thread-self/ns/net: %s", strerror(errno));
	return fd;
}

static void wait_for_link(const char *name)
{
	uint64_t end = netns_now() + LINK_TIMEOUT_MS;

	while (!(link_flags(name, 0) & IFF_RUNNING)) {
		if (netns_now() > end)
			fail_msg("%s does not come up", name);
		netns_sleep(1);
	}
}

void netns_peer_enter(const struct netns_pair *pair)
{
	if (setns(pair->peer, CLONE_NEWNET) < 0)
		fail_msg("cannot enter the peer's namespace: %s", strerror(errno));
}

void netns_peer_leave(const struct netns_pair *pair)
{
	if (setns(pair->home, CLONE_NEWNET) < 0)
		fail_msg("cannot go back to our namespace: %s", strerror(errno));
}

static void set_up_end(const char *name, unsigned int net, int host)
{
	netns_sh("ip address add 10.%u.0.%d/24 dev %s && "
		 "ip address add fd%u::%d/64 dev %s nodad && ip link set %s up",
		 net, host, name, net, host, name, name);
}

void netns_pair(struct netns_pair *pair)
{
	netns_pair_at(pair, 99);
}

void netns_pair_at(struct netns_pair *pair, unsigned int net)
{
	if (net < 10 || net > 99)
		fail_msg("net %u is not in 10..99", net);
	*pair = (struct netns_pair){.home = open_own_namespace(), .net = net};
	snprintf(pair->here_name, sizeof(pair->here_name), "here%u", net);
	snprintf(pair->peer_name, sizeof(pair->peer_name), "peer%u", net);
	if (unshare(CLONE_NEWNET) < 0)
		fail_msg("no second namespace: %s", strerror(errno));
	pair->peer = open_own_namespace();
	quiet_ipv6();
	link_flags("lo", IFF_UP);
	netns_peer_leave(pair);

	netns_sh("ip link add %s type veth peer name %s netns /proc/%d/fd/%d",
		 pair->here_name, pair->peer_name, getpid(), pair->peer);
	set_up_end(pair->here_name, net, 1);
	netns_peer_enter(pair);
	set_up_end(pair->peer_name, net, 2);
	netns_sh("ip route add default via 10.%u.0.1 && "
		 "ip -6 route add default via fd%u::1",
		 net, net);
	wait_for_link(pair->peer_name);
	netns_peer_leave(pair);
	wait_for_link(pair->here_name);
}

void netns_pair_close(struct netns_pair *pair)
{
	if (!pair->here_name[0])
		return;
	netns_peer_leave(pair); /* a test that failed may have stayed there */
	netns_try("ip link delete %s", pair->here_name);
	close(pair->home);
	close(pair->peer);
	memset(pair, 0, sizeof(*pair));
}

int netns_peer_socket(const struct netns_pair *pair, int domain, int type, int protocol)
{
	int fd, error;

	if (pair)
		netns_peer_enter(pair);
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	error = errno;
	if (pair)
		netns_peer_leave(pair);
	if (fd < 0)
		fail_msg("no socket: %s", strerror(error));
	return fd;
}

void netns_peer_sh(const struct netns_pair *pair, const char *format, ...)
{
	char command[COMMAND_MAX];
	va_list args;
	int status;

	netns_peer_enter(pair);
	va_start(args, format);
	status = run_format(command, format, args);
	va_end(args);
	netns_peer_leave(pair);
	if (status != 0)
		fail_msg("status %d in the peer from: %s", status, command);
}

/* --- features of a device ---------------------------------------------------------- */

static bool ethtool(const char *device, void *command)
{
	struct ifreq request = {.ifr_data = command};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	err = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &request);
	close(fd);
	return err >= 0;
}

/* The feature's number in this kernel, or -1. */
static int feature_number(const char *device, const char *feature)
{
	union {
		struct ethtool_sset_info head;
		uint32_t words[sizeof(struct ethtool_sset_info) / 4 + 1];
	} set = {.head = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_FEATURES}};
	struct ethtool_gstrings *strings =
		calloc(1, sizeof(*strings) + FEATURES_MAX * ETH_GSTRING_LEN);
	int number = -1;

	if (!strings)
		fail_msg("no memory");
	strings->cmd = ETHTOOL_GSTRINGS;
	strings->string_set = ETH_SS_FEATURES;
	if (ethtool(device, &set) && set.head.data[0] <= FEATURES_MAX &&
	    ethtool(device, strings))
		for (uint32_t i = 0; i < strings->len; i++)
			if (strncmp((char *)strings->data + i * ETH_GSTRING_LEN, feature,
				    ETH_GSTRING_LEN) == 0)
				number = (int)i;
	free(strings);
	return number;
}

bool netns_feature(const char *device, const char *feature, bool on)
{
	union {
		struct ethtool_gfeatures head;
		uint8_t bytes[sizeof(struct ethtool_gfeatures) +
			      FEATURES_MAX / 32 *
				      sizeof(struct ethtool_get_features_block)];
	} get = {.head = {.cmd = ETHTOOL_GFEATURES, .size = FEATURES_MAX / 32}};
	union {
		struct ethtool_sfeatures head;
		uint8_t bytes[sizeof(struct ethtool_sfeatures) +
			      FEATURES_MAX / 32 *
				      sizeof(struct ethtool_set_features_block)];
	} set = {.head = {.cmd = ETHTOOL_SFEATURES}};
	int number = feature_number(device, feature);
	uint32_t bit = 1u << (number & 31);

	if (number < 0 || !ethtool(device, &get))
		return false;
	set.head.size = get.head.size; /* as many blocks as this kernel has */
	set.head.features[number / 32].valid = bit;
	set.head.features[number / 32].requested = on ? bit : 0;
	return ethtool(device, &set) && ethtool(device, &get) &&
	       ((get.head.features[number / 32].active & bit) != 0) == on;
}

/* --- file descriptors ------------------------------------------------------------- */

/* A message of one byte, with room for a descriptor. */
struct pass {
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec data;
	struct msghdr message;
};

static void pass_init(struct pass *pass)
{
	memset(pass, 0, sizeof(*pass));
	pass->byte = 'f';
	pass->data = (struct iovec){&pass->byte, 1};
	pass->message = (struct msghdr){.msg_iov = &pass->data,
					.msg_iovlen = 1,
					.msg_control = pass->control,
					.msg_controllen = sizeof(pass->control)};
}

int netns_send_fd(int channel, int fd)
{
	struct cmsghdr *header;
	struct pass pass;

	pass_init(&pass);
	header = CMSG_FIRSTHDR(&pass.message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(channel, &pass.message, 0) == 1 ? 0 : -errno;
}

int netns_receive_fd(int channel)
{
	struct cmsghdr *header;
	struct pass pass;
	int fd;

	pass_init(&pass);
	assert_int_equal(recvmsg(channel, &pass.message, MSG_CMSG_CLOEXEC), 1);
	header = CMSG_FIRSTHDR(&pass.message);
	assert_non_null(header);
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* --- the kernel's view ------------------------------------------------------------ */

bool netns_queue_row(uint16_t number, struct netns_queue_row *row)
{
	FILE *file = fopen("/proc/thread-self/net/netfilter/nfnetlink_queue", "re");
	struct netns_queue_row r;
	char line[256];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%u %u %u %u %u %u %u %u", &r.number, &r.port_id,
			       &r.waiting, &r.copy_mode, &r.copy_range, &r.dropped_full,
			       &r.dropped_socket, &r.last_id) == 8 &&
			r.number == number;
	fclose(file);
	if (found)
		*row = r;
	return found;
}

bool netns_queue_waits(uint16_t number, uint32_t waiting, int timeout_ms)
{
	uint64_t end = netns_now() + (uint64_t)timeout_ms;
	struct netns_queue_row row;

	while (!netns_queue_row(number, &row) || row.waiting != waiting) {
		if (netns_now() > end)
			return false;
		netns_sleep(1);
	}
	return true;
}

bool netns_is_warning(const char *record)
{
	static const char *const complaints[] = {
		"WARNING:",
		"BUG:",
		"kernel BUG",
		"Oops",
		"UBSAN:",
		"refcount_t:",
		"general protection fault",
		"unregister_netdevice: waiting",
	};
	const char *text = strchr(record, ';');

	/* The number before the first comma is facility << 3 | level, the kernel's 0:
	 * anybody may write under another one. */
	if (!text || strtoul(record, NULL, 10) >> 3 != 0)
		return false;
	for (size_t i = 0; i < sizeof(complaints) / sizeof(*complaints); i++)
		if (strstr(text, complaints[i]))
			return true;
	return false;
}

/* A read brings one record; EPIPE when what came next is overwritten already. */
int netns_log_records(bool (*wanted)(const char *record))
{
	char record[8192];
	int count = 0;
	ssize_t n;

	if (kernel_log < 0)
		return -1;
	while ((n = read(kernel_log, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		record[n > 0 ? n : 0] = '\0';
		if (!wanted(record))
			continue;
		fprintf(stderr, "the kernel's log: %s", record);
		count++;
	}
	return count;
}

bool netns_kernel_warned(void)
{
	return netns_log_records(netns_is_warning) > 0;
}

uint64_t netns_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void netns_sleep(int milliseconds)
{
	struct timespec time = {.tv_sec = milliseconds / 1000,
				.tv_nsec = milliseconds % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

/* --- probes ----------------------------------------------------------------------- */

void netns_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("SKIP: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	skip();
	abort(); /* skip() never returns, but does not say so to the compiler */
}

void netns_need_command(const char *name)
{
	if (netns_try("command -v %s >/dev/null", name) != 0)
		netns_skip("no program %s", name);
}

void netns_need_queue(void)
{
	if (access("/proc/thread-self/net/netfilter/nfnetlink_queue", F_OK) < 0)
		netns_skip("no nfnetlink_queue (CONFIG_NETFILTER_NETLINK_QUEUE)");
}

void netns_need(const char *feature, const char *command)
{
	if (netns_try("%s", command) != 0)
		netns_skip("no %s: %s", feature, command);
}

static bool in_user_namespace(void)
{
	FILE *file = fopen("/proc/self/uid_map", "re");
	unsigned int inside, outside, count;
	bool whole;

	if (!file)
		return true;
	whole = fscanf(file, "%u %u %u", &inside, &outside, &count) == 3 && count > 65536;
	fclose(file);
	return !whole;
}

void netns_need_real_root(void)
{
	if (geteuid() != 0 || in_user_namespace())
		netns_skip("not root, or in a user namespace");
}
