/* SPDX-License-Identifier: MIT */
/* Deciders: the order of a flow is kept, full rings do as told, a stop leaves nothing. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "holder.h"

#define FLOWS 16
#define THREADS_MAX 8
#define UNDER_WAY 3000

static struct nfqueue_engine *engine;

static int end(void **state)
{
	nfqueue_engine_free(engine);
	engine = NULL;
	return end_on_loopback(state);
}

static void stop_engine(void)
{
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
}

static void think(uint32_t us)
{
	struct timespec until, now;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += us * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec < until.tv_sec ||
	       (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec));
}

/* --- flows ------------------------------------------------------------------------ */

/* Each flow has a port of its own to send from; datagrams are numbered in it. */
struct flows {
	int clients[FLOWS];
	uint16_t ports[FLOWS];
	atomic_uint next[FLOWS]; /* what the callback must see next */
	atomic_uint out_of_order;
	atomic_uint thread_of[FLOWS]; /* 1 + its number, 0: not seen yet */
	atomic_uint by_thread[THREADS_MAX];
	atomic_uint decided;
	atomic_uint moved; /* seen by another thread than before */
	atomic_uint seed;
	uint32_t think_us;
};

static void open_flows(struct flows *flows)
{
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	for (int i = 0; i < FLOWS; i++) {
		struct sockaddr_in address;
		socklen_t length = sizeof(address);

		flows->clients[i] = netns_udp_client(NULL, "127.0.0.1", PORT);
		assert_int_equal(getsockname(flows->clients[i],
					     (struct sockaddr *)&address, &length),
				 0);
		flows->ports[i] = ntohs(address.sin_port);
	}
}

static int flow_of_port(const struct flows *flows, uint16_t port)
{
	for (int i = 0; i < FLOWS; i++)
		if (flows->ports[i] == port)
			return i;
	fail_msg("no flow from port %u", port);
	return -1;
}

static int flow_of(const struct flows *flows, const struct nfqueue_packet *packet)
{
	size_t length;
	const uint8_t *data = nfqueue_packet_data(packet, &length);

	assert_true(length >= 22);
	return flow_of_port(flows, (uint16_t)(data[20] << 8 | data[21]));
}

static struct nfqueue_verdict decide_in_flow(struct nfqueue_packet *packet, void *ctx)
{
	struct flows *flows = ctx;
	int flow = flow_of(flows, packet);
	uint32_t thread = nfqueue_engine_thread(), number = datagram_number(packet);
	uint32_t before = atomic_exchange(&flows->thread_of[flow], thread + 1);

	if (before != 0 && before != thread + 1)
		atomic_fetch_add(&flows->moved, 1);
	if (atomic_fetch_add(&flows->next[flow], 1) != number)
		atomic_fetch_add(&flows->out_of_order, 1);
	atomic_fetch_add(&flows->by_thread[thread], 1);
	atomic_fetch_add(&flows->decided, 1);
	if (flows->think_us)
		think(atomic_fetch_add(&flows->seed, 7919) % flows->think_us);
	return NFQUEUE_ACCEPT;
}

/* No more are under way than the queue takes. */
static void send_in_flows(struct flows *flows, uint32_t per_flow)
{
	uint32_t sent = 0;

	while (sent < per_flow * FLOWS) {
		if (sent - atomic_load(&flows->decided) > UNDER_WAY) {
			netns_sleep(1);
			continue;
		}
		for (int flow = 0; flow < FLOWS; flow++)
			netns_udp_send(flows->clients[flow], sent / FLOWS, 10);
		sent += 10 * FLOWS;
	}
}

/* Each flow's datagrams must come in the order of their numbers. */
static void receive_in_order(const struct flows *flows, uint32_t per_flow)
{
	struct pollfd ready = {.fd = udp_server, .events = POLLIN};
	uint32_t next[FLOWS] = {0}, came = 0, number;
	struct sockaddr_in from;
	uint8_t bytes[64];

	while (poll(&ready, 1, came < per_flow * FLOWS ? WAIT_MS : QUIET_MS) > 0) {
		socklen_t length = sizeof(from);
		int flow;

		assert_true(recvfrom(udp_server, bytes, sizeof(bytes), 0,
				     (struct sockaddr *)&from, &length) > 0);
		memcpy(&number, bytes, sizeof(number));
		flow = flow_of_port(flows, ntohs(from.sin_port));
		assert_int_equal(ntohl(number), next[flow]++);
		came++;
	}
	assert_int_equal(came, per_flow * FLOWS);
}

