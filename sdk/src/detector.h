/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detector.h - resource detectors: what they are called, and running those that a list names (specification:
 * resource/sdk.md, Detecting resource information from the environment).
 */
#ifndef OTEL_SDK_DETECTOR_H
#define OTEL_SDK_DETECTOR_H

#include "detectors/probe.h"

/* Adds what the detectors find that `names` lists; `source` says in reports where the list is from. */
void otel__detect(struct otel__builder *builder, const char *names, const char *source,
                  const struct otel__probe *probe);

/* Forgets what otel_resource_detector_add() added. For tests. */
void otel__detectors_forget(void);

#endif
