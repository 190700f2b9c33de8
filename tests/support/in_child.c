/* SPDX-License-Identifier: Apache-2.0 */
/* in_child.c - parts of tests in a forked child; see in_child.h. */
#include "in_child.h"

#include <sys/wait.h>
#include <unistd.h>

int in_child(int (*part)(void *argument), void *argument) {
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        _exit(part(argument));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
