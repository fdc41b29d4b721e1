/* SPDX-License-Identifier: MIT */
/*
 * Requests of setters and their answers.
 *
 * The kernel has done what it was asked, and put its answer into the socket behind the
 * packets that wait there, before the request's send returns. So nothing here ever sleeps
 * in a receive: what is not there will not come. It was taken by a thread of the program
 * that reads the same socket, who gives it to nfq_handle_packet(); or there was no room.
 * An answer is known by its sequence number, so that no other error passes for it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "handle.h"
#include "proc/proc.h"
#include "wire/bytes.h"

#define FIRST_NAME 0x4e460001u /* so that a program's own numbers are hardly ours */
#define MESSAGE_MAX (1u << 18) /* four attributes of 64 KiB */
#define CONFIG_MAX 64
#define PAUSE_NS 1000000
#define PAUSES_MAX 100 /* for a thread to hand over what it has read */

/* What became of one attempt to read. */
enum reading { READ_NOTHING, READ_ONE, READ_STOPPED, READ_FAILED };

/* --- requests -------------------------------------------------------------------- */

#define OPEN 1 /* an answer is 0 or a negative errno */

static uint64_t state_of(uint32_t name, int answer)
{
	return (uint64_t)name << 32 | (uint32_t)answer;
}

static uint32_t name_of(const struct request *request)
{
	return (uint32_t)(atomic_load(&request->state) >> 32);
}

static int answer_of(const struct request *request)
{
	return (int)(uint32_t)atomic_load(&request->state);
}

static struct request *new_request(struct nfq_handle *handle, uint32_t name)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	atomic_init(&request->state, state_of(name, OPEN));
	request->next = atomic_load_explicit(&handle->requests, memory_order_relaxed);
	/* Pairs with the acquires in request_take() and request_answered(). */
	while (!atomic_compare_exchange_weak_explicit(&handle->requests, &request->next,
						      request, memory_order_release,
						      memory_order_relaxed))
		;
	return request;
}

/* A free node, or a new one, with a name of its own. */
static struct request *request_take(struct nfq_handle *handle)
{
	uint32_t name = FIRST_NAME + atomic_fetch_add(&handle->sequence, 1);
	struct request *request =
		atomic_load_explicit(&handle->requests, memory_order_acquire);
	uint64_t free_state;

	for (; request; request = request->next) {
		free_state = 0;
		if (atomic_compare_exchange_strong(&request->state, &free_state,
						   state_of(name, OPEN)))
			return request;
	}
	return new_request(handle, name);
}

static void request_release(struct request *request)
{
	atomic_store(&request->state, 0);
}

static bool answer_request(struct request *request, const struct wire_error *error)
{
	uint64_t open = state_of(error->sequence, OPEN);

	return atomic_compare_exchange_strong(&request->state, &open,
					      state_of(error->sequence, error->error));
}

/* An answer that nobody waits for any more is no news, but for an error that came after a
 * callback had ended the wait. */
bool request_answered(struct nfq_handle *handle, const struct wire_error *error)
{
	struct request *request =
		atomic_load_explicit(&handle->requests, memory_order_acquire);

	for (; request; request = request->next)
		if (answer_request(request, error))
			return true;
	if (error->error < 0 && error->sequence == atomic_load(&handle->unheard))
		return false;
	return error->sequence - FIRST_NAME < atomic_load(&handle->sequence);
}

/* --- reading --------------------------------------------------------------------- */

static ssize_t receive(struct nfq_handle *handle, void *buffer, size_t size, int flags)
{
	ssize_t length;

	do
		length = recv(nfnl_fd(handle->nfnlh), buffer, size, flags | MSG_DONTWAIT);
	while (length < 0 && (errno == EINTR || errno == ENOBUFS));
	return length;
}

/* Whether the next message is the answer that a setter waits for. */
static bool answer_is_next(struct nfq_handle *handle, const struct request *request)
{
	uint8_t head[sizeof(struct nlmsghdr) + sizeof(struct nlmsgerr)];

	return receive(handle, head, sizeof(head), MSG_PEEK) == sizeof(head) &&
	       load_host16(head + 4) == NLMSG_ERROR &&
	       load_host32(head + 28) == name_of(request);
}

/* Packets are read only where the program would do so as well: not if another thread
 * does, nor if it has no callback for them. */
static bool may_read_packets(struct nfq_handle *handle)
{
	uintptr_t reader = atomic_load(&handle->reader);
	struct nfq_q_handle *queue =
		atomic_load_explicit(&handle->queues, memory_order_acquire);

	if (reader && reader != (uintptr_t)pthread_self())
		return false;
	for (; queue; queue = queue->next)
		if (atomic_load(&queue->state) == QUEUE_LIVE && !queue->callback)
			return false;
	return true;
}

