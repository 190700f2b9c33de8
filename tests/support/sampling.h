/* SPDX-License-Identifier: Apache-2.0 */
/* sampling.h - what a running SDK samples, and what it says meanwhile, from any of its threads. */
#ifndef OTEL_TEST_SAMPLING_H
#define OTEL_TEST_SAMPLING_H

#include <otel/sdk.h>

/* Whether a root that starts now is sampled; it ends at once. */
bool one_is_sampled(void);
/* Starts roots until one is, or is not: false after 20 s. */
bool sampling_comes_to(bool sampled);

/* An otel_sdk_options.diagnostic that keeps warnings and errors; forgetting what it heard; whether a text was among it. */
void sampling_listen(void *data, otel_log_level level, const char *text);
void sampling_forget(void);
bool sampling_has_said(const char *text);
/* In a forked child: the parent's other thread may have been listening. */
void sampling_renew(void);
/* All of it, once the SDK has come to rest. */
const char *sampling_said(void);

#endif
