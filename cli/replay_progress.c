/* SPDX-License-Identifier: MIT */
#include "replay_progress.h"

#include <stdio.h>
#include <time.h>

#include "number.h"

#define LOOK_EVERY 4096u /* packets: the clock is not asked for each */
#define SHOW_EVERY_NS UINT64_C(200000000)
#define ERASE_LINE "\r\033[K"

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void show(const struct capture_reader *reader, uint64_t packets)
{
	uint64_t at, size;
	char number[32];

	capture_reader_progress(reader, &at, &size);
	fputs(ERASE_LINE, stderr);
	if (size)
		fprintf(stderr, "%3u %%  ",
			(unsigned int)((double)at * 100 / (double)size));
	fprintf(stderr, "%s packets", number_text(packets, number));
	fflush(stderr);
}

void replay_progress(struct replay_progress *progress,
		     const struct capture_reader *reader, uint64_t packets)
{
	uint64_t now;

	if (!progress->live || packets % LOOK_EVERY)
		return;
	now = clock_ns();
	if (now < progress->next_ns)
		return;
	progress->next_ns = now + SHOW_EVERY_NS;
	progress->shown = true;
	show(reader, packets);
}

void replay_progress_erase(struct replay_progress *progress)
{
	if (progress->shown)
		fputs(ERASE_LINE, stderr);
	progress->shown = false;
}
