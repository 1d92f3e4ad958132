# Files as a part of the program.

# farebox_embed(NAME FUNCTION function DIRECTORY directory DEPENDS files...)
#
# Declares the library farebox_NAME, alias farebox::NAME, with all files below the directory as they
# are when it is built: compressed where that makes them smaller, with their types and ETags. Its
# header is "embedded/NAME.h":
#
#   namespace farebox::web { absl::Span<const EmbeddedFile> function(); }
#
# DEPENDS are what the directory is made of, or made from: when one of them changes, it is read
# again.
function(farebox_embed name)
  cmake_parse_arguments(arg "" "FUNCTION;DIRECTORY" "DEPENDS" ${ARGN})
  find_program(FAREBOX_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded)
  add_custom_command(
    OUTPUT ${out}/${name}.cc ${out}/${name}.h
    COMMAND ${FAREBOX_PYTHON} ${PROJECT_SOURCE_DIR}/tools/embed --name ${name} --function
            ${arg_FUNCTION} --directory ${arg_DIRECTORY} --output ${out}
    DEPENDS ${arg_DEPENDS} ${PROJECT_SOURCE_DIR}/tools/embed
    COMMENT "Embedding ${arg_DIRECTORY}"
    VERBATIM
  )
  add_library(farebox_${name} STATIC ${out}/${name}.cc ${out}/${name}.h)
  add_library(farebox::${name} ALIAS farebox_${name})
  target_include_directories(farebox_${name} PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(farebox_${name} PUBLIC farebox_build_flags farebox::web)
endfunction()
