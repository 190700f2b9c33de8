/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_lock.h - keeps processes that write to one file, or one pipe, apart.
 *
 * DESIGN. It is fcntl()'s lock, which belongs to a process and not to a descriptor. So a parent and its forked children,
 * who share the descriptor, are kept apart; a child needs no permission to open the file again; and a process that dies
 * leaves no lock behind, even if its children live. Locks of open file descriptions (F_OFD_SETLK) would do none of that, and
 * one that the program itself holds on its output would keep ours out. Threads of one process are not kept apart: callers
 * see to that.
 */
#ifndef OTEL_EXPORTERS_FILE_LOCK_H
#define OTEL_EXPORTERS_FILE_LOCK_H

#include <stdbool.h>

/* False: another process has it. What knows no such locks counts as locked. Does not wait. Both preserve errno. */
bool otel__file_lock_try(int fd);
void otel__file_lock_release(int fd);

#endif
