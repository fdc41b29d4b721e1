/* SPDX-License-Identifier: MIT */
/* Any packet, tricky policies: the index decides as the scan does, and so does a packet
 * cut to the copy range. Two bytes of the input are how much longer the packet was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/index.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const texts[] = {
	/* comparisons that share their end, and ranges */
	"drop if tcp port 80\nlog if udp portrange 53-1000\ndrop if udp portrange "
	"900-2000\n"
	"mark 1 if portrange 0-10\nmark 2 if portrange 65530-65535\ndrop if port 0\n"
	"queue 3 if src portrange 20-30 or dst portrange 25-35\n",
	/* masks and bits */
	"log if src net 0.0.0.0/0\ndrop if src net 10.0.0.0/8\nlog if net 10.1.0.0/16\n"
	"mark 3 if tcp[13] & 2 != 0\nlog if tcp[13] & 0x12 = 0x12\nlog if ip[6:2] & "
	"0x2000 != 0\n"
	"drop if udp[8:4] & 0xffff = 0\nmark 4 if ip[8] & 0xf0 = 0\ndrop if ip6[7] & 3 "
	"!= 0\n",
	/* loads that depend on loads */
	"log if ip[ip[0] & 0xf] = 3\ndrop if tcp[((tcp[12] & 0xf0) >> 2):4] = "
	"0x47455420\n"
	"mark 5 if ip[(ip[0] & 0xf) * 4:2] = 80\nlog if ip[ip[2:2]] = 1\n"
	"drop if ip[ip[8]:2] > 100\nlog if ip6[ip6[6]:4] = 1\ndrop if ip[ip[4:4]] = 2\n",
	/* not, or, and; lengths */
	"drop if not ip and not ip6\n"
	"drop if len < 30\nlog if not tcp\nmark 6 if not (tcp or udp) or len & 3 = 1\n"
	"drop if host 10.0.0.1 or 10.0.0.2 and not port 22\nrepeat if not host "
	"10.0.0.3\n",
	/* IPv6 */
	"drop if ip6 host 2001:db8::1\nlog if ip6 src net 2001:db8::/33\nlog if ip6 net "
	"::/0\n"
	"mark 7 if ip6 dst net fe80::/10\ndrop if icmp6\nlog if ip6[40:2] = ip6[42:2]\n",
	/* arithmetic, also what wraps */
	"log if ip[8] - 5 > 3\nlog if ip[8] + 0xfffffff0 = 4\ndrop if ip[8] / 3 = 21\n"
	"log if ip[8] % 7 = 1\nlog if ip[8] ^ 1 = 65\nlog if ip[9] | 1 = 7\n"
	"log if ip[0] >> 4 = 4\nlog if ip[1] << 30 = 0x40000000\ndrop if ip[2:2] * "
	"ip[4:2] = 6\n"
	"log if ip[4:4] / ip[8] = 3\nlog if -ip[8] = 0xffffffff\n",
	/* flows, which have a memory */
	("flow-drop after 2 if ip6\nflow-accept after 3 if udp\nlog if tcp[13] & 2 != 0\n"
	 "flow-drop after 1 if tcp\nflow-accept after 2\n"),
	"",
};

#define POLICIES (sizeof(texts) / sizeof(texts[0]))

struct loaded {
	struct policy *policy;
	struct policy_scratch *scratch, *other, *short_copy;
};

static void expect(int condition)
{
	if (!condition)
		abort();
}

static void check_same(const struct policy_result *one, const struct policy_result *other)
{
	expect(one->rule == other->rule);
	expect(one->verdict.code == other->verdict.code);
	expect(one->verdict.set == other->verdict.set);
	expect(one->verdict.mark == other->verdict.mark);
	expect(one->log_count == other->log_count);
	expect(!memcmp(one->logs, other->logs, one->log_count * sizeof(*one->logs)));
}

static void check(const struct loaded *loaded, struct policy_packet packet)
{
	uint32_t range = policy_copy_range(loaded->policy);
	struct policy_result scanned, indexed;
	uint8_t *cut;

	policy_decide_plain(loaded->policy, &packet, loaded->scratch, &scanned);
	policy_decide(loaded->policy, &packet, loaded->other, &indexed);
	check_same(&scanned, &indexed);
	if (range > packet.captured)
		range = packet.captured;
	cut = malloc(range ? range : 1);
	expect(cut != NULL);
	memcpy(cut, packet.data, range);
	packet.data = cut;
	packet.captured = range;
	policy_decide(loaded->policy, &packet, loaded->short_copy, &indexed);
	check_same(&scanned, &indexed);
	free(cut);
}

static void load_scratches(struct loaded *loaded)
{
	expect(policy_scratch_new(&loaded->scratch, loaded->policy) == 0);
	expect(policy_scratch_new(&loaded->other, loaded->policy) == 0);
	expect(policy_scratch_new(&loaded->short_copy, loaded->policy) == 0);
}

static void forget(struct loaded *loaded)
{
	policy_scratch_free(loaded->scratch);
	policy_scratch_free(loaded->other);
	policy_scratch_free(loaded->short_copy);
	load_scratches(loaded);
}

/* The same packet several times, without the flows of the input before: scratches have
 * seeds of their own, so full tables would not forget the same flows. */
static void check_again(struct loaded *loaded, struct policy_packet packet)
{
	int times = 1;

	if (policy_has_flow_verdicts(loaded->policy)) {
		forget(loaded);
		times = 4;
	}
	while (times--)
		check(loaded, packet);
}

static void load(struct loaded *loaded, const char *text)
{
	expect(policy_new_from_text(&loaded->policy, "text", text, strlen(text)) == 0);
	load_scratches(loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* once, they live as long as the process */
	static struct loaded loaded[POLICIES];
	struct policy_packet packet = {0};

	if (size < 2 || size > 65535)
		return 0;
	packet.data = data + 2;
	packet.captured = (uint32_t)size - 2;
	packet.length = packet.captured + ((uint32_t)data[0] << 8 | data[1]);
	for (size_t i = 0; i < POLICIES; i++) {
		if (!loaded[i].policy)
			load(&loaded[i], texts[i]);
		check_again(&loaded[i], packet);
	}
	return 0;
}
