/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llm_handler.h - a double of an external API that writes summaries: as slow and as unreliable as it is told to be.
 */
#ifndef KALKI_LLM_HANDLER_H
#define KALKI_LLM_HANDLER_H

#include "service/http_server.h"

#include <stdatomic.h>

struct llm {
    long latency_ms;          /* of every answer */
    unsigned long fail_every; /* every N-th answer is a failure; 0: none */
    unsigned long hang_every; /* every N-th request is left waiting for longer than anyone waits; 0: none */
    atomic_ulong requests;
};

/** POST /v1/summary; `data` is a struct llm. */
void llm_summarise(void *data, const struct http_request *request, struct http_answer *answer);

#endif