static enum reading take_message(struct nfq_handle *handle, struct nlmsghdr *header,
				 ssize_t length)
{
	struct wire_bytes rest = {.data = (uint8_t *)header, .length = (uint32_t)length};
	struct wire_message message;
	struct wire_error error;
	int rc;

	if (wire_message_next(&rest, &message) < 1)
		return READ_ONE;
	if (wire_error_decode(&message, &error) == 0 && !request_answered(handle, &error))
		verdict_refused(&error);
	if (!wire_is_packet(&message))
		return READ_ONE;
	rc = dispatch_packet(handle, header);
	if (rc < 0)
		return READ_FAILED;
	return rc ? READ_ONE : READ_STOPPED;
}

static enum reading read_one(struct nfq_handle *handle, const struct request *request,
			     void *buffer)
{
	ssize_t length;

	if (!may_read_packets(handle) && !answer_is_next(handle, request))
		return READ_NOTHING;
	length = receive(handle, buffer, MESSAGE_MAX, 0);
	return length < 0 ? READ_NOTHING : take_message(handle, buffer, length);
}

/* --- what the kernel's tables tell ----------------------------------------------- */

/* Flags are in no table, but the kernel looks at them before it asks who has the queue:
 * a socket that has not is refused the same flags with EOPNOTSUPP, or else with EPERM. */
static int probe_flags(const struct wire_config *config)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);
	uint8_t bytes[CONFIG_MAX], answer[256];
	struct wire_writer writer;
	ssize_t length = 0;

	if (!socket)
		return 0;
	wire_writer_init(&writer, bytes, sizeof(bytes));
	wire_put_config(&writer, config, 0, true);
	if (mnl_socket_sendto(socket, bytes, writer.length) > 0)
		length = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	mnl_socket_close(socket);
	if (length < (ssize_t)(NLMSG_HDRLEN + sizeof(int)))
		return 0;
	return (int)load_host32(answer + NLMSG_HDRLEN) == -EOPNOTSUPP ? -EOPNOTSUPP : 0;
}

static uint32_t port_id(struct nfq_handle *handle)
{
	struct sockaddr_nl address = {0};
	socklen_t length = sizeof(address);

	getsockname(nfnl_fd(handle->nfnlh), (struct sockaddr *)&address, &length);
	return address.nl_pid;
}

/* What must have been the answer. */
static int answer_from_table(struct nfq_handle *handle, const struct wire_config *config)
{
	bool is_mine, is_unbind = config->command == WIRE_CMD_UNBIND;
	struct proc_queue row = {0};
	int rc;

	if (config->command > WIRE_CMD_UNBIND) /* of a family: never refused */
		return 0;
	rc = proc_queue_find(config->queue, &row);
	if (rc < 0 && rc != -ENOENT)
		return 0;
	is_mine = rc == 0 && row.port_id == port_id(handle);
	if (is_unbind)
		return is_mine ? -EAGAIN : 0;
	if (!is_mine)
		return rc == 0 ? -EPERM : -ENODEV;
	return config->present & WIRE_CONFIG_HAS_FLAGS ? probe_flags(config) : 0;
}

/* --- a request -------------------------------------------------------------------- */

/* Returns 0 or -errno: the answer, or 0 if a callback has ended the wait; OPEN if one
 * has failed. */
static int wait_for_answer(struct nfq_handle *handle, struct request *request,
			   const struct wire_config *config, void *buffer)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	enum reading reading;
	int answer, pauses = 0;

	for (;;) {
		answer = answer_of(request);
		if (answer != OPEN)
			return answer;
		reading = read_one(handle, request, buffer);
		if (reading == READ_STOPPED) {
			atomic_store(&handle->unheard, name_of(request));
			return 0;
		}
		if (reading == READ_FAILED)
			return OPEN;
		if (reading == READ_ONE)
			continue;
		if (++pauses > PAUSES_MAX)
			return answer_from_table(handle, config);
		nanosleep(&pause, NULL);
	}
}

static int send_config(struct nfq_handle *handle, const struct wire_config *config,
		       uint32_t name)
{
	uint8_t bytes[CONFIG_MAX];
	struct wire_writer writer;

	wire_writer_init(&writer, bytes, sizeof(bytes));
	wire_put_config(&writer, config, name, true);
	return nfnl_send(handle->nfnlh, (struct nlmsghdr *)bytes);
}

static int run(struct nfq_handle *handle, const struct wire_config *config,
	       struct request *request)
{
	void *buffer;
	int answer;

	/* Not malloc(): programs call setters from signal handlers. */
	buffer = mmap(NULL, MESSAGE_MAX, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED)
		return -1;
	if (send_config(handle, config, name_of(request)) < 0) {
		answer = -errno;
		goto out;
	}
	answer = wait_for_answer(handle, request, config, buffer);
out:
	munmap(buffer, MESSAGE_MAX);
	if (answer == 0)
		return 0;
	if (answer < 0)
		errno = -answer;
	return -1;
}

int request_run(struct nfq_handle *handle, const struct wire_config *config)
{
	struct request *request = request_take(handle);
	int rc;

	if (!request)
		return -1;
	rc = run(handle, config, request);
	request_release(request);
	return rc;
}
