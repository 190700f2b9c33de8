/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_health.h - whether what the gateway needs is there. `data` of each check is its struct gateway.
 */
#ifndef KALKI_GATEWAY_HEALTH_H
#define KALKI_GATEWAY_HEALTH_H

#include "service/health.h"

void gateway_check_query(void *data, struct health_report *report);
/** The database's state, as kalki-query tells it. */
void gateway_check_database(void *data, struct health_report *report);
void gateway_check_cache(void *data, struct health_report *report);
void gateway_check_llm(void *data, struct health_report *report);

#endif
