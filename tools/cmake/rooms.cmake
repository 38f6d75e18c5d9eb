# One call per target. Sources are relative to the room; the repository root is the include root.
#
#   doorstep_room(NAME doorstep_merge SOURCES plan.cc heads.cc DEPS doorstep_change absl::status)
#   doorstep_program(NAME doorstep SOURCES main.cc DEPS doorstep_client CLI11::CLI11)
#   doorstep_test(NAME merge_test SOURCES plan_test.cc DEPS doorstep_merge doorstep_rapidcheck)
#   doorstep_command_test(NAME demo_test COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run.sh DEPS doorstep SLOW)
#   doorstep_fuzz(NAME envelope_fuzz SOURCES envelope_fuzz.cc DEPS doorstep_change)
#
# A test's own sources are not optimised, which halves the time that a clean build spends on them;
# OPTIMISED is for those that compute for long themselves. What they test is always optimised.
# APART names sources that are compiled by themselves (see DOORSTEP_UNITY), because they call by one
# name what another of the target's sources has too.
# A folder `include` in a room is added for everyone who depends on the room. SLOW gives a test the
# label "slow" instead of "quick"; THREADS adds "threads", which the thread sanitizer tree runs.

# What the sanitizer trees build, so that they need not build everything.
add_custom_target(doorstep_quick_tests)
add_custom_target(doorstep_threads_tests)

function(doorstep_ours target)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${DOORSTEP_WARNINGS}>")
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD "${DOORSTEP_UNITY}" UNITY_BUILD_BATCH_SIZE 8)
endfunction()

function(doorstep_apart)
  if(ARGN)
    set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

function(doorstep_room)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;DEPS;APART")
  add_library(${arg_NAME} STATIC ${arg_SOURCES})
  doorstep_apart(${arg_APART})
  doorstep_ours(${arg_NAME})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/include)
    target_include_directories(${arg_NAME} PUBLIC
      $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  endif()
  target_link_libraries(${arg_NAME} PUBLIC ${arg_DEPS} Threads::Threads)
endfunction()

function(doorstep_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;DEPS")
  add_executable(${arg_NAME} ${arg_SOURCES})
  doorstep_ours(${arg_NAME})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS})
endfunction()

# Labels, time limit and sanitizer options of a registered test that runs the targets ARGN.
function(doorstep_label name slow threads)
  set(labels quick)
  # Ends what hangs. Sanitizers on a busy machine take ten times as long as an idle release build.
  set(timeout 1800)
  set(cost 1)
  if(slow)
    set(labels slow)
    set(timeout 2700)
    set(cost 1000)  # begins first, so that the short ones fill the gaps
  endif()
  if(threads)
    list(APPEND labels threads)
  endif()
  set_tests_properties(${name} PROPERTIES
    LABELS "${labels}" TIMEOUT ${timeout} COST ${cost} ENVIRONMENT "${DOORSTEP_TEST_ENVIRONMENT}")
  foreach(label IN LISTS labels)
    if(TARGET doorstep_${label}_tests AND NOT "${ARGN}" STREQUAL "")
      add_dependencies(doorstep_${label}_tests ${ARGN})
    endif()
  endforeach()
endfunction()

function(doorstep_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SLOW;THREADS;OPTIMISED" "NAME" "SOURCES;DEPS;APART")
  add_executable(${arg_NAME} ${arg_SOURCES})
  doorstep_ours(${arg_NAME})
  doorstep_apart(${arg_APART})
  if(NOT arg_OPTIMISED)
    target_compile_options(${arg_NAME} PRIVATE "$<$<CONFIG:Release>:-O0>")
  endif()
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS} GTest::gmock_main)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  # The XML is where tools/test counts single cases.
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} --gtest_brief=1
    --gtest_output=xml:${PROJECT_BINARY_DIR}/test-results/${arg_NAME}.xml)
  doorstep_label(${arg_NAME} "${arg_SLOW}" "${arg_THREADS}" ${arg_NAME})
  if(arg_OPTIMISED AND NOT arg_SLOW)
    set_tests_properties(${arg_NAME} PROPERTIES COST 100)  # next to begin
  endif()
endfunction()

function(doorstep_command_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SLOW;THREADS" "NAME" "COMMAND;DEPS")
  add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND})
  doorstep_label(${arg_NAME} "${arg_SLOW}" "${arg_THREADS}" ${arg_DEPS})
endfunction()

# A libFuzzer program in the fuzz tree; nothing elsewhere.
function(doorstep_fuzz)
  if(NOT DOORSTEP_SANITIZE STREQUAL "fuzzer")
    return()
  endif()
  doorstep_program(${ARGV})
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;DEPS")
  target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
endfunction()
