/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_health.h - checks of kalki-query's own; `data` is a struct query_service.
 */
#ifndef KALKI_QUERY_HEALTH_H
#define KALKI_QUERY_HEALTH_H

#include "service/health.h"

/** Whether the database answers, and how its connections are used. */
void query_health_database(void *data, struct health_report *report);
/** Whether the documents are loaded, and how many. */
void query_health_index(void *data, struct health_report *report);

#endif
