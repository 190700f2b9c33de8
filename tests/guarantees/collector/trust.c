/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - makes a test program trust the certificate whose file TEST_CERTIFICATE names, since the exporter trusts
 * the system's only: libcurl's curl_easy_init() is found here first, also by libotel-sdk.so.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>

__attribute__((visibility("default"))) CURL *curl_easy_init(void) {
    CURL *(*libcurl)(void) = (CURL * (*)(void)) dlsym(RTLD_NEXT, "curl_easy_init");
    const char *certificate = getenv("TEST_CERTIFICATE");
    if (!libcurl)
        abort(); /* libcurl is linked statically */
    CURL *easy = libcurl();
    if (easy && certificate)
        curl_easy_setopt(easy, CURLOPT_CAINFO, certificate);
    return easy;
}
