/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the support library buildable on its own. */
typedef int otel__empty;