static void order_is_kept_by(uint32_t deciders, uint32_t per_flow, uint32_t think_us)
{
	struct nfqueue_options queue = {.size = sizeof(queue), .max_length = 16384};
	struct nfqueue_worker_options worker = {.size = sizeof(worker),
						.deciders = deciders};
	static struct flows flows; /* deciders may see it when the test has failed */
	uint32_t threads = 0;
	struct nfqueue_stats stats;

	memset(&flows, 0, sizeof(flows));
	flows.think_us = think_us;
	open_flows(&flows);
	launch_engine(&engine, (struct nfqueue_engine_options){.decide = decide_in_flow,
							       .ctx = &flows,
							       .queue_options = &queue,
							       .worker = &worker});
	assert_int_equal(nfqueue_engine_threads(engine), deciders);
	queue_output(0);
	send_in_flows(&flows, per_flow);
	receive_in_order(&flows, per_flow);
	stop_engine();
	stats = stats_of_engine(engine);
	assert_sums_up(&stats);
	assert_int_equal(stats.accepted, FLOWS * per_flow);
	assert_int_equal(stats.lost_full + stats.lost_socket + stats.ring_overflow, 0);
	assert_int_equal(flows.out_of_order + flows.moved, 0);
	for (uint32_t i = 0; i < THREADS_MAX; i++)
		threads += flows.by_thread[i] > 0;
	/* 16 flows by chance: that all fall to one of two is one time in 32,768 */
	assert_true(threads >= (deciders > 1 ? 2 : 1) && threads <= deciders);
	for (int i = 0; i < FLOWS; i++)
		close(flows.clients[i]);
}

static void one_decider_keeps_the_order_of_each_flow(void **state)
{
	order_is_kept_by(1, 300, 20);
}

static void two_deciders_keep_the_order_of_each_flow(void **state)
{
	order_is_kept_by(2, 500, 50);
}

static void four_deciders_keep_the_order_of_each_flow(void **state)
{
	order_is_kept_by(4, 500, 50);
}

static void four_deciders_that_do_not_think_keep_the_order_of_each_flow(void **state)
{
	order_is_kept_by(4, 1500, 0);
}

/* --- flushes -----------------------------------------------------------------------*/

/* What this thread has decided before has been sent. */
static struct nfqueue_verdict flush_and_decide(struct nfqueue_packet *packet, void *ctx)
{
	struct flows *flows = ctx;
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	atomic_fetch_add(&flows->moved, nfqueue_engine_flush() != 0);
	nfqueue_stats_get(nfqueue_packet_queue(packet), &stats);
	if (stats.accepted != atomic_fetch_add(&flows->decided, 1))
		atomic_fetch_add(&flows->out_of_order, 1);
	return NFQUEUE_ACCEPT;
}

static void callbacks_send_what_was_decided_before(uint32_t deciders)
{
	struct nfqueue_worker_options worker = {.size = sizeof(worker),
						.deciders = deciders};
	static struct flows flows;

	memset(&flows, 0, sizeof(flows));
	open_flows(&flows);
	launch_engine(&engine, (struct nfqueue_engine_options){.decide = flush_and_decide,
							       .ctx = &flows,
							       .worker = &worker});
	queue_output(0);
	send_in_flows(&flows, 50);
	receive_in_order(&flows, 50);
	stop_engine();
	assert_int_equal(flows.decided, FLOWS * 50);
	assert_int_equal(flows.out_of_order + flows.moved, 0);
	for (int i = 0; i < FLOWS; i++)
		close(flows.clients[i]);
}

static void a_workers_callback_sends_what_was_decided_before(void **state)
{
	assert_int_equal(nfqueue_engine_flush(), 0); /* here: nothing */
	callbacks_send_what_was_decided_before(0);
}

static void a_deciders_callback_sends_what_was_decided_before(void **state)
{
	callbacks_send_what_was_decided_before(1);
}

/* --- threads ---------------------------------------------------------------------- */

/* The thread of this process with that name; 0: none. */
static pid_t find_thread(const char *name)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	pid_t found = 0;

	assert_non_null(tasks);
	while (!found && (task = readdir(tasks))) {
		char path[300], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%31s", comm) == 1 && strcmp(comm, name) == 0)
			found = (pid_t)atoi(task->d_name);
		fclose(file);
	}
	closedir(tasks);
	return found;
}

