/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llm_client.h - asks the external API for a summary of what a search has found.
 */
#ifndef KALKI_LLM_CLIENT_H
#define KALKI_LLM_CLIENT_H

#include "gateway/http_client.h"

/**
 * Asks once, for 2 s at most. `answer` is the JSON of a search's answer. Appends the summary to `summary` and returns
 * NULL, or one of few words for why there is none: timeout, unavailable, error, bad_answer.
 */
const char *llm_client_summarise(const struct http_client *client, const struct text *answer, struct text *summary);

/** Whether the service answers. */
bool llm_client_is_healthy(const struct http_client *client, long timeout_ms);

#endif
