/* SPDX-License-Identifier: MIT */
/* NFQNL_MSG_CONFIG, as nfqnl_recv_config() reads it. */
#include <linux/netlink.h>

#include "bytes.h"
#include "wire.h"
#include "writer.h"

/* enum nfqnl_attr_config */
#define CONFIG_COMMAND 1
#define CONFIG_PARAMS 2
#define CONFIG_MAX_LENGTH 3
#define CONFIG_MASK 4
#define CONFIG_FLAGS 5

/* struct nfqnl_msg_config_cmd */
static void put_command(struct wire_writer *writer, const struct wire_config *config)
{
	uint8_t *at = wire_attribute_reserve(writer, CONFIG_COMMAND, 4);

	if (!at)
		return;
	at[0] = config->command;
	at[1] = 0;
	store_be16(at + 2, config->family);
}

/* struct nfqnl_msg_config_params, packed */
static void put_params(struct wire_writer *writer, const struct wire_config *config)
{
	uint8_t *at = wire_attribute_reserve(writer, CONFIG_PARAMS, 5);

	if (!at)
		return;
	store_be32(at, config->copy_range);
	at[4] = config->copy_mode;
}

void wire_put_config(struct wire_writer *writer, const struct wire_config *config,
		     uint32_t sequence, bool ack)
{
	wire_message_begin(writer, WIRE_MSG_CONFIG, ack ? NLM_F_ACK : 0, sequence,
			   config->queue);
	if (config->command != WIRE_CMD_NONE)
		put_command(writer, config);
	if (config->present & WIRE_CONFIG_HAS_PARAMS)
		put_params(writer, config);
	if (config->present & WIRE_CONFIG_HAS_MAXLEN)
		wire_put_u32(writer, CONFIG_MAX_LENGTH, config->max_length);
	if (config->present & WIRE_CONFIG_HAS_FLAGS) {
		wire_put_u32(writer, CONFIG_FLAGS, config->flags);
		wire_put_u32(writer, CONFIG_MASK, config->mask);
	}
	wire_message_end(writer);
}
