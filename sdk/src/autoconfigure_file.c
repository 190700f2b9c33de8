/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_file.c - the OTLP file exporter as the environment has it. */
#include "autoconfigure.h"

otel_exporter *otel__otlp_file_exporter(const struct otel__config *config, bool to_file, otel_error *error) {
    otel_otlp_file_options options = { .size = sizeof options, .error = error };
    if (to_file) {
        options.path = config->file_path;
        options.max_bytes = (size_t)config->file_max_bytes;
        options.max_age_ms = config->file_max_age_ms;
        options.kept_files = config->file_kept;
        options.sync = config->file_sync;
        options.sync_interval_ms = config->file_sync_interval_ms;
    }
    return otel_otlp_file_exporter(&options);
}