static pid_t wait_for_thread(const char *name)
{
	uint64_t until = netns_now() + WAIT_MS;
	pid_t found;

	while (!(found = find_thread(name))) {
		if (netns_now() > until)
			fail_msg("no thread %s", name);
		netns_sleep(1);
	}
	return found;
}

static void threads_have_names_and_stay_on_their_cpus(void **state)
{
	static const char *const names[] = {"nfqueue-7", "nfq-7.0", "nfq-7.1"};
	uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
	struct nfqueue_worker_options worker = {.size = sizeof(worker),
						.deciders = 2,
						.flags = NFQUEUE_WORKER_PIN,
						.cpu = cpus - 1};

	launch_engine(&engine, (struct nfqueue_engine_options){.decide = decide_accept,
							       .first_queue = 7,
							       .worker = &worker});
	for (uint32_t i = 0; i < 3; i++) {
		pid_t thread = wait_for_thread(names[i]);
		cpu_set_t set;

		assert_int_equal(sched_getaffinity(thread, sizeof(set), &set), 0);
		assert_int_equal(CPU_COUNT(&set), 1);
		assert_true(CPU_ISSET((cpus - 1 + i) % cpus, &set));
	}
	stop_engine();
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(find_thread(names[i]), 0);
}

static void refuse(struct nfqueue_worker_options worker, const char *words, bool starts)
{
	struct nfqueue_engine_options options = {
		.size = sizeof(options), .decide = decide_accept, .worker = &worker};
	int err;

	err = nfqueue_engine_new(&engine, &options);
	if (starts) {
		assert_int_equal(err, 0);
		err = nfqueue_engine_start(engine);
	}
	assert_int_equal(err, -EINVAL);
	if (!strstr(nfqueue_engine_error(engine), words))
		fail_msg("not \"%s\": %s", words, nfqueue_engine_error(engine));
	nfqueue_engine_free(engine);
	engine = NULL;
}

static void options_out_of_range_are_refused_with_words(void **state)
{
	const size_t size = sizeof(struct nfqueue_worker_options);

	netns_need_queue();
	refuse((struct nfqueue_worker_options){.deciders = 1}, "size", false);
	refuse((struct nfqueue_worker_options){.size = size, .deciders = 251},
	       "251 deciders", false);
	refuse((struct nfqueue_worker_options){.size = size, .ring_size = 65537}, "65537",
	       false);
	refuse((struct nfqueue_worker_options){.size = size, .overload = 4}, "overload",
	       false);
	refuse((struct nfqueue_worker_options){.size = size,
					       .deciders = 2,
					       .flags = NFQUEUE_WORKER_PIN,
					       .cpu = 100000},
	       "CPU", true);
}

/* --- a choice for each queue ------------------------------------------------------ */

static int prepare_second(uint32_t index, struct nfqueue_options *queue,
			  struct nfqueue_worker_options *worker, void *ctx)
{
	worker->deciders = index == 1 ? 2 : 0;
	queue->max_length = 8192;
	return 0;
}

static void one_engine_serves_one_queue_plainly_and_another_by_deciders(void **state)
{
	static struct flows flows;
	uint32_t second;

	open_flows(&flows);
	launch_engine(&engine,
		      (struct nfqueue_engine_options){.decide = decide_in_flow,
						      .ctx = &flows,
						      .first_queue = 20,
						      .queue_count = 2,
						      .prepare = prepare_second});
	assert_int_equal(nfqueue_engine_threads(engine), 3);
	rule("-A OUTPUT -p udp --dport %d --sport %u -j NFQUEUE --queue-num 20", PORT,
	     flows.ports[0]);
	queue_output(21);
	send_in_flows(&flows, 200);
	receive_in_order(&flows, 200);
	assert_int_equal(flows.out_of_order + flows.moved, 0);
	assert_int_equal(flows.by_thread[0], 200); /* the plain one's */
	assert_int_equal(flows.thread_of[0], 1);
	second = flows.by_thread[1] + flows.by_thread[2];
	assert_int_equal(second, 200 * (FLOWS - 1));
	stop_engine();
	assert_int_equal(stats_of(nfqueue_engine_queue(engine, 0)).accepted, 200);
	assert_int_equal(stats_of(nfqueue_engine_queue(engine, 1)).accepted, second);
	for (int i = 0; i < FLOWS; i++)
		close(flows.clients[i]);
}

static int prepare_fails(uint32_t index, struct nfqueue_options *queue,
			 struct nfqueue_worker_options *worker, void *ctx)
{
	return index == 1 ? -ECANCELED : 0;
}

