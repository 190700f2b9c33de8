# SPDX-License-Identifier: Apache-2.0
# How everything is compiled, and otel_library(), which makes one library in its shared and its static form.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

if(NOT CMAKE_BUILD_TYPE AND PROJECT_IS_TOP_LEVEL)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(otel_compile INTERFACE)
target_compile_definitions(otel_compile INTERFACE _GNU_SOURCE)
target_compile_options(otel_compile INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wconversion;-Wshadow;-Wstrict-prototypes;-Wmissing-prototypes;-Wvla>
    $<$<BOOL:${OTEL_WERROR}>:-Werror>)
if(OTEL_SANITIZE)
    # The instrumented code and what links it need the same flags.
    add_compile_options(-fsanitize=${OTEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${OTEL_SANITIZE})
endif()
if(OTEL_FUZZ)
    # Coverage for the fuzzers to go by, in everything; only they themselves have libFuzzer's main().
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

# A plug-in host that unloads us would pull code from under threads and exit handlers: neither we nor, where it is the
# static library, what we are linked into may be unloaded.
set(OTEL_STAY_LOADED -Wl,-z,nodelete)

# What libraries have in their SONAMEs. Until 1.0.0 a minor version may break the ABI.
set(OTEL_ABI ${PROJECT_VERSION_MAJOR})
if(OTEL_ABI EQUAL 0)
    string(APPEND OTEL_ABI .${PROJECT_VERSION_MINOR})
endif()

# otel_library(name SOURCES ... OBJECTS ready-made objects... PUBLIC_INCLUDE dirs... PRIVATE_INCLUDE dirs... LINK_PUBLIC targets LINK_PRIVATE targets
#     and what install.cmake adds: EXPORT set, otherwise otelTargets, DESCRIPTION text EXCLUDE headers... LIBS names... WANTS symbol)
# WANTS: a symbol for whose sake a program links the library even if it doesn't name it.
# makes otel_<name> (shared, libotel-<name>.so) and otel_<name>_static (libotel-<name>.a) from the same objects.
function(otel_library name)
    cmake_parse_arguments(PARSE_ARGV 1 ARG "" "EXPORT;DESCRIPTION;WANTS"
        "SOURCES;OBJECTS;PUBLIC_INCLUDE;PRIVATE_INCLUDE;LINK_PUBLIC;LINK_PRIVATE;EXCLUDE;LIBS")
    set(objects otel_${name}_objects)
    add_library(${objects} OBJECT ${ARG_SOURCES})
    target_include_directories(${objects} PRIVATE ${ARG_PRIVATE_INCLUDE} ${ARG_PUBLIC_INCLUDE})
    target_compile_definitions(${objects} PRIVATE OTEL__VERSION="${PROJECT_VERSION}")
    target_link_libraries(${objects} PRIVATE otel_compile Threads::Threads ${ARG_LINK_PRIVATE})
    foreach(dependency IN LISTS ARG_LINK_PUBLIC)
        target_include_directories(${objects} PRIVATE
            $<TARGET_PROPERTY:otel_${dependency},INTERFACE_INCLUDE_DIRECTORIES>)
    endforeach()

    foreach(form "" _static)
        set(target otel_${name}${form})
        if(form STREQUAL "")
            add_library(${target} SHARED $<TARGET_OBJECTS:${objects}> ${ARG_OBJECTS})
            target_link_options(${target} PRIVATE ${OTEL_STAY_LOADED} -Wl,-z,defs -Wl,--as-needed)
            set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${OTEL_ABI})
        else()
            add_library(${target} STATIC $<TARGET_OBJECTS:${objects}> ${ARG_OBJECTS})
            target_link_options(${target} INTERFACE ${OTEL_STAY_LOADED})
        endif()
        if(ARG_WANTS AND form STREQUAL "")
            # Where linkers drop shared libraries that nothing refers to, -u alone is no reason to keep one.
            set(file $<TARGET_FILE:$<TARGET_NAME:${target}>>)
            target_link_libraries(${target} INTERFACE -Wl,--push-state,--no-as-needed,${file},--pop-state)
        elseif(ARG_WANTS)
            target_link_options(${target} INTERFACE -Wl,-u,${ARG_WANTS})
        endif()
        add_library(otel::${name}${form} ALIAS ${target})
        set_target_properties(${target} PROPERTIES OUTPUT_NAME otel-${name} EXPORT_NAME ${name}${form})
        foreach(dir IN LISTS ARG_PUBLIC_INCLUDE)
            target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${dir}>)
        endforeach()
        target_include_directories(${target} PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
        foreach(dependency IN LISTS ARG_LINK_PUBLIC)
            target_link_libraries(${target} PUBLIC otel_${dependency}${form})
        endforeach()
        target_link_libraries(${target} PRIVATE ${ARG_LINK_PRIVATE} Threads::Threads)
    endforeach()
    if(OTEL_SANITIZE)
        # The sanitizers' runtime comes with the executable, so that a library has unresolved symbols.
        set_target_properties(otel_${name} PROPERTIES LINK_OPTIONS "${OTEL_STAY_LOADED};-Wl,--as-needed")
    endif()
    if(OTEL_INSTALL)
        if(NOT ARG_EXPORT)
            set(ARG_EXPORT otelTargets)
        endif()
        otel_install_library(${name} EXPORT ${ARG_EXPORT} DESCRIPTION ${ARG_DESCRIPTION} INCLUDE ${ARG_PUBLIC_INCLUDE} EXCLUDE ${ARG_EXCLUDE}
            REQUIRES ${ARG_LINK_PUBLIC} LIBS ${ARG_LIBS} WANTS "${ARG_WANTS}")
    endif()
endfunction()
