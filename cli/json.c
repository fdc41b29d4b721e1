/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <stdio.h>

void json_print(cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);

	if (text)
		puts(text);
	cJSON_free(text);
	cJSON_Delete(object);
}
