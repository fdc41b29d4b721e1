/* SPDX-License-Identifier: MIT */
/* The engine: many queues, many threads, and a stop that loses nothing. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults.h"
#include "queue_fixture.h"

#define ROUNDS 5
#define FLOWS 64

static struct nfqueue_engine *engine;

static int end(void **state)
{
	nfqueue_engine_free(engine);
	engine = NULL;
	return clean_up(state);
}

static struct nfqueue_verdict count_and_accept(struct nfqueue_packet *packet, void *ctx)
{
	atomic_uint *count = ctx;

	atomic_fetch_add(count, 1);
	return NFQUEUE_ACCEPT;
}

/* --- stop ------------------------------------------------------------------------- */

struct pump {
	int server, client;
	atomic_bool stop;
	uint32_t sent;
	pthread_t thread;
};

/* Numbered packets at full speed, until told to stop. */
static void *pump_main(void *argument)
{
	struct pump *pump = argument;

	while (!atomic_load(&pump->stop)) {
		netns_udp_send(pump->client, pump->sent, 10);
		pump->sent += 10;
		if (pump->sent % 1000 == 0)
			netns_sleep(1); /* so that the server's buffer holds all */
	}
	return NULL;
}

static void pump_start(struct pump *pump, const struct netns_pair *from, const char *ip)
{
	memset(pump, 0, sizeof(*pump));
	atomic_init(&pump->stop, false);
	pump->server = netns_udp_server(NULL, ip, PORT);
	pump->client = netns_udp_client(from, ip, PORT);
	assert_int_equal(pthread_create(&pump->thread, NULL, pump_main, pump), 0);
}

static void pump_stop(struct pump *pump)
{
	atomic_store(&pump->stop, true);
	pthread_join(pump->thread, NULL);
}

static void check_pump(struct pump *pump)
{
	struct netns_tally tally;

	netns_udp_collect(pump->server, 0, pump->sent, WAIT_MS, &tally, NULL);
	close(pump->server);
	close(pump->client);
	if (tally.missing)
		fail_msg("%u of %u missing, the first %u", tally.missing, pump->sent,
			 tally.first_missing);
	assert_int_equal(tally.duplicate + tally.foreign, 0);
}

/* The packets flow on while the rule is deleted, and while the engine stops. */
static void stop_under_load(const struct netns_pair *from, const char *chain,
			    const char *ip)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct nfqueue_options long_queue = {.size = sizeof(long_queue),
						     .max_length = 65536};
		atomic_uint decided = 0;
		struct nfqueue_stats stats;
		struct pump pump;

		new_engine(&engine,
			   (struct nfqueue_engine_options){.decide = count_and_accept,
							   .ctx = &decided,
							   .queue_options = &long_queue});
		rule("-A %s -p udp --dport %d -j NFQUEUE", chain, PORT);
		assert_int_equal(nfqueue_engine_start(engine), 0);
		pump_start(&pump, from, ip);
		while (atomic_load(&decided) < 1000)
			netns_sleep(1);
		rule("-D %s -p udp --dport %d -j NFQUEUE", chain, PORT);
		nfqueue_engine_stop(engine);
		assert_int_equal(nfqueue_engine_wait(engine), 0);
		stats = stats_of_engine(engine);
		nfqueue_engine_free(engine);
		engine = NULL;
		pump_stop(&pump);
		assert_int_equal(stats.lost_full + stats.lost_socket, 0);
		check_pump(&pump);
		assert_int_equal(stats.received, decided);
		assert_int_equal(stats.accepted, decided);
	}
}

static void a_stop_under_load_loses_nothing_that_is_sent_here(void **state)
{
	stop_under_load(NULL, "OUTPUT", "127.0.0.1");
}

static void a_stop_under_load_loses_nothing_that_comes_from_elsewhere(void **state)
{
	netns_pair(&pair);
	stop_under_load(&pair, "INPUT", "10.99.0.1");
}

static void what_waits_when_the_stop_begins_is_decided(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;
	atomic_uint decided = 0;

	new_engine(&engine, (struct nfqueue_engine_options){.decide = count_and_accept,
							    .ctx = &decided});
	queue_output(0);
	netns_udp_send(client, 0, 1000);
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_start(engine), 0);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	assert_int_equal(decided, 1000);
	netns_udp_collect(server, 0, 1000, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 1000);
	close(server);
	close(client);
}

/* A packet may still be on its way from the rule to the queue when the rule is gone. */
static void the_drain_waits_for_late_packets_however_often_it_is_told_to_stop(
	void **state)
{
	atomic_uint decided = 0;
	uint64_t began;

	new_engine(&engine, (struct nfqueue_engine_options){.decide = count_and_accept,
							    .ctx = &decided});
	for (int i = 0; i < 100; i++) /* each one's answer is a message, but no packet */
		nfqueue_engine_stop(engine);
	began = netns_now();
	assert_int_equal(nfqueue_engine_start(engine), 0);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	assert_true(netns_now() - began >= 15);
}

