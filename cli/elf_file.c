/* SPDX-License-Identifier: MIT */
/* Source: elf(5). The file is anybody's: each offset is checked before it is followed. */
#include "elf_file.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

struct file {
	const unsigned char *bytes;
	size_t size;
	ElfW(Ehdr) head;
};

/* Copied, as it may be at any alignment. */
static bool load(const struct file *file, size_t offset, void *to, size_t length)
{
	if (offset > file->size || length > file->size - offset)
		return false;
	memcpy(to, file->bytes + offset, length);
	return true;
}

static bool is_ours(const ElfW(Ehdr) * head)
{
	ElfW(Ehdr) own;

	/* Of the program that is running: the loader maps its head. */
	extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
	own = __ehdr_start;
	return head->e_machine == own.e_machine &&
	       memcmp(head->e_ident, own.e_ident, EI_VERSION) == 0;
}

static bool segment(const struct file *file, unsigned int index, ElfW(Phdr) * out)
{
	if (index >= file->head.e_phnum || file->head.e_phentsize < sizeof(*out) ||
	    file->head.e_phoff > file->size)
		return false;
	return load(file, file->head.e_phoff + (size_t)index * file->head.e_phentsize,
		    out, sizeof(*out));
}

static bool find_segment(const struct file *file, unsigned int type, ElfW(Phdr) * out)
{
	for (unsigned int i = 0; segment(file, i, out); i++)
		if (out->p_type == type)
			return true;
	return false;
}

/* Where in the file an address is, or its size: nowhere. */
static size_t offset_of(const struct file *file, ElfW(Addr) address)
{
	ElfW(Phdr) part;

	for (unsigned int i = 0; segment(file, i, &part); i++)
		if (part.p_type == PT_LOAD && address >= part.p_vaddr &&
		    address - part.p_vaddr < part.p_filesz && part.p_offset <= file->size)
			return part.p_offset + (size_t)(address - part.p_vaddr);
	return file->size;
}

/* The text, or "" if it does not end within the file. */
static const char *text_at(const struct file *file, size_t strings, size_t offset)
{
	size_t at;

	if (strings > file->size || offset >= file->size - strings)
		return "";
	at = strings + offset;
	return memchr(file->bytes + at, 0, file->size - at)
		       ? (const char *)file->bytes + at
		       : "";
}

static bool is_library_path(const char *name)
{
	return strchr(name, '/') &&
	       (strstr(name, "/libnetfilter_queue.so") || strstr(name, "/libipq.so"));
}

static bool entry(const struct file *file, const ElfW(Phdr) * dynamic, size_t index,
		  ElfW(Dyn) * out)
{
	return index < dynamic->p_filesz / sizeof(*out) &&
	       dynamic->p_offset <= file->size &&
	       load(file, dynamic->p_offset + index * sizeof(*out), out, sizeof(*out)) &&
	       out->d_tag != DT_NULL;
}

static size_t find_strings(const struct file *file, const ElfW(Phdr) * dynamic)
{
	ElfW(Dyn) item;

	for (size_t i = 0; entry(file, dynamic, i, &item); i++)
		if (item.d_tag == DT_STRTAB)
			return offset_of(file, item.d_un.d_ptr);
	return file->size;
}

static void read_dynamic(const struct file *file, const ElfW(Phdr) * dynamic,
			 struct elf_facts *facts)
{
	size_t strings = find_strings(file, dynamic);
	bool has_runpath = false;
	const char *text;
	ElfW(Dyn) item;

	for (size_t i = 0; entry(file, dynamic, i, &item); i++) {
		text = text_at(file, strings, item.d_un.d_val);
		if (item.d_tag == DT_NEEDED && is_library_path(text))
			facts->needs_path = true;
		if (item.d_tag == DT_RUNPATH)
			has_runpath = true;
		if (item.d_tag != DT_RPATH)
			continue;
		facts->has_rpath = true;
		snprintf(facts->rpath, sizeof(facts->rpath), "%s", text);
	}
	facts->has_rpath &= !has_runpath;
}

bool elf_read(const void *bytes, size_t size, struct elf_facts *facts)
{
	struct file file = {.bytes = bytes, .size = size};
	ElfW(Phdr) dynamic, loader;

	*facts = (struct elf_facts){0};
	if (size < EI_NIDENT || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return false;
	facts->is_foreign =
		!load(&file, 0, &file.head, sizeof(file.head)) || !is_ours(&file.head);
	if (facts->is_foreign)
		return true;
	facts->is_dynamic = find_segment(&file, PT_INTERP, &loader);
	if (find_segment(&file, PT_DYNAMIC, &dynamic))
		read_dynamic(&file, &dynamic, facts);
	return true;
}
