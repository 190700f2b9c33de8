/* SPDX-License-Identifier: Apache-2.0 */
/* fake_env.h - an environment of a test's own, for code that takes a function to read it. */
#ifndef OTEL_TEST_FAKE_ENV_H
#define OTEL_TEST_FAKE_ENV_H

/* Forgets all variables. */
void fake_env_clear(void);
/* Sets a variable, up to 32 of them; both texts must live on. A value of NULL unsets it. */
void fake_env_set(const char *name, const char *value);
/* The function to pass. */
const char *fake_env_get(const char *name);

#endif
