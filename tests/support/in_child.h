/* SPDX-License-Identifier: Apache-2.0 */
/* in_child.h - runs part of a test in a forked child, where cmocka's assertions must not be used. */
#ifndef OTEL_TEST_IN_CHILD_H
#define OTEL_TEST_IN_CHILD_H

/*
 * What `part` returned in a child process, 0 to 127; 128 + the signal that ended the child, which is SIGALRM after a
 * minute. Convention: 0 is success.
 */
int in_child(int (*part)(void *argument), void *argument);

/* Ends a part as failed, and says where, when the condition does not hold. */
#define STEP(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            dprintf(2, "%s:%d: %s does not hold in the child\n", __FILE__, __LINE__, #condition);                      \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

#endif
