/* SPDX-License-Identifier: MIT */
/* Where our libnetfilter_queue.so.1 and libipq.so.0 are. */
#ifndef CLI_EXEC_LIBRARIES_H
#define CLI_EXEC_LIBRARIES_H

#define EXEC_FOLDERS_MAX 8500

/* Writes the folders, with colons between them, as LD_LIBRARY_PATH wants them.
 * Returns 0, or -1 when there are none, and has said so. */
int exec_find_libraries(char folders[EXEC_FOLDERS_MAX]);

#endif