/* From the last packet on the kernel has no memory for a while. */
static struct nfqueue_verdict stop_without_memory(struct nfqueue_packet *packet,
						  void *ctx)
{
	uint32_t *decided = ctx;

	if (++*decided == 20) {
		nfqueue_engine_stop(engine);
		fail_sends(3);
	}
	return NFQUEUE_ACCEPT;
}

static void a_stop_without_memory_loses_nothing(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;
	uint32_t decided = 0;

	new_engine(&engine, (struct nfqueue_engine_options){.decide = stop_without_memory,
							    .ctx = &decided});
	queue_output(0);
	netns_udp_send(client, 0, 20);
	assert_int_equal(nfqueue_engine_start(engine), 0);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	netns_udp_collect(server, 0, 20, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 20);
	assert_int_equal(stats_of_engine(engine).accepted, 20);
	close(server);
	close(client);
}

/* The sender never stops and the rule stays: the drain ends at its time. */
static void a_drain_without_end_ends_at_its_time(void **state)
{
	atomic_uint decided = 0;
	struct pump pump;
	uint64_t began;

	new_engine(&engine, (struct nfqueue_engine_options){.decide = count_and_accept,
							    .ctx = &decided,
							    .drain_ms = 100});
	queue_output(0);
	assert_int_equal(nfqueue_engine_start(engine), 0);
	pump_start(&pump, NULL, "127.0.0.1");
	while (atomic_load(&decided) == 0)
		netns_sleep(1);
	began = netns_now();
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	assert_true(netns_now() - began < WAIT_MS);
	pump_stop(&pump);
	close(pump.server);
	close(pump.client);
}

/* --- nfqueue_run() ---------------------------------------------------------------- */

enum stopper { BY_SIGTERM, BY_SIGINT, BY_THREAD, BY_DECIDE, BY_TICK };

struct run {
	enum stopper stopper;
	char order[16]; /* of the callbacks: a letter each */
	int started_result;
	atomic_uint decided;
	struct nfqueue_engine *engine;
	struct nfqueue_stats stats;
	char error[512];
	int client;
	pthread_t thread;
};

static void note(struct run *run, char letter)
{
	size_t length = strlen(run->order);

	if (length + 1 < sizeof(run->order))
		run->order[length] = letter;
}

static struct nfqueue_verdict run_decide(struct nfqueue_packet *packet, void *ctx)
{
	struct run *run = ctx;

	if (atomic_fetch_add(&run->decided, 1) == 50 && run->stopper == BY_DECIDE)
		nfqueue_engine_stop(run->engine);
	return NFQUEUE_ACCEPT;
}

/* When half are decided, stops the run as wanted. */
static void *run_stopper(void *argument)
{
	struct run *run = argument;

	while (atomic_load(&run->decided) < 50)
		netns_sleep(1);
	if (run->stopper == BY_SIGTERM || run->stopper == BY_SIGINT)
		kill(getpid(), run->stopper == BY_SIGTERM ? SIGTERM : SIGINT);
	else if (run->stopper == BY_THREAD)
		nfqueue_engine_stop(run->engine);
	return NULL;
}

static int run_started(struct nfqueue_engine *handle, void *ctx)
{
	struct run *run = ctx;

	note(run, 's');
	run->engine = handle;
	if (run->started_result < 0)
		return run->started_result;
	netns_udp_send(run->client, 0, 100); /* nobody decides yet: all wait */
	return -pthread_create(&run->thread, NULL, run_stopper, run);
}

static void run_stopping(struct nfqueue_engine *handle, void *ctx)
{
	note(ctx, 'S');
}

static void run_finished(struct nfqueue_engine *handle, void *ctx)
{
	struct run *run = ctx;

	note(run, 'f');
	run->stats.size = sizeof(run->stats);
	nfqueue_engine_stats_get(handle, &run->stats);
}

static void run_tick(struct nfqueue_engine *handle, void *ctx)
{
	struct run *run = ctx;

	if (!strchr(run->order, 't'))
		note(run, 't');
	if (run->stopper == BY_TICK && atomic_load(&run->decided) >= 100)
		nfqueue_engine_stop(handle);
}

static void run_error(const char *text, void *ctx)
{
	struct run *run = ctx;

	note(run, 'e');
	strncpy(run->error, text, sizeof(run->error) - 1);
}

static int run_it(struct run *run, uint32_t first, uint32_t count)
{
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.first_queue = first,
		.queue_count = count,
		.decide = run_decide,
		.ctx = run,
		.started = run_started,
		.stopping = run_stopping,
		.finished = run_finished,
		.tick = run->stopper == BY_TICK ? run_tick : NULL,
		.tick_ms = 5,
		.error = run_error,
	};

	netns_need_queue();
	run->client = netns_udp_client(NULL, "127.0.0.1", PORT);
	return nfqueue_run(&options);
}

