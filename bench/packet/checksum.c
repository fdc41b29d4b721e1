/* SPDX-License-Identifier: MIT */
/*
 * What a checksum costs: each way to add up the bytes, and the one that is chosen for so
 * many of them, beside memcpy of the same bytes. The subjects take turns within a round,
 * and a ratio is made of one round's two numbers, so that what else the machine does hits
 * both alike. It looks inside the library, so it stands apart from the other benchmarks.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "packet/checksum_words.h"

#define ROUNDS 201
#define TURN_BYTES 400000u /* so long is a turn ... */
#define TURN_CALL 100u     /* ... when a call counts as so many bytes itself */
#define LARGEST 65536u
#define OFFSET 4u /* as netlink aligns a packet */
#define SUBJECTS 8

struct subject {
	const char *name;
	uint64_t (*run)(const uint8_t *data, size_t length);
};

/* Where they stand to each other decides how fast some CPUs copy. */
static uint8_t source[LARGEST + OFFSET] __attribute__((aligned(4096)));
static uint8_t target[LARGEST] __attribute__((aligned(4096)));

static uint64_t copy(const uint8_t *data, size_t length)
{
	memcpy(target, data, length);
	__asm__ volatile("" : : "r"(target) : "memory"); /* it is wanted */
	return 0;
}

/* All that this CPU can do; memcpy, which the others are compared with, is the first. */
static uint32_t list_subjects(struct subject subjects[SUBJECTS])
{
	const struct checksum_variant *variant = checksum_variants;
	uint32_t count = 0;

	subjects[count++] = (struct subject){"memcpy", copy};
	subjects[count++] = (struct subject){"chosen", checksum_words};
	for (; variant->name && count < SUBJECTS; variant++)
		if (variant->is_supported())
			subjects[count++] =
				(struct subject){variant->name, variant->words};
	return count;
}

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Nanoseconds a call. */
static double turn(const struct subject *subject, size_t length)
{
	uint32_t calls = TURN_BYTES / ((uint32_t)length + TURN_CALL) + 1;
	double start = now_ns();

	for (uint32_t i = 0; i < calls; i++) {
		uint64_t sum = subject->run(source + OFFSET, length);

		__asm__ volatile("" : : "r"(sum) : "memory");
	}
	return (now_ns() - start) / calls;
}

static int by_value(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void print_spread(double values[ROUNDS], const char *format)
{
	qsort(values, ROUNDS, sizeof(values[0]), by_value);
	printf(format, values[ROUNDS / 2], values[ROUNDS / 10],
	       values[ROUNDS - 1 - ROUNDS / 10]);
}

static void compare(const struct subject *subjects, uint32_t count, size_t length)
{
	static double spent[SUBJECTS][ROUNDS], ratio[SUBJECTS][ROUNDS];

	for (int round = -1; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < count; i++) {
			double ns = turn(&subjects[i], length);

			if (round < 0) /* that one warms up */
				continue;
			spent[i][round] = ns;
			ratio[i][round] = ns / spent[0][round];
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		printf("%6zu  %-8s", length, subjects[i].name);
		print_spread(spent[i], "%8.1f (%.1f..%.1f)");
		if (i)
			print_spread(ratio[i], "   %6.2f (%.2f..%.2f)");
		printf("\n");
	}
}

int main(void)
{
	static const size_t lengths[] = {20, 64, 576, 1400, 9000, 65000};
	struct subject subjects[SUBJECTS];
	uint32_t count = list_subjects(subjects);

	for (uint32_t i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)(i * 167 + 13);
	printf(" bytes  subject   ns a call, and this / memcpy: median of %d rounds "
	       "(tenth..ninetieth percentile)\n",
	       ROUNDS);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		compare(subjects, count, lengths[i]);
	return 0;
}
