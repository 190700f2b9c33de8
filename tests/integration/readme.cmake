# SPDX-License-Identifier: Apache-2.0
# The commands of README.md. They build the release preset and use the default ports, so one at a time, and once is enough.
set(readme_test ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/readme_test.py --logs ${CMAKE_CURRENT_BINARY_DIR}/readme)

add_test(NAME integration/readme COMMAND ${readme_test} Readme)
set_tests_properties(integration/readme PROPERTIES LABELS "integration;once")
add_test(NAME interop/readme COMMAND ${readme_test} Jaeger)
set_tests_properties(interop/readme PROPERTIES LABELS interop FIXTURES_REQUIRED jaeger SKIP_RETURN_CODE 77)

set_tests_properties(integration/readme interop/readme PROPERTIES TIMEOUT 900 RESOURCE_LOCK default_ports
    ENVIRONMENT "${integration_environment}")