/* A program without handlers dies of a signal that nfqueue_run() did not take. */
static void check_stopped_by(enum stopper stopper, const char *order)
{
	struct run run = {.stopper = stopper};
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;
	sigset_t before, after;

	queue_output(0);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(run_it(&run, 0, 1), 0);
	pthread_join(run.thread, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int signal = 1; signal < NSIG; signal++)
		assert_int_equal(sigismember(&before, signal),
				 sigismember(&after, signal));
	assert_string_equal(run.order, order);
	assert_int_equal(run.decided, 100);
	assert_int_equal(run.stats.accepted, 100);
	netns_udp_collect(server, 0, 100, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 100);
	close(run.client);
	close(server);
}

static void a_run_ends_at_sigterm(void **state)
{
	check_stopped_by(BY_SIGTERM, "sSf");
}

static void a_run_ends_at_sigint(void **state)
{
	check_stopped_by(BY_SIGINT, "sSf");
}

static void a_run_is_stopped_by_another_thread(void **state)
{
	check_stopped_by(BY_THREAD, "sSf");
}

static void a_run_is_stopped_by_its_decide_callback(void **state)
{
	check_stopped_by(BY_DECIDE, "sSf");
}

static void a_run_ticks_and_is_stopped_by_its_tick(void **state)
{
	check_stopped_by(BY_TICK, "stSf");
}

static void a_run_ends_with_what_started_returns(void **state)
{
	struct run run = {.started_result = -ECANCELED};

	assert_int_equal(run_it(&run, 0, 1), -ECANCELED);
	assert_string_equal(run.order, "sf");
	close(run.client);
}

static void a_run_on_a_busy_queue_reports_who_has_it(void **state)
{
	struct run run = {.stopper = BY_THREAD};
	char expected[32];

	open_queue((struct nfqueue_options){.queue = 2});
	assert_int_equal(run_it(&run, 0, 4), -EBUSY);
	assert_string_equal(run.order, "e");
	snprintf(expected, sizeof(expected), "process %d", getpid());
	assert_non_null(strstr(run.error, expected));
	assert_non_null(strstr(run.error, "queue 2"));
	close(run.client);
}

/* The start of the struct, as a program built long ago has it: the rest is not read. */
static void options_of_an_older_program_are_taken(void **state)
{
	struct run run = {.stopper = BY_THREAD};
	struct nfqueue_engine_options options = {
		.size = offsetof(struct nfqueue_engine_options, error),
		.decide = run_decide,
		.ctx = &run,
		.error = run_error,
	};

	open_queue((struct nfqueue_options){0});
	assert_int_equal(nfqueue_run(&options), -EBUSY); /* the text goes to stderr */
	assert_string_equal(run.order, "");
}

/* --- a worker that fails ---------------------------------------------------------- */

/* Capabilities belong to a thread: the worker of the packet loses its own. */
static struct nfqueue_verdict decide_and_fail(struct nfqueue_packet *packet, void *ctx)
{
	struct run *run = ctx;

	atomic_fetch_add(&run->decided, 1);
	if (nfqueue_packet_queue_number(packet) == 1)
		drop_capabilities();
	return NFQUEUE_ACCEPT;
}

static void a_worker_that_fails_ends_the_run_with_its_error(void **state)
{
	struct run run = {.stopper = BY_DECIDE};
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.queue_count = 3,
		.decide = decide_and_fail,
		.ctx = &run,
		.started = run_started,
		.finished = run_finished,
		.error = run_error,
	};

	netns_need_queue();
	queue_output(1);
	run.client = netns_udp_client(NULL, "127.0.0.1", PORT);
	assert_int_equal(nfqueue_run(&options), -EPERM);
	pthread_join(run.thread, NULL);
	assert_string_equal(run.order, "sef");
	assert_non_null(strstr(run.error, "CAP_NET_ADMIN"));
	assert_int_equal(run.stats.accepted, 0);
	assert_true(run.stats.refused > 0);
	close(run.client);
}

/* --- many queues ------------------------------------------------------------------ */

struct threads {
	pthread_t of[4];
	atomic_uint decided[4];
	atomic_uint wrong;
};

static struct nfqueue_verdict decide_by_thread(struct nfqueue_packet *packet, void *ctx)
{
	uint16_t queue = (uint16_t)(nfqueue_packet_queue_number(packet) - 10);
	struct threads *threads = ctx;

	if (atomic_fetch_add(&threads->decided[queue], 1) == 0)
		threads->of[queue] = pthread_self();
	else if (!pthread_equal(threads->of[queue], pthread_self()))
		atomic_fetch_add(&threads->wrong, 1);
	return NFQUEUE_ACCEPT;
}

