/* SPDX-License-Identifier: MIT */
/* The engine's options: what is refused before any queue is opened, and with which words.
 */
#include <nfqueue/engine.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	return NFQUEUE_ACCEPT;
}

static const struct {
	struct nfqueue_engine_options options;
	const char *text;
} bad[] = {
	{{.size = 0, .decide = decide}, "size"},
	{{.size = sizeof(struct nfqueue_engine_options)}, "decide"},
	{{.size = offsetof(struct nfqueue_engine_options, decide), .decide = decide},
	 "decide"},
	{{.size = sizeof(struct nfqueue_engine_options),
	  .decide = decide,
	  .first_queue = 65536},
	 "65535"},
	{{.size = sizeof(struct nfqueue_engine_options),
	  .decide = decide,
	  .first_queue = 65535,
	  .queue_count = 2},
	 "65535"},
	{{.size = sizeof(struct nfqueue_engine_options),
	  .decide = decide,
	  .queue_count = 65537},
	 "65535"},
	{{.size = sizeof(struct nfqueue_engine_options),
	  .decide = decide,
	  .first_queue = UINT32_MAX,
	  .queue_count = UINT32_MAX},
	 "65535"},
};

static void options_out_of_range_are_refused_with_words(void **state)
{
	struct nfqueue_engine *engine;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(nfqueue_engine_new(&engine, &bad[i].options), -EINVAL);
		assert_non_null(engine);
		if (!strstr(nfqueue_engine_error(engine), bad[i].text))
			fail_msg("'%s' is not in: %s", bad[i].text,
				 nfqueue_engine_error(engine));
		nfqueue_engine_free(engine);
	}
	assert_int_equal(nfqueue_engine_new(&engine, NULL), -EINVAL);
	nfqueue_engine_free(engine);
}

static void an_engine_that_was_not_opened_does_nothing(void **state)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};
	struct nfqueue_engine *engine;

	nfqueue_engine_new(&engine, &bad[1].options);
	assert_null(nfqueue_engine_queue(engine, 0));
	assert_int_equal(nfqueue_engine_stats_get(engine, &stats), -EINVAL);
	assert_int_equal(nfqueue_engine_start(engine), -EINVAL);
	assert_true(*nfqueue_engine_error(engine));
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	nfqueue_engine_free(engine);
}

static void an_engine_that_was_never_made_can_be_freed(void **state)
{
	nfqueue_engine_free(NULL);
	assert_true(*nfqueue_engine_error(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_out_of_range_are_refused_with_words),
		cmocka_unit_test(an_engine_that_was_not_opened_does_nothing),
		cmocka_unit_test(an_engine_that_was_never_made_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
