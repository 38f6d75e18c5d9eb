# Language, warnings, sanitizers and output folders, the same for every room.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(DOORSTEP_GEN_DIR ${PROJECT_BINARY_DIR}/gen)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or Sanitize" FORCE)
endif()
# All rooms can go into the shared library. Without interposition that costs next to nothing.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_compile_options(-fno-semantic-interposition)
# NDEBUG is never set: assertions stay, and Debian's libraries are built without it too.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g1")
set(CMAKE_C_FLAGS_DEBUG "-O2")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_SANITIZE "-O2")

# Compiles the sources of a target eight at a time, for headers take most of the time of a build. Names
# that are local to one source must then be its own within the target. The dev tree compiles each by
# itself, and lint reads each so: a source that lacks an #include is found there.
option(DOORSTEP_UNITY "Compile sources of a target together" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  # Another clone on the same machine, in whatever folder, compiles nothing twice.
  set(launcher ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=20G ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
# Names of files in the output do not tell where the clone lies: sources that are compiled together are
# included by their whole path, and an assertion keeps it.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

find_program(LLD NAMES ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()

# Applied by rooms.cmake to our own code; generated and foreign code is left out.
set(DOORSTEP_WARNINGS
  -Wall -Wextra -Wpedantic -Werror
  -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wundef -Wvla)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND DOORSTEP_WARNINGS -Wthread-safety -Wthread-safety-beta)
else()
  # g++-12 warns falsely inside std::string and std::variant when it optimises (GCC bug 105651 and
  # relatives); these stay visible or off, but do not stop the build.
  list(APPEND DOORSTEP_WARNINGS
    -Wno-restrict
    -Wno-subobject-linkage  # takes sources that are compiled together for headers
    -Wno-error=maybe-uninitialized -Wno-error=array-bounds
    -Wno-error=stringop-overflow -Wno-error=stringop-overread)
endif()

set(DOORSTEP_SANITIZE "" CACHE STRING "empty, address (with undefined), thread, or fuzzer")
# The secrets of devices that tests make in other languages (the rest: tests/support/test_keys.h).
set(DOORSTEP_TEST_ENVIRONMENT "DOORSTEP_KEYS=${PROJECT_BINARY_DIR}/test-keys")
if(DOORSTEP_SANITIZE STREQUAL "address")
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  # The allocator's clock (for giving memory back) is off: under libfaketime it is asked for while
  # libfaketime starts, and the program then waits for itself for ever.
  list(APPEND DOORSTEP_TEST_ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:allocator_release_to_os_interval_ms=-1"
    "LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_LIST_DIR}/leaks.txt:print_suppressions=0"
    "UBSAN_OPTIONS=print_stacktrace=1")
elseif(DOORSTEP_SANITIZE STREQUAL "thread")
  set(sanitize -fsanitize=thread)
  # Debian's gRPC and Abseil are not instrumented: without this they drown true races in false ones.
  list(APPEND DOORSTEP_TEST_ENVIRONMENT
    "TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1:second_deadlock_stack=1")
elseif(DOORSTEP_SANITIZE STREQUAL "fuzzer")
  set(sanitize -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
elseif(DOORSTEP_SANITIZE)
  message(FATAL_ERROR "DOORSTEP_SANITIZE: got '${DOORSTEP_SANITIZE}', want address, thread or fuzzer")
endif()
if(sanitize)
  # C++ only: the one C file is SQLite, which would take minutes.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${sanitize}>")
  add_link_options(${sanitize})
endif()
