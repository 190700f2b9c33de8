// SPDX-License-Identifier: Apache-2.0
//
// The Go SDK that contexts are exchanged with, and its propagators of the formats beside W3C's.

module otel-c/tests/interop/propagation

go 1.26.0

require (
	go.opentelemetry.io/contrib/propagators/b3 v1.47.0
	go.opentelemetry.io/contrib/propagators/jaeger v1.47.0
	go.opentelemetry.io/otel v1.47.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.opentelemetry.io/otel/trace v1.47.0 // indirect
)
