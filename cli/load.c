/* SPDX-License-Identifier: MIT */
#include "load.h"

#include "command.h"

#include <stdio.h>
#include <string.h>

int load_failed(const struct policy *policy, int error, const char *name)
{
	size_t count = policy ? policy_error_count(policy) : 0;

	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "%s\n", policy_error(policy, i));
	if (count == 0)
		fprintf(stderr, "nfqueue: cannot read %s: %s\n", name, strerror(-error));
	return EXIT_FAILED;
}

int load_policy(struct policy **policy, const char *file, const char *const *rules,
		size_t count)
{
	int err = file ? policy_new_from_file(policy, file)
		       : policy_new_from_lines(policy, rules, count);

	return err < 0 ? load_failed(*policy, err, file ? file : "the rules") : EXIT_DONE;
}
