/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_wakeup.h - a multi handle of libcurl, and which descriptors it wakes itself up with. Private to the HTTP client.
 *
 * DESIGN. Each multi handle has a pair of sockets for curl_multi_wakeup(). Older versions of libcurl (7.88, of Debian
 * 12) let executed programs inherit it, and a forked child, which must never touch the handle, cannot have it closed:
 * libcurl tells nobody which descriptors these are. So their numbers are guessed and the guess is proved. A pair that
 * is made and closed right before has the numbers that are free now, which libcurl's pair gets unless another thread
 * takes them first. It is libcurl's if exactly as many bytes wait there as wake-ups were sent, each time, and none once
 * libcurl has looked. That only looks at counts, so that whoever else the descriptors belong to does not notice. When
 * the proof fails the handle is made anew, a few times.
 *
 * Of a libcurl that uses a pipe or an eventfd for the same purpose, as later ones may, it is never proved, and nothing
 * changes.
 */
#ifndef OTEL_EXPORTERS_HTTP_WAKEUP_H
#define OTEL_EXPORTERS_HTTP_WAKEUP_H

#include <curl/curl.h>

/*
 * NULL: memory is short. `pair` receives its descriptors, which are closed on exec then; -1 where they are not known.
 */
CURLM *otel__http_multi_create(int pair[2]);

#endif
