/* SPDX-License-Identifier: MIT */
/* Arrays that grow, and copies of pieces of text. */
#include <stdlib.h>
#include <string.h>

#include "policy/model.h"

void *policy_grow(void *array, size_t count, size_t *room, size_t element)
{
	size_t wanted = *room ? *room * 2 : 8;
	void *grown;

	if (count < *room)
		return array;
	grown = reallocarray(array, wanted, element);
	if (grown)
		*room = wanted;
	return grown;
}

/* Not strndup(): a sanitizer that checks strings whole takes what is cut out of a line
 * for an unterminated one. */
char *policy_copy_text(const char *text, size_t length)
{
	char *copy = malloc(length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}
