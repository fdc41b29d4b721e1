/* SPDX-License-Identifier: MIT */
/* Numbers with units. Read by hand: strtod() depends on the user's locale. */
#include <string.h>
#include <strings.h>

#include "policy/unit.h"

struct unit {
	const char *name; /* upper case is the same */
	double factor;
};

struct quantity {
	const char *noun;  /* "a time" */
	const char *units; /* told behind "with" */
	const char *usual; /* the unit that an error proposes */
	double most;
	const char *most_text;
	const struct unit *unit; /* ends with a name of NULL */
	bool bare;               /* needs no unit */
};

/* Source: get_time64() of tc. */
static const struct unit times[] = {
	{"ns", 1},      {"nsec", 1},   {"nsecs", 1},  {"us", 1e3},    {"usec", 1e3},
	{"usecs", 1e3}, {"ms", 1e6},   {"msec", 1e6}, {"msecs", 1e6}, {"s", 1e9},
	{"sec", 1e9},   {"secs", 1e9}, {NULL, 0},
};

static const struct unit periods[] = {
	{"s", 1},       {"sec", 1},      {"secs", 1},    {"m", 60},       {"min", 60},
	{"mins", 60},   {"h", 3600},     {"hour", 3600}, {"hours", 3600}, {"d", 86400},
	{"day", 86400}, {"days", 86400}, {NULL, 0},
};

static const struct unit shares[] = {{"%", UINT32_MAX / 100.0}, {NULL, 0}};

#define KI 1024.0
#define MI (KI * KI)
#define GI (KI * MI)
#define TI (KI * GI)

/* Bytes a second. Source: get_rate64() of tc. */
static const struct unit rates[] = {
	{"bit", 1 / 8.0},   {"kbit", 1e3 / 8}, {"mbit", 1e6 / 8}, {"gbit", 1e9 / 8},
	{"tbit", 1e12 / 8}, {"kibit", KI / 8}, {"mibit", MI / 8}, {"gibit", GI / 8},
	{"tibit", TI / 8},  {"bps", 1},        {"kbps", 1e3},     {"mbps", 1e6},
	{"gbps", 1e9},      {"tbps", 1e12},    {"kibps", KI},     {"mibps", MI},
	{"gibps", GI},      {"tibps", TI},     {NULL, 0},
};

/* Source: get_size() of tc. */
static const struct unit sizes[] = {
	{"b", 1},    {"k", KI}, {"kb", KI}, {"kib", KI}, {"m", MI}, {"mb", MI},
	{"mib", MI}, {"g", GI}, {"gb", GI}, {"gib", GI}, {NULL, 0},
};

static const struct quantity time_quantity = {.noun = "a time",
					      .units = "ns, us, ms or s",
					      .usual = "ms",
					      .most = 3600e9,
					      .most_text = "3600s",
					      .unit = times};
static const struct quantity period_quantity = {.noun = "a time",
						.units = "s, m, h or d",
						.usual = "s",
						.most = 366 * 86400.0,
						.most_text = "366d",
						.unit = periods};
static const struct quantity share_quantity = {.noun = "a percentage",
					       .units = "%",
					       .usual = "%",
					       .most = UINT32_MAX,
					       .most_text = "100%",
					       .unit = shares};
static const struct quantity rate_quantity = {
	.noun = "a rate",
	.units = "bit, kbit, mbit, gbit (bits a second), bps, kbps, mbps "
		 "or gbps (bytes a second)",
	.usual = "mbit",
	.most = 1e15,
	.most_text = "1000tbps",
	.unit = rates};
static const struct quantity size_quantity = {.noun = "a size",
					      .units = "k, M or G",
					      .usual = "M",
					      .most = 1024 * TI,
					      .most_text = "1048576G",
					      .unit = sizes,
					      .bare = true};

static bool digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Digits, perhaps with a point, at the beginning of a word. How many bytes they are; 0:
 * there is no number. */
static size_t decimal(struct policy_word word, double *number)
{
	size_t at = 0, digits = 0;
	double weight = 1;

	*number = 0;
	for (; at < word.length && digit(word.start[at]); at++, digits++)
		*number = *number * 10 + (word.start[at] - '0');
	if (at < word.length && word.start[at] == '.')
		for (at++; at < word.length && digit(word.start[at]); at++, digits++)
			*number += (word.start[at] - '0') * (weight /= 10);
	return digits ? at : 0;
}

