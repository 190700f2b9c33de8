/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies sent with Content-Encoding: gzip. */
#ifndef VIEW_GUNZIP_H
#define VIEW_GUNZIP_H

#include <stddef.h>
#include <stdint.h>

enum view_gunzip_status { VIEW_GUNZIP_OK, VIEW_GUNZIP_MALFORMED, VIEW_GUNZIP_TOO_LARGE, VIEW_GUNZIP_NO_MEMORY };

/* On success `*plain` is malloc'd; otherwise it is NULL. Never takes more than twice `limit` bytes. */
enum view_gunzip_status view_gunzip(const uint8_t *bytes, size_t len, size_t limit, uint8_t **plain, size_t *plain_len);

#endif
