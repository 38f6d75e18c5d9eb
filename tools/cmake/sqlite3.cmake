# doorstep_sqlite3: the SQLite3 Multiple Ciphers amalgamation as one static library.
# Only sync/sqlite includes its header.

set(DOORSTEP_SQLITE_DIR
  ${PROJECT_SOURCE_DIR}/tools/sqlite/node_modules/better-sqlite3-multiple-ciphers/deps/sqlite3
  CACHE PATH "Directory with sqlite3.c and sqlite3.h of SQLite3 Multiple Ciphers")
if(NOT EXISTS ${DOORSTEP_SQLITE_DIR}/sqlite3.c)
  message(FATAL_ERROR
    "No sqlite3.c in ${DOORSTEP_SQLITE_DIR}. Run tools/setup, or set DOORSTEP_SQLITE_DIR.")
endif()

add_library(doorstep_sqlite3 STATIC ${DOORSTEP_SQLITE_DIR}/sqlite3.c)
target_include_directories(doorstep_sqlite3 SYSTEM PUBLIC $<BUILD_INTERFACE:${DOORSTEP_SQLITE_DIR}>)
target_compile_definitions(doorstep_sqlite3 PRIVATE
  SQLITE_TEMP_STORE=3  # temporary data in memory only: on disk it would not be encrypted
  SQLITE_THREADSAFE=1
  SQLITE_DQS=0
  SQLITE_DEFAULT_FOREIGN_KEYS=0
  SQLITE_ENABLE_FTS5
  SQLITE_ENABLE_DBSTAT_VTAB
  SQLITE_OMIT_LOAD_EXTENSION)
# Never instrumented, never with debug information: either would take minutes.
target_compile_options(doorstep_sqlite3 PRIVATE -O2 -g0 -w)
target_link_libraries(doorstep_sqlite3 PUBLIC Threads::Threads m ${CMAKE_DL_LIBS})