static const struct unit *unit_find(const struct unit *unit, struct policy_word name)
{
	for (; unit->name; unit++)
		if (strlen(unit->name) == name.length &&
		    !strncasecmp(unit->name, name.start, name.length))
			return unit;
	return NULL;
}

static int bad_quantity(struct policy_line *line, struct policy_word word, size_t digits,
			const struct quantity *quantity)
{
	int shown = policy_word_shown(word);

	if (!word.length || policy_word_is(word, "if"))
		return policy_line_error(
			line, word.start, "%s is missing: write one with %s, like 10%s",
			quantity->noun, quantity->units, quantity->usual);
	if (!digits)
		return policy_line_error(line, word.start,
					 "'%.*s' is not %s: write a number with %s, like "
					 "10%s",
					 shown, word.start, quantity->noun,
					 quantity->units, quantity->usual);
	if (digits == word.length)
		return policy_line_error(line, word.start,
					 "'%.*s' has no unit: write it with %s, like "
					 "%.*s%s",
					 shown, word.start, quantity->units, shown,
					 word.start, quantity->usual);
	if (!quantity->unit[1].name)
		return policy_line_error(line, word.start,
					 "'%.*s' is not %s: write a number with %s "
					 "behind it",
					 shown, word.start, quantity->noun,
					 quantity->units);
	return policy_line_error(line, word.start,
				 "'%.*s' has a unit that does not exist: there are %s",
				 shown, word.start, quantity->units);
}

static int read_quantity(struct policy_line *line, struct policy_word word,
			 const struct quantity *quantity, double *value)
{
	double number;
	size_t digits = decimal(word, &number);
	struct policy_word name = {word.start + digits, word.length - digits};
	const struct unit *unit = unit_find(quantity->unit, name);

	if (!digits || (!unit && (name.length || !quantity->bare)))
		return bad_quantity(line, word, digits, quantity);
	number *= unit ? unit->factor : 1;
	if (number > quantity->most + 0.5)
		return policy_line_error(
			line, word.start, "%.*s is too much: up to %s is possible",
			policy_word_shown(word), word.start, quantity->most_text);
	*value = number;
	return 0;
}

int policy_unit_time(struct policy_line *line, struct policy_word word, uint64_t *ns)
{
	double value = 0;
	int ret = read_quantity(line, word, &time_quantity, &value);

	*ns = (uint64_t)(value + 0.5);
	return ret;
}

/* What is less than the unit that counts would be nothing. */
static int check_some(struct policy_line *line, struct policy_word word, double value,
		      const char *least)
{
	if (value >= 1)
		return 0;
	return policy_line_error(line, word.start,
				 "%.*s is too little: %s or more is possible",
				 policy_word_shown(word), word.start, least);
}

int policy_unit_period(struct policy_line *line, struct policy_word word, uint64_t *s)
{
	double value = 0;
	int ret = read_quantity(line, word, &period_quantity, &value);

	*s = (uint64_t)(value + 0.5);
	return ret < 0 ? ret : check_some(line, word, value, "1s");
}

int policy_unit_share(struct policy_line *line, struct policy_word word, uint32_t *share)
{
	double value = 0;
	int ret = read_quantity(line, word, &share_quantity, &value);

	*share = value < UINT32_MAX ? (uint32_t)(value + 0.5) : UINT32_MAX;
	return ret;
}

int policy_unit_rate(struct policy_line *line, struct policy_word word, uint64_t *rate)
{
	double value = 0;
	int ret = read_quantity(line, word, &rate_quantity, &value);

	*rate = (uint64_t)(value + 0.5);
	return ret < 0 ? ret : check_some(line, word, value, "8bit");
}

int policy_unit_size(struct policy_line *line, struct policy_word word, uint64_t *bytes)
{
	double value = 0;
	int ret = read_quantity(line, word, &size_quantity, &value);

	*bytes = (uint64_t)(value + 0.5);
	return ret < 0 ? ret : check_some(line, word, value, "1");
}

bool policy_unit_follows(const struct policy_line *line)
{
	struct policy_word word = policy_line_peek(line);

	return word.length && (digit(*word.start) || *word.start == '-' ||
			       *word.start == '+' || *word.start == '.');
}
