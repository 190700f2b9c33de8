/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_grpc.c - see autoconfigure_grpc.h. */
#ifdef OTEL__WITH_CURL
#include "autoconfigure_grpc.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>

#define FILE_NAME "libotel-grpc.so." OTEL__ABI

/* Of libotel-grpc, if the program links that. */
extern const struct otel__grpc_exporters otel__grpc_exporters __attribute__((weak, visibility("default")));

static atomic_bool found;

const char *otel__grpc_library_problem(const struct otel__grpc_exporters *library) {
    if (library->abi != OTEL__GRPC_ABI)
        return "it is of another version than libotel-sdk: install both of the same one";
    if (library->sdk != otel_exporter_create)
        return "it uses another libotel-sdk than this program: link otel::grpc_static if the SDK is linked statically";
    return NULL;
}

/* NULL: `error` says why. It stays loaded for ever, as all our libraries do. */
static const struct otel__grpc_exporters *load(otel_error *error) {
    void *handle = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    const struct otel__grpc_exporters *library = handle ? dlsym(handle, "otel__grpc_exporters") : NULL;
    if (library)
        return library;
    const char *why = dlerror();
    snprintf(error->text, sizeof error->text,
             "it needs " FILE_NAME " (package libotel-grpc, CMake target otel::grpc), which cannot be loaded: %.120s",
             why ? why : "unknown");
    return NULL;
}

const struct otel__grpc_exporters *otel__grpc_library(otel_error *error) {
    const struct otel__grpc_exporters *library = &otel__grpc_exporters ? &otel__grpc_exporters : load(error);
    if (!library)
        return NULL;
    const char *problem = otel__grpc_library_problem(library);
    if (problem) {
        snprintf(error->text, sizeof error->text, "the library " FILE_NAME " cannot be used: %s", problem);
        return NULL;
    }
    atomic_store(&found, true);
    return library;
}

bool otel__grpc_library_found(void) { return atomic_load(&found); }

#endif
