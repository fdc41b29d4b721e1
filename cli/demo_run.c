/* SPDX-License-Identifier: MIT */
#include "demo_run.h"

#include "demo_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Less than the second after which TCP tries to connect again. */
#define SILENCE_MS 300
#define ANSWER_TIMEOUT_MS 2000

/* The session's thread, which is the main one, and the clients' thread share it. */
struct stage {
	struct demo_run *run;
	const struct demo_net *net;
	const struct demo_server *server;
	pthread_t thread;
	bool has_thread;     /* the session's thread alone uses it */
	bool after;          /* set before the thread starts */
	atomic_bool give_up; /* told to the clients, who ask before each step */
	atomic_int result;   /* the clients': 0, or -errno; -EINPROGRESS */
	pthread_mutex_t lock;
	struct session *session; /* NULL when it has ended; under the lock */
};

typedef void (*client_step)(struct demo_client *client, enum demo_family family,
			    const struct stage *stage);

static void talk_web(struct demo_client *client, enum demo_family family,
		     const struct stage *stage)
{
	(void)stage;
	client->echoed = demo_tcp_echo(family, DEMO_PORT_WEB, DEMO_BYTES);
}

static void talk_dns(struct demo_client *client, enum demo_family family,
		     const struct stage *stage)
{
	client->dns_answers =
		demo_udp_ask(family, DEMO_PORT_DNS, DEMO_DATAGRAMS, ANSWER_TIMEOUT_MS);
	client->dns_marked = demo_server_marked(stage->server, family);
}

static void talk_telnet(struct demo_client *client, enum demo_family family,
			const struct stage *stage)
{
	client->telnet = demo_tcp_connect(family, DEMO_PORT_TELNET,
					  stage->after ? ANSWER_TIMEOUT_MS : SILENCE_MS,
					  &client->telnet_attempts);
}

static void talk_discard(struct demo_client *client, enum demo_family family,
			 const struct stage *stage)
{
	client->discard_answers =
		demo_udp_ask(family, DEMO_PORT_DISCARD, DEMO_DATAGRAMS,
			     stage->after ? ANSWER_TIMEOUT_MS : SILENCE_MS);
}

static int talk(struct stage *stage)
{
	static const client_step steps[] = {talk_telnet, talk_discard, talk_web,
					    talk_dns};
	struct demo_client *clients =
		stage->after ? stage->run->after : stage->run->during;
	size_t count = stage->after ? 2 : sizeof(steps) / sizeof(*steps);
	int families = stage->net->ipv6 ? DEMO_FAMILIES : 1;
	int err = demo_net_enter_clients(stage->net);

	for (size_t i = 0; err == 0 && i < count; i++)
		for (int family = 0; family < families; family++) {
			if (atomic_load(&stage->give_up))
				return -EINTR;
			steps[i](&clients[family], family, stage);
		}
	return err;
}

static void *client_thread(void *ctx)
{
	struct stage *stage = ctx;

	atomic_store(&stage->result, talk(stage));
	pthread_mutex_lock(&stage->lock);
	if (stage->session)
		session_stop(stage->session);
	pthread_mutex_unlock(&stage->lock);
	return NULL;
}

static int start_clients(struct stage *stage)
{
	int err;

	atomic_store(&stage->result, -EINPROGRESS);
	err = pthread_create(&stage->thread, NULL, client_thread, stage);
	stage->has_thread = err == 0;
	return -err;
}

static int join_clients(struct stage *stage)
{
	if (stage->has_thread)
		pthread_join(stage->thread, NULL);
	stage->has_thread = false;
	return atomic_load(&stage->result);
}

static void set_session(struct stage *stage, struct session *session)
{
	pthread_mutex_lock(&stage->lock);
	stage->session = session;
	pthread_mutex_unlock(&stage->lock);
}

static void started(struct session *session, void *ctx)
{
	struct stage *stage = ctx;
	int err;

	set_session(stage, session);
	err = start_clients(stage);
	if (err == 0)
		return;
	atomic_store(&stage->result, err);
	session_stop(session);
}

/* If the clients are not done yet, it is a signal that ends the session. */
static void stopping(struct session *session, void *ctx)
{
	struct stage *stage = ctx;

	(void)session;
	atomic_store(&stage->give_up, atomic_load(&stage->result) == -EINPROGRESS);
}

static void finished(struct session *session, void *ctx)
{
	struct stage *stage = ctx;

	set_session(stage, NULL);
	session_counts(session, &stage->run->counts);
	for (int rule = 0; rule < DEMO_RULES; rule++)
		stage->run->hits[rule] = session_rule_hits(session, rule);
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static int run_session(struct stage *stage, const struct policy *policy)
{
	const struct session_options options = {
		.policy = policy,
		.queue_count = 1,
		.started = started,
		.stopping = stopping,
		.finished = finished,
		.ctx = stage,
	};
	struct timespec start;
	int err, clients;

	clock_gettime(CLOCK_MONOTONIC, &start);
	err = session_run(&options);
	clients = join_clients(stage);
	stage->run->seconds = seconds_since(&start);
	if (err == 0 && atomic_load(&stage->give_up))
		err = -EINTR;
	return err < 0 ? err : clients;
}

/* The same clients once more, with nobody who decides. */
static int run_free(struct stage *stage)
{
	int err;

	stage->after = true;
	stage->run->tables_left = nfqueue_rules_list(NULL, 0);
	err = start_clients(stage);
	return err < 0 ? err : join_clients(stage);
}

int demo_run(struct demo_run *run, const struct demo_net *net,
	     const struct policy *policy)
{
	struct stage stage = {.run = run, .net = net};
	struct demo_server *server;
	int err;

	memset(run, 0, sizeof(*run));
	pthread_mutex_init(&stage.lock, NULL);
	err = demo_server_start(&server, net);
	stage.server = server;
	if (err == 0) {
		err = run_session(&stage, policy);
		if (err == 0)
			err = run_free(&stage);
		if (err == -EINTR)
			fputs("nfqueue: interrupted; nothing is left behind\n", stderr);
	}
	demo_server_stop(server);
	pthread_mutex_destroy(&stage.lock);
	return err;
}