static void a_prepare_that_fails_ends_the_open(void **state)
{
	struct nfqueue_engine_options options = {.size = sizeof(options),
						 .decide = decide_accept,
						 .first_queue = 20,
						 .queue_count = 3,
						 .prepare = prepare_fails};

	netns_need_queue();
	assert_int_equal(nfqueue_engine_new(&engine, &options), -ECANCELED);
	assert_non_null(strstr(nfqueue_engine_error(engine), "queue 21"));
}

/* --- full rings ------------------------------------------------------------------- */

#define SENT 400

struct slow {
	atomic_uint decided;
	atomic_bool open; /* until then the callback waits */
	uint32_t sleep_ms;
};

static struct nfqueue_verdict decide_slowly(struct nfqueue_packet *packet, void *ctx)
{
	struct slow *slow = ctx;

	while (!atomic_load(&slow->open))
		netns_sleep(1);
	netns_sleep((int)slow->sleep_ms);
	atomic_fetch_add(&slow->decided, 1);
	return NFQUEUE_ACCEPT;
}

static void start_slowly(struct slow *slow, enum nfqueue_overload overload,
			 uint32_t max_length, uint32_t drain_ms)
{
	struct nfqueue_options queue = {.size = sizeof(queue), .max_length = max_length};
	struct nfqueue_worker_options worker = {.size = sizeof(worker),
						.deciders = 2,
						.ring_size = 7,
						.overload = overload};

	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	launch_engine(&engine, (struct nfqueue_engine_options){.decide = decide_slowly,
							       .ctx = slow,
							       .queue_options = &queue,
							       .worker = &worker,
							       .drain_ms = drain_ms});
	queue_output(0);
	netns_udp_send(udp_client, 0, SENT);
}

static void wait_for_overflow(uint64_t count)
{
	uint64_t until = netns_now() + WAIT_MS;

	while (stats_of_engine(engine).ring_overflow < count && netns_now() < until)
		netns_sleep(1);
}

/* The rings are full, and nobody decides: what comes does not wait. */
static void what_finds_a_full_ring_gets(enum nfqueue_overload overload)
{
	struct slow slow = {.decided = 0};
	struct nfqueue_stats stats;
	uint32_t decided;

	start_slowly(&slow, overload, 4096, 0);
	wait_for_overflow(SENT - 7 - 64);
	assert_true(stats_of_engine(engine).ring_overflow >= SENT - 7 - 64);
	atomic_store(&slow.open, true);
	stop_engine();
	stats = stats_of_engine(engine);
	decided = atomic_load(&slow.decided);
	assert_sums_up(&stats);
	assert_true(decided >= 7);
	assert_int_equal(stats.ring_overflow, SENT - decided);
	assert_int_equal(stats.received, SENT);
	assert_int_equal(stats.accepted,
			 overload == NFQUEUE_OVERLOAD_ACCEPT ? SENT : decided);
	assert_int_equal(stats.held + stats.defaulted + stats.lost_full, 0);
}

static void what_finds_a_full_ring_is_accepted_where_that_is_chosen(void **state)
{
	bool wanted[SENT];

	memset(wanted, true, sizeof(wanted));
	what_finds_a_full_ring_gets(NFQUEUE_OVERLOAD_ACCEPT);
	assert_came(udp_server, wanted, SENT);
}

static void what_finds_a_full_ring_is_dropped_where_that_is_chosen(void **state)
{
	struct arrivals arrivals = arrivals_new(SENT);
	uint32_t accepted;

	what_finds_a_full_ring_gets(NFQUEUE_OVERLOAD_DROP);
	accepted = (uint32_t)stats_of_engine(engine).accepted;
	arrivals_collect(&arrivals, udp_server, accepted);
	assert_int_equal(arrivals.came, accepted);
	arrivals_free(&arrivals);
}

/* The reader waits, so the kernel's queue is what fills, and says so. */
static void a_reader_that_waits_for_a_full_ring_leaves_the_rest_to_the_kernel(
	void **state)
{
	struct slow slow = {.decided = 0};
	struct nfqueue_stats stats;

	start_slowly(&slow, NFQUEUE_OVERLOAD_WAIT, 200, 0);
	stats = stats_of_engine(engine);
	assert_int_equal(stats.lost_full, SENT - 200);
	atomic_store(&slow.open, true);
	stop_engine();
	stats = stats_of_engine(engine);
	assert_sums_up(&stats);
	assert_int_equal(stats.received, 200);
	assert_int_equal(stats.accepted, 200);
	assert_int_equal(slow.decided, 200);
	assert_int_equal(stats.ring_overflow + stats.defaulted, 0);
}

