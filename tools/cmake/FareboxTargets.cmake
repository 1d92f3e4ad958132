# One way to declare a target, so that every one has the same warnings, includes and header check.

find_program(FAREBOX_CCACHE ccache)
if(FAREBOX_CCACHE)
  # An object that was built with a precompiled header can be reused only where ccache is told which
  # differences do not matter; and one of another clone only where its folder does not.
  set(launcher
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${FAREBOX_CCACHE}
  )
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(farebox_build_flags INTERFACE)
target_include_directories(farebox_build_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(
  farebox_build_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                -Wno-missing-field-initializers $<$<BOOL:${FAREBOX_WERROR}>:-Werror>
)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(farebox_build_flags INTERFACE -Wthread-safety -Werror=thread-safety)
endif()
if(FAREBOX_SANITIZE)
  target_compile_options(
    farebox_build_flags INTERFACE -fsanitize=${FAREBOX_SANITIZE} -fno-omit-frame-pointer
                                  -fno-sanitize-recover=all
  )
  target_link_options(farebox_build_flags INTERFACE -fsanitize=${FAREBOX_SANITIZE})
endif()

# Linking with GNU's linker takes as long as compiling a twentieth of the tree.
find_program(FAREBOX_MOLD mold)
if(FAREBOX_MOLD)
  target_link_options(farebox_build_flags INTERFACE -fuse-ld=mold)
endif()

# To optimise a test's own code, and the frameworks' templates in it, takes longer than to run it.
# What it tests is optimised, and libraries of tests are a little.
add_library(farebox_test_flags INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(farebox_test_flags INTERFACE -O0)
endif()

# Headers that most sources of a kind include, compiled once. Sources still include what they use:
# builds without this option and the header check see to it. Kinds: library, test; rpc and rpc_test
# where gRPC's headers come in as well, and CLI11's, which cost seconds a file.
option(FAREBOX_PRECOMPILE "Precompile the headers that most sources include" OFF)
if(FAREBOX_PRECOMPILE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 is wrong about inlined std::string (its bugs 105329, 105651), and with a precompiled
    # header does not know that the code is the library's.
    target_compile_options(
      farebox_build_flags INTERFACE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow
                                    -Wno-stringop-overread
    )
  endif()
  set(kinds library)
  if(BUILD_TESTING)
    list(APPEND kinds test)
  endif()
  if(FAREBOX_WITH_GRPC)
    find_package(CLI11 REQUIRED)
    list(APPEND kinds rpc)
  endif()
  if(BUILD_TESTING AND FAREBOX_WITH_GRPC)
    list(APPEND kinds rpc_test)
  endif()
  foreach(kind IN LISTS kinds)
    set(libraries farebox_build_flags)
    set(headers
        <cstdint>
        <functional>
        <memory>
        <optional>
        <string>
        <utility>
        <vector>
        <absl/status/statusor.h>
        <absl/strings/str_cat.h>
        <absl/time/time.h>
    )
    if(kind MATCHES "test")
      list(APPEND libraries farebox_test_flags GTest::gmock)
      list(APPEND headers <gmock/gmock.h>)
    endif()
    if(kind MATCHES "rpc")
      list(APPEND libraries CLI11::CLI11 farebox::protos)
      list(
        APPEND
        headers
        <CLI/CLI.hpp>
        <grpcpp/grpcpp.h>
        <farebox/v1/account.grpc.pb.h>
        <farebox/v1/billing.grpc.pb.h>
        <farebox/v1/operations.grpc.pb.h>
        <farebox/v1/rate.grpc.pb.h>
      )
    endif()
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/precompiled_${kind}.cc CONTENT "")
    add_library(farebox_precompiled_${kind} OBJECT ${CMAKE_BINARY_DIR}/precompiled_${kind}.cc)
    target_link_libraries(farebox_precompiled_${kind} PRIVATE ${libraries})
    target_precompile_headers(farebox_precompiled_${kind} PRIVATE ${headers})
  endforeach()
endif()

# farebox_precompile(TARGET KIND), at the end of the target's folder, so that a target which
# precompiles its own is left alone.
function(farebox_precompile target kind)
  if(kind MATCHES "test")
    target_link_libraries(${target} PRIVATE farebox_test_flags)
  endif()
  if(FAREBOX_PRECOMPILE)
    cmake_language(EVAL CODE "cmake_language(DEFER CALL farebox_reuse ${target} ${kind})")
  endif()
endfunction()

function(farebox_reuse target kind)
  get_target_property(own ${target} PRECOMPILE_HEADERS)
  get_target_property(reused ${target} PRECOMPILE_HEADERS_REUSE_FROM)
  if(NOT own AND NOT reused)
    target_precompile_headers(${target} REUSE_FROM farebox_precompiled_${kind})
  endif()
endfunction()

# farebox_library(NAME [RPC] SOURCES ... HEADERS ... [PUBLIC ...] [PRIVATE ...])
# Declares farebox_NAME with the alias farebox::NAME. Each header is also compiled alone (target
# farebox_NAME_verify_interface_header_sets). RPC: its sources include gRPC's headers.
function(farebox_library name)
  cmake_parse_arguments(arg "RPC" "" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  set(target farebox_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(farebox::${name} ALIAS ${target})
  target_sources(
    ${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${arg_HEADERS}
  )
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(${target} PUBLIC farebox_build_flags ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  if(arg_RPC)
    farebox_precompile(${target} rpc)
  else()
    farebox_precompile(${target} library)
  endif()
endfunction()

# What the sources of a test program or large library have in common, other people's templates above
# all, takes longer than what each has of its own.
option(FAREBOX_JOIN_SOURCES "Compile sources of tests and large libraries a few at a time" OFF)

# farebox_join_sources(TARGET): their names are one name space then.
function(farebox_join_sources target)
  set_target_properties(
    ${target} PROPERTIES UNITY_BUILD ${FAREBOX_JOIN_SOURCES} UNITY_BUILD_BATCH_SIZE 5
  )
endfunction()

# A test of half a minute or more is begun before others: at the end it would run alone.
function(farebox_begin_early test is_long)
  if(is_long)
    set_tests_properties(${test} PROPERTIES COST 100)
  endif()
endfunction()

# farebox_test(NAME [RPC] [APART] [LONG] SOURCES ... [LIBRARIES ...] [LABELS ...] [TIMEOUT seconds])
# APART: its sources have names in common, and are compiled one by one. LONG: it is begun early, and
# FAREBOX_IN_FULL is defined where it is to do all that docs/reliability.md promises.
function(farebox_test name)
  cmake_parse_arguments(arg "RPC;APART;LONG" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(FAREBOX_SANITIZE)
    # It all takes several times as long, and more on a busy machine.
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 3")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(
    ${name} PRIVATE farebox_build_flags ${arg_LIBRARIES} GTest::gmock GTest::gtest_main
  )
  if(arg_LONG AND CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT FAREBOX_SANITIZE)
    target_compile_definitions(${name} PRIVATE FAREBOX_IN_FULL)
  endif()
  if(NOT arg_APART)
    farebox_join_sources(${name})
  endif()
  if(arg_RPC)
    farebox_precompile(${name} rpc_test)
  else()
    farebox_precompile(${name} test)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  farebox_begin_early(${name} ${arg_LONG})
endfunction()

# farebox_script_test(NAME [LONG] [ARGUMENTS ...] [LABELS ...] [TIMEOUT seconds])
# Adds a test that is a script of this folder, NAME.py or NAME.sh, run from the top of the tree.
# Python is Debian's own, because that is the one that has Debian's packages.
function(farebox_script_test name)
  cmake_parse_arguments(arg "LONG" "TIMEOUT" "ARGUMENTS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set(command ${CMAKE_CURRENT_SOURCE_DIR}/${name}.sh)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.py)
    find_program(FAREBOX_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
    set(command ${FAREBOX_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/${name}.py)
  endif()
  add_test(
    NAME ${name}
    COMMAND ${command} ${arg_ARGUMENTS}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
  )
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
  farebox_begin_early(${name} ${arg_LONG})
endfunction()
