/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say.h - lines for people, on stdout or stderr.
 */
#ifndef KALKI_SAY_H
#define KALKI_SAY_H

#include <stdio.h>

/**
 * Writes a line of up to 4,094 bytes, and its end, at once. It is left out when nobody reads for a second: a service
 * must not hang for want of a reader of its last words.
 */
__attribute__((format(printf, 2, 3))) void say(FILE *where, const char *format, ...);

#endif