/* 400 times 40 ms are 16 s: too long for a drain of 200 ms. */
static void a_stop_with_full_rings_ends_in_time_with_default_verdicts(void **state)
{
	struct slow slow = {.sleep_ms = 40, .open = true};
	struct nfqueue_stats stats;
	uint64_t began;

	start_slowly(&slow, NFQUEUE_OVERLOAD_WAIT, 4096, 200);
	while (atomic_load(&slow.decided) == 0)
		netns_sleep(1);
	began = netns_now();
	stop_engine();
	if (netns_now() - began > 2000)
		fail_msg("it took %llu ms", (unsigned long long)(netns_now() - began));
	stats = stats_of_engine(engine);
	assert_sums_up(&stats);
	assert_int_equal(stats.held, 0);
	assert_int_equal(stats.accepted, slow.decided);
	assert_int_equal(stats.defaulted, stats.received - slow.decided);
	assert_true(stats.defaulted > 0);
}

static void a_stop_with_full_rings_decides_all_where_there_is_time(void **state)
{
	struct slow slow = {.sleep_ms = 1, .open = true};

	start_slowly(&slow, NFQUEUE_OVERLOAD_WAIT, 4096, 20000);
	stop_engine();
	assert_int_equal(slow.decided, SENT);
	assert_int_equal(stats_of_engine(engine).accepted, SENT);
	assert_int_equal(stats_of_engine(engine).defaulted, 0);
}

/* --- events ----------------------------------------------------------------------- */

struct listener {
	struct slow slow;
	int client;
	atomic_uint calls;
	uint64_t counts, total; /* of full rings */
	uint64_t first_at, last_at;
	uint32_t others;
};

static struct nfqueue_verdict decide_slowly_too(struct nfqueue_packet *packet, void *ctx)
{
	struct listener *listener = ctx;

	return decide_slowly(packet, &listener->slow);
}

static int send_on_start(struct nfqueue_engine *handle, void *ctx)
{
	struct listener *listener = ctx;

	netns_udp_send(listener->client, 0, SENT);
	return 0;
}

/* Overflows go on and on: only one event a second comes of them. */
static void tick_and_send(struct nfqueue_engine *handle, void *ctx)
{
	struct listener *listener = ctx;

	if (atomic_load(&listener->calls) < 2) {
		netns_udp_send(listener->client, 0, 20);
		return;
	}
	atomic_store(&listener->slow.open, true);
	nfqueue_engine_stop(handle);
}

static void note_event(struct nfqueue_engine *handle, const struct nfqueue_event *event,
		       void *ctx)
{
	struct listener *listener = ctx;

	assert_int_equal(event->size, sizeof(*event));
	assert_int_equal(event->queue, 0);
	if (event->kind != NFQUEUE_EVENT_RING_FULL) {
		listener->others++;
		return;
	}
	listener->counts += event->count;
	listener->total = event->total;
	if (atomic_fetch_add(&listener->calls, 1) == 0)
		listener->first_at = netns_now();
	else if (listener->calls == 2)
		listener->last_at = netns_now();
}

static void overflows_are_told_once_a_second_and_their_counts_add_up(void **state)
{
	struct listener listener = {.calls = 0};
	struct nfqueue_options queue = {.size = sizeof(queue), .max_length = 16384};
	struct nfqueue_worker_options worker = {.size = sizeof(worker),
						.deciders = 1,
						.ring_size = 7,
						.overload = NFQUEUE_OVERLOAD_DROP};
	struct nfqueue_engine_options options = {.size = sizeof(options),
						 .decide = decide_slowly_too,
						 .ctx = &listener,
						 .queue_options = &queue,
						 .worker = &worker,
						 .started = send_on_start,
						 .event = note_event,
						 .tick = tick_and_send,
						 .tick_ms = 10};

	netns_need_queue();
	queue_output(0);
	listener.client = netns_udp_client(NULL, "127.0.0.1", PORT);
	assert_int_equal(nfqueue_run(&options), 0);
	assert_in_range(listener.calls, 2, 3); /* the last one at the end */
	assert_in_range(listener.last_at - listener.first_at, 900, WAIT_MS);
	assert_true(listener.counts >= SENT - 7 - 64);
	assert_int_equal(listener.counts, listener.total);
	assert_int_equal(listener.others, 0);
	close(listener.client);
}

/* --- holds ------------------------------------------------------------------------ */

