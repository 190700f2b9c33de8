# SPDX-License-Identifier: Apache-2.0
# What one datagram to a Jaeger agent is: a call of emitBatch, to which nothing is answered.
include "jaeger.thrift"

service Agent {
  oneway void emitBatch(1: jaeger.Batch batch)
}
