/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_ot.h - sampling probabilities in the tracestate: the member `ot`, such as "ot=th:c;rv:6e6d1a75832a2f"
 * (specification: trace/tracestate-handling.md, trace/tracestate-probability-sampling.md).
 *
 * A threshold T and a randomness R are 56-bit numbers; a span is sampled when R >= T. `th` is T in hexadecimal
 * without its trailing zeros; `rv`, when there, is R, which otherwise is the last 56 bits of the trace id.
 */
#ifndef OTEL_SDK_SAMPLER_OT_H
#define OTEL_SDK_SAMPLER_OT_H

#include <otel/types.h>

#define OTEL__THRESHOLD_NEVER (UINT64_C(1) << 56) /* more than any randomness */
#define OTEL__THRESHOLD_PRECISION 4
#define OTEL__PROBABILITY_LEAST 0x1p-56
enum { OTEL__THRESHOLD_DIGITS = 14, OTEL__OT_LONGEST = 256 };

/*
 * T for a probability from 0 to 1, by exact arithmetic, rounded half up to `precision` significant digits, which are
 * counted behind the leading f's; OTEL__THRESHOLD_NEVER when the probability rounds to 0.
 */
uint64_t otel__threshold_of(double probability, int precision);
/* The shortest text of a threshold, with a NUL. */
void otel__threshold_text(uint64_t threshold, char out[OTEL__THRESHOLD_DIGITS + 1]);
/* Reads 1 to 14 lowercase digits, as if padded with zeros on the right. */
bool otel__threshold_parse(otel_str th, uint64_t *threshold);
/* Reads exactly 14 lowercase digits. */
bool otel__randomness_parse(otel_str rv, uint64_t *randomness);
uint64_t otel__randomness_of(const uint8_t trace_id[16]);

/* The value of `ot` in the text of a tracestate; ptr NULL: there is none. */
otel_str otel__ot_find(otel_str tracestate);
/* The value of `key`, the first of them, in the value of `ot`, blanks around its items aside; ptr NULL: there is none. */
otel_str otel__ot_get(otel_str ot, const char *key);
/* Likewise of `th`; empty, which is no threshold, when there are several of them. */
otel_str otel__ot_threshold(otel_str ot);
/*
 * Writes `ot` to `out` with `key` set to `value`, or without `key` when value.ptr is NULL; all else stays. False, and
 * nothing is to be changed, when key or value are not of the required form or the result is too long.
 */
bool otel__ot_set(otel_str ot, const char *key, otel_str value, char out[OTEL__OT_LONGEST], size_t *len);

#endif