#define HELD 2000

struct shelf {
	pthread_mutex_t lock;
	struct nfqueue_packet *packets[HELD];
	uint32_t numbers[HELD];
	uint32_t count, taken;
	bool wanted[HELD];
	atomic_bool stop;
};

static struct nfqueue_verdict hold_on_shelf(struct nfqueue_packet *packet, void *ctx)
{
	uint32_t number = datagram_number(packet);
	struct shelf *shelf = ctx;

	if (number % 4 == 0) {
		shelf->wanted[number] = true;
		return NFQUEUE_ACCEPT;
	}
	assert_int_equal(nfqueue_packet_hold(packet), 0);
	pthread_mutex_lock(&shelf->lock);
	shelf->packets[shelf->count] = packet;
	shelf->numbers[shelf->count++] = number;
	pthread_mutex_unlock(&shelf->lock);
	return NFQUEUE_DROP; /* ignored */
}

/* At once: the callback may not have returned yet. */
static void *clear_shelf(void *argument)
{
	struct shelf *shelf = argument;

	while (!atomic_load(&shelf->stop)) {
		struct nfqueue_packet *packet = NULL;
		uint32_t number = 0;

		pthread_mutex_lock(&shelf->lock);
		if (shelf->taken < shelf->count) {
			packet = shelf->packets[shelf->taken];
			number = shelf->numbers[shelf->taken++];
		}
		pthread_mutex_unlock(&shelf->lock);
		if (!packet) {
			netns_sleep(1);
			continue;
		}
		shelf->wanted[number] = number % 3 != 0;
		assert_int_equal(nfqueue_decide(packet, number % 3 ? NFQUEUE_ACCEPT
								   : NFQUEUE_DROP),
				 0);
		if (number % 64 == 1)
			assert_int_equal(nfqueue_flush(nfqueue_engine_queue(engine, 0)),
					 0);
	}
	return NULL;
}

static void what_a_deciders_callback_holds_another_thread_decides(void **state)
{
	static struct shelf shelf;
	struct nfqueue_worker_options worker = {.size = sizeof(worker), .deciders = 2};
	uint64_t until = netns_now() + WAIT_MS;
	struct nfqueue_stats stats;
	pthread_t thread;

	memset(&shelf, 0, sizeof(shelf));
	pthread_mutex_init(&shelf.lock, NULL);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	launch_engine(&engine, (struct nfqueue_engine_options){.decide = hold_on_shelf,
							       .ctx = &shelf,
							       .worker = &worker});
	assert_int_equal(pthread_create(&thread, NULL, clear_shelf, &shelf), 0);
	queue_output(0);
	netns_udp_send(udp_client, 0, HELD);
	do
		stats = stats_of_engine(engine);
	while ((stats.received < HELD || stats.held > 0) && netns_now() < until);
	atomic_store(&shelf.stop, true);
	pthread_join(thread, NULL);
	stop_engine();
	stats = stats_of_engine(engine);
	assert_sums_up(&stats);
	assert_int_equal(stats.received, HELD);
	assert_int_equal(stats.defaulted + stats.hold_overflow + stats.held, 0);
	assert_came(udp_server, shelf.wanted, HELD);
	pthread_mutex_destroy(&shelf.lock);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_decider_keeps_the_order_of_each_flow),
		TEST(two_deciders_keep_the_order_of_each_flow),
		TEST(four_deciders_keep_the_order_of_each_flow),
		TEST(four_deciders_that_do_not_think_keep_the_order_of_each_flow),
		TEST(a_workers_callback_sends_what_was_decided_before),
		TEST(a_deciders_callback_sends_what_was_decided_before),
		TEST(threads_have_names_and_stay_on_their_cpus),
		TEST(options_out_of_range_are_refused_with_words),
		TEST(one_engine_serves_one_queue_plainly_and_another_by_deciders),
		TEST(a_prepare_that_fails_ends_the_open),
		TEST(what_finds_a_full_ring_is_accepted_where_that_is_chosen),
		TEST(what_finds_a_full_ring_is_dropped_where_that_is_chosen),
		TEST(a_reader_that_waits_for_a_full_ring_leaves_the_rest_to_the_kernel),
		TEST(a_stop_with_full_rings_ends_in_time_with_default_verdicts),
		TEST(a_stop_with_full_rings_decides_all_where_there_is_time),
		TEST(overflows_are_told_once_a_second_and_their_counts_add_up),
		TEST(what_a_deciders_callback_holds_another_thread_decides),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
