/* SPDX-License-Identifier: MIT */
/* The handle: collect redirections, stop, remove. */
#include <nfqueue/rules.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/message.h"
#include "rules/model.h"
#include "rules/table.h"

int nfqueue_rules_open(struct nfqueue_rules **out,
		       const struct nfqueue_rules_options *options)
{
	struct nfqueue_rules *rules = calloc(1, sizeof(*rules));
	int error;

	*out = rules;
	if (!rules)
		return -ENOMEM;
	rules->takes_more = true;
	error = rules_options_take(rules, options);
	if (error)
		return error;
	error = rules_socket_open(&rules->socket);
	if (error)
		return rules_fail(
			rules, error, "no nfnetlink socket: %s%s", strerror(-error),
			error == -EPROTONOSUPPORT ? " (CONFIG_NETFILTER_NETLINK)" : "");
	return 0;
}

const char *nfqueue_rules_error(const struct nfqueue_rules *rules)
{
	return rules ? rules->error : "no memory";
}

int nfqueue_rules_fd(const struct nfqueue_rules *rules)
{
	return rules_socket_fd(&rules->socket);
}

/* --- the list --------------------------------------------------------------------- */

int nfqueue_rules_add(struct nfqueue_rules *rules,
		      const struct nfqueue_redirect *redirect)
{
	struct rules_list *list = &rules->next;
	struct rules_redirect *grown;
	int error;

	rules->error[0] = '\0';
	if (!rules->takes_more)
		return rules_fail(rules, -EALREADY,
				  "the rules are installed: open another handle for "
				  "more, or begin a new list with nfqueue_rules_reset()");
	grown = reallocarray(list->redirects, list->count + 1, sizeof(*grown));
	if (!grown)
		return rules_fail(rules, -ENOMEM, "no memory for a redirection");
	list->redirects = grown;
	error = rules_redirect_take(rules, &grown[list->count], redirect);
	if (error)
		return error;
	if (!rules->name[0])
		snprintf(rules->name, sizeof(rules->name), "nfqueue-%u",
			 redirect->first_queue);
	list->count++;
	return 0;
}

int nfqueue_rules_reset(struct nfqueue_rules *rules)
{
	rules->error[0] = '\0';
	rules_list_clear(&rules->next);
	rules->takes_more = true;
	if (!rules->has_table && !rules->name_given)
		rules->name[0] = '\0';
	return 0;
}

/* --- stop, close ------------------------------------------------------------------ */

/* Not those behind the queues: what waits may still get a flow verdict, which they carry
 * out. */
int nfqueue_rules_stop(struct nfqueue_rules *rules)
{
	struct rules_batch batch;
	char name[32];
	int error;

	rules->error[0] = '\0';
	if (!rules->has_table)
		return rules_fail(rules, -ENOENT, "the rules are not installed");
	rules_batch_begin(&batch, &rules->socket, rules->chain_count);
	for (size_t i = 0; i < rules->chain_count; i++) {
		const struct rules_chain *chain = &rules->chains[i];

		if (!chain->made)
			continue;
		rules_chain_name(chain->hook, chain->priority, name, sizeof(name));
		rules_put_rules_removal(&batch, rules->name, name);
	}
	error = rules_batch_commit(&batch);
	return error ? rules_fail_refused(rules, error, "cannot delete the rules") : 0;
}

/* Only if it is still the one we made: a namesake is none of our business. */
static void remove_own_table(struct nfqueue_rules *rules)
{
	struct rules_table table;
	struct rules_batch batch;

	if (rules_table_find(&rules->socket, rules->name, &table) < 0 || !table.ours ||
	    table.maker.port_id != rules->socket.port_id ||
	    table.maker.inode != rules->socket.inode)
		return;
	rules_batch_begin(&batch, &rules->socket, 1);
	rules_put_table_removal(&batch, table.handle);
	rules_batch_commit(&batch);
}

void nfqueue_rules_release(struct nfqueue_rules *rules)
{
	if (!rules)
		return;
	rules_socket_close(&rules->socket);
	rules_list_clear(&rules->installed);
	rules_list_clear(&rules->next);
	free(rules->chains);
	free(rules);
}

void nfqueue_rules_close(struct nfqueue_rules *rules)
{
	if (rules && rules->has_table)
		remove_own_table(rules);
	nfqueue_rules_release(rules);
}
