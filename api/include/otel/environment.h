/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/environment.h - carrying a context in environment variables (specification: context/env-carriers.md).
 *
 * At the start of a program that others run, such as a command or a job:
 *
 *     otel_context parent = otel_extract(NULL, &otel_environment_getter, environ);
 *
 * Where a program runs another one:
 *
 *     otel_environment child = otel_environment_inject(NULL, environ);
 *     posix_spawnp(&pid, "convert", NULL, NULL, arguments, child.envp);
 *     otel_environment_release(&child);
 *
 * The variable of a field is its name in upper case, with `_` for each character that is no ASCII letter or digit, and
 * in front of a leading digit: TRACEPARENT, X_B3_TRACEID. Values are passed as they are, whole.
 *
 * The library starts no processes, changes nothing in the process's own environment and never calls getenv(): it reads
 * the `envp` that it is given, and nobody may change that meanwhile. (So extract before there are threads that might
 * call setenv().) It allocates: between fork() and exec() use what was made before. Environment variables can be read by
 * all code in the process, by the processes that it starts and by others of the same user: put no secrets into baggage,
 * and don't trust what comes from an environment that somebody else chose.
 */
#ifndef OTEL_ENVIRONMENT_H
#define OTEL_ENVIRONMENT_H

#include <otel/propagation.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * Reads an environment: the carrier is the `envp` itself, NULL being an empty one. Of a variable that is there twice the
 * first counts. Only variables whose names are upper case as above are seen. Formats with a field for each entry of
 * baggage (jaeger, ottrace) find none here, since their names don't survive.
 */
extern const otel_getter otel_environment_getter;

/** An environment for another process. */
typedef struct otel_environment {
    char **envp; /**< ends with NULL; for posix_spawn() or execve() */
    uint64_t opaque_[2];
} otel_environment;

/**
 * A copy of `envp` (NULL: empty) that holds `context` (NULL: the current one), as all propagators in use write it. What
 * `envp` holds under their names is left out first, so that nothing of another context remains. The caller owns the
 * result. Where memory is short, parts of the context are left out, and `envp` is the one given if there is no copy.
 */
otel_environment otel_environment_inject(const otel_context *context, char *const *envp) OTEL__OWNED;

/** A copy of `envp` (NULL: empty) as it is, to be written with otel_environment_setter. Owned and failing likewise. */
otel_environment otel_environment_copy(char *const *envp) OTEL__OWNED;

/** Writes into an otel_environment, which is the carrier, and by that ends the validity of its former `envp`. */
extern const otel_setter otel_environment_setter;

/** Frees the copy and its strings, and empties `environment`; releasing twice, and NULL, are ignored. */
void otel_environment_release(otel_environment *environment);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
