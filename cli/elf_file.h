/* SPDX-License-Identifier: MIT */
/* The little of an ELF file that says how the loader finds its libraries. */
#ifndef CLI_ELF_FILE_H
#define CLI_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct elf_facts {
	bool is_foreign; /* not of our architecture: nothing more is known */
	bool is_dynamic; /* it has a loader */
	bool needs_path; /* a library of ours is named with a '/' in it */
	bool has_rpath;  /* DT_RPATH, and no DT_RUNPATH, which would void it */
	char rpath[256]; /* its text, as much as has room */
};

/* Returns false if these bytes are no ELF file. Lengths that lie are taken for nothing.
 */
bool elf_read(const void *bytes, size_t size, struct elf_facts *facts);

#endif
