/* SPDX-License-Identifier: MIT */
/* Arrays that grow. */
#include <stdlib.h>

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
