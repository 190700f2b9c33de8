/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_identity.h - what a gRPC server shows of itself, and wants of its clients. */
#ifndef GRPC_IDENTITY_H
#define GRPC_IDENTITY_H

#include "authority.h"

#include <grpc/grpc_security.h>

/* Asks clients for a certificate of the authority if there is one. gRPC core has been started. */
grpc_server_credentials *grpc_identity_credentials(const struct identity *identity, const struct identity *authority);

#endif
