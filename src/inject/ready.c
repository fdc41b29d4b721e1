/* SPDX-License-Identifier: MIT */
/* Packets that the kernel would have completed on their way out. */
#include <nfqueue/packet.h>

#include "inject/inject.h"
#include "packet/editor.h"

int inject_ready(struct inject_target *target, struct nfqueue_edit *edit)
{
	int error = nfqueue_edit_begin(edit, target->data, target->length, target->length,
				       NFQUEUE_CHECKSUM_NOT_READY);

	if (!error)
		error = edit_own(edit, target->length);
	if (!error)
		error = nfqueue_edit_commit(edit);
	if (!error)
		target->data = nfqueue_edit_data(edit, &target->length);
	return error;
}
