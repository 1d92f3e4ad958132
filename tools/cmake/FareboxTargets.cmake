# One way to declare a target, so that every one has the same warnings, includes and header check.

find_program(FAREBOX_CCACHE ccache)
if(FAREBOX_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${FAREBOX_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FAREBOX_CCACHE})
endif()
# ccache can only reuse objects that were built with a precompiled header when it is told which
# differences do not matter.
set(ENV{CCACHE_SLOPPINESS} "pch_defines,time_macros,include_file_mtime,include_file_ctime")

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

# farebox_library(NAME SOURCES ... HEADERS ... [PUBLIC ...] [PRIVATE ...])
# Declares farebox_NAME with the alias farebox::NAME. Each header is also compiled alone (target
# farebox_NAME_verify_interface_header_sets).
function(farebox_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  set(target farebox_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(farebox::${name} ALIAS ${target})
  target_sources(
    ${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${arg_HEADERS}
  )
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(${target} PUBLIC farebox_build_flags ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# farebox_test(NAME SOURCES ... [LIBRARIES ...] [LABELS ...] [TIMEOUT seconds])
function(farebox_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(
    ${name} PRIVATE farebox_build_flags ${arg_LIBRARIES} GTest::gmock GTest::gtest_main
  )
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
