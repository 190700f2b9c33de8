# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: libraries, public headers, CMake's package files and those of pkg-config. Everything
# finds the rest from where it lies itself, so that the installed tree may be moved.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/otel)
set(pkg_config_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(package_templates ${CMAKE_CURRENT_LIST_DIR})

# otel_install_library(name EXPORT set DESCRIPTION text INCLUDE dirs... EXCLUDE headers... REQUIRES names... LIBS names... WANTS symbol)
# installs both forms of a library, every header in the folders but those excluded, and otel-<name>.pc. REQUIRES names
# libraries of ours that come along, LIBS those of others that the static form needs. EXPORT: the file of targets, of
# which a package that may be absent has its own.
function(otel_install_library name)
    cmake_parse_arguments(PARSE_ARGV 1 ARG "" "EXPORT;DESCRIPTION;WANTS" "INCLUDE;EXCLUDE;REQUIRES;LIBS")
    install(TARGETS otel_${name} otel_${name}_static EXPORT ${ARG_EXPORT})
    set(excluded)
    foreach(header IN LISTS ARG_EXCLUDE)
        list(APPEND excluded PATTERN ${header} EXCLUDE)
    endforeach()
    foreach(dir IN LISTS ARG_INCLUDE)
        install(DIRECTORY ${dir}/otel TYPE INCLUDE FILES_MATCHING PATTERN "*.h" ${excluded})
    endforeach()

    list(TRANSFORM ARG_REQUIRES REPLACE "(.+)" "otel-\\1 = ${PROJECT_VERSION}")
    list(JOIN ARG_REQUIRES ", " requires)
    list(TRANSFORM ARG_LIBS PREPEND "-l")
    list(JOIN ARG_LIBS " " libs)
    set(link -lotel-${name})
    if(ARG_WANTS)
        set(link "-Wl,-u,${ARG_WANTS},--push-state,--no-as-needed ${link} -Wl,--pop-state")
    endif()
    set(prefix ${CMAKE_INSTALL_PREFIX})
    cmake_path(RELATIVE_PATH prefix BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
    set(include_dir "\${prefix}")
    cmake_path(APPEND include_dir ${CMAKE_INSTALL_INCLUDEDIR})
    configure_file(${package_templates}/otel.pc.in ${PROJECT_BINARY_DIR}/package/otel-${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/package/otel-${name}.pc DESTINATION ${pkg_config_dir})
endfunction()

# Once, after all libraries.
function(otel_install_package)
    configure_file(${package_templates}/otelConfig.cmake.in ${PROJECT_BINARY_DIR}/package/otelConfig.cmake @ONLY)
    # Until 1.0.0 a minor version may break the API.
    write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/otelConfigVersion.cmake COMPATIBILITY SameMinorVersion)
    install(EXPORT otelTargets NAMESPACE otel:: DESTINATION ${package_dir})
    if(OTEL_WITH_GRPC)
        install(EXPORT otelGrpcTargets NAMESPACE otel:: DESTINATION ${package_dir})
    endif()
    if(OTEL_WITH_PROMETHEUS)
        install(EXPORT otelPrometheusTargets NAMESPACE otel:: DESTINATION ${package_dir})
    endif()
    install(FILES ${PROJECT_BINARY_DIR}/package/otelConfig.cmake ${PROJECT_BINARY_DIR}/package/otelConfigVersion.cmake
        DESTINATION ${package_dir})
endfunction()
