# The tests that look at the source itself. They are part of every build without a sanitizer.
if(FAREBOX_SANITIZE)
  return()
endif()

# farebox_lint_test(NAME COMMAND...)
function(farebox_lint_test name)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS lint SKIP_RETURN_CODE 77)
endfunction()

farebox_lint_test(tidy tools/tidy)
farebox_lint_test(tidy_test tools/tidy_test.py)
farebox_lint_test(format tools/tidy --format)
farebox_lint_test(protos_lint tools/tidy_protos lint)
farebox_lint_test(protos_breaking tools/tidy_protos breaking)
