/* SPDX-License-Identifier: MIT */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <cjson/cJSON.h>

/* Prints the object on one line of standard output, and frees it. NULL: nothing. */
void json_print(cJSON *object);

#endif
