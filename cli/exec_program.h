/* SPDX-License-Identifier: MIT */
/* Looks whether the loader will take our libraries for a program. */
#ifndef CLI_EXEC_PROGRAM_H
#define CLI_EXEC_PROGRAM_H

/* Warns where it will not, as far as the file tells. `name` as execvp() takes it. */
void exec_check_program(const char *name);

#endif
