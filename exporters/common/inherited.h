/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inherited.h - what a forked child, or a process that closed all its descriptors, must never touch again.
 *
 * An export may have been under way on another thread when fork() copied the process, so in the child its memory may
 * be half changed, and its library handles belong to connections that the parent goes on using. The child leaves all
 * that behind. It keeps hold of it here only so that a leak checker sees that this is on purpose.
 */
#ifndef OTEL_EXPORTERS_INHERITED_H
#define OTEL_EXPORTERS_INHERITED_H

/* The first member of a structure that may be left behind. */
struct otel__inherited {
    struct otel__inherited *next;
};

/* NULL is ignored. Thread-safe; in a child called by the thread that forked, while there is no other. */
void otel__inherited_leave(struct otel__inherited *what);

#endif
