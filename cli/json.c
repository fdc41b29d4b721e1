/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "rule_stats.h"

void json_add(cJSON *object, const char *name, uint64_t number)
{
	cJSON_AddNumberToObject(object, name, (double)number);
}

void json_add_rule_stats(cJSON *object, const struct policy_rule_stats *stats,
			 const char *error)
{
	for (size_t i = 0; i < rule_stat_count; i++)
		if (rule_stat_value(stats, i))
			json_add(object, rule_stat_rows[i].name,
				 rule_stat_value(stats, i));
	if (stats->failed && error)
		cJSON_AddStringToObject(object, "error", error);
}

void json_print_to(FILE *out, cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);

	if (text)
		fprintf(out, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(object);
}

void json_print(cJSON *object)
{
	json_print_to(stdout, object);
}