static void send_flows(uint32_t per_flow)
{
	for (int flow = 0; flow < FLOWS; flow++) {
		char ip[32];
		int client;

		snprintf(ip, sizeof(ip), "127.0.1.%d", flow + 1);
		client = netns_udp_client(NULL, ip, PORT);
		netns_udp_send(client, 0, per_flow);
		close(client);
	}
}

static void four_queues_are_served_by_four_threads_and_the_counts_add_up(void **state)
{
	struct threads threads = {.wrong = 0};
	struct nfqueue_stats sum = {.received = 0}, all;
	unsigned int busy = 0;
	int server = netns_udp_server(NULL, "0.0.0.0", PORT);

	new_engine(&engine, (struct nfqueue_engine_options){.first_queue = 10,
							    .queue_count = 4,
							    .decide = decide_by_thread,
							    .ctx = &threads});
	assert_int_equal(nfqueue_engine_count(engine), 4);
	assert_null(nfqueue_engine_queue(engine, 4));
	rule("-A OUTPUT -p udp --dport %d -j NFQUEUE --queue-balance 10:13", PORT);
	assert_int_equal(nfqueue_engine_start(engine), 0);
	send_flows(20);
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct nfqueue *queue = nfqueue_engine_queue(engine, i);
		struct nfqueue_stats one = stats_of(queue);

		assert_int_equal(nfqueue_number(queue), 10 + i);
		assert_int_equal(one.received, threads.decided[i]);
		sum.received += one.received;
		sum.accepted += one.accepted;
		sum.bytes += one.bytes;
		sum.messages += one.messages;
		busy += one.received > 0;
		for (uint32_t other = 0; other < i; other++)
			assert_true(!threads.decided[i] || !threads.decided[other] ||
				    !pthread_equal(threads.of[i], threads.of[other]));
	}
	all = stats_of_engine(engine);
	assert_int_equal(all.received, FLOWS * 20);
	assert_int_equal(all.received, sum.received);
	assert_int_equal(all.accepted, sum.accepted);
	assert_int_equal(all.bytes, sum.bytes);
	assert_int_equal(all.messages, sum.messages);
	assert_int_equal(threads.wrong, 0);
	close(server);
	assert_true(busy >= 2);
}

static struct nfqueue_verdict hold_odd(struct nfqueue_packet *packet, void *ctx)
{
	if (nfqueue_packet_id(packet) % 2)
		nfqueue_packet_hold(packet);
	else if (nfqueue_packet_id(packet) % 4)
		nfqueue_drop(packet);
	return NFQUEUE_ACCEPT;
}

static void what_the_callback_did_itself_stands(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	uint64_t end_of_wait = netns_now() + WAIT_MS;
	struct nfqueue_stats stats;

	new_engine(&engine, (struct nfqueue_engine_options){.decide = hold_odd});
	queue_output(0);
	assert_int_equal(nfqueue_engine_start(engine), 0);
	netns_udp_send(client, 0, 100);
	assert_true(netns_queue_waits(0, 50, WAIT_MS));
	do
		stats = stats_of_engine(engine); /* what was sent counts just after it */
	while ((stats.held != 50 || stats.received != 100) && netns_now() < end_of_wait);
	assert_int_equal(stats.held, 50);
	assert_int_equal(stats.dropped, 25);
	assert_int_equal(stats.accepted, 25);
	assert_true(netns_queue_waits(0, 50, 0));
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	stats = stats_of_engine(engine);
	assert_int_equal(stats.received, 100);
	assert_int_equal(stats.accepted, 25);
	assert_sums_up(&stats);
	close(server);
	close(client);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stop_under_load_loses_nothing_that_is_sent_here),
		TEST(a_stop_under_load_loses_nothing_that_comes_from_elsewhere),
		TEST(what_waits_when_the_stop_begins_is_decided),
		TEST(the_drain_waits_for_late_packets_however_often_it_is_told_to_stop),
		TEST(a_stop_without_memory_loses_nothing),
		TEST(a_drain_without_end_ends_at_its_time),
		TEST(a_run_ends_at_sigterm),
		TEST(a_run_ends_at_sigint),
		TEST(a_run_is_stopped_by_another_thread),
		TEST(a_run_is_stopped_by_its_decide_callback),
		TEST(a_run_ticks_and_is_stopped_by_its_tick),
		TEST(a_run_ends_with_what_started_returns),
		TEST(a_run_on_a_busy_queue_reports_who_has_it),
		TEST(options_of_an_older_program_are_taken),
		TEST(a_worker_that_fails_ends_the_run_with_its_error),
		TEST(four_queues_are_served_by_four_threads_and_the_counts_add_up),
		TEST(what_the_callback_did_itself_stands),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
