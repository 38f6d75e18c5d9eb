# Everything Debian provides. Names to use in DEPS: absl::status and other absl::*,
# protobuf::libprotobuf, gRPC::grpc++ (by way of doorstep_grpc), OpenSSL::SSL, OpenSSL::Crypto,
# Threads::Threads, spdlog::spdlog, CLI11::CLI11, nlohmann_json::nlohmann_json,
# benchmark::benchmark, doorstep_sodium, doorstep_zstd, doorstep_qrencode, doorstep_dtl,
# doorstep_rapidcheck.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)

pkg_check_modules(sodium REQUIRED IMPORTED_TARGET GLOBAL libsodium)
add_library(doorstep_sodium INTERFACE)
target_link_libraries(doorstep_sodium INTERFACE PkgConfig::sodium)

pkg_check_modules(zstd REQUIRED IMPORTED_TARGET GLOBAL libzstd)
add_library(doorstep_zstd INTERFACE)
target_link_libraries(doorstep_zstd INTERFACE PkgConfig::zstd)

# Headers only.
find_path(DTL_INCLUDE dtl/dtl.hpp REQUIRED)
add_library(doorstep_dtl INTERFACE)
target_include_directories(doorstep_dtl SYSTEM INTERFACE ${DTL_INCLUDE})

# What only programs and tests of this machine use.
if(CMAKE_CROSSCOMPILING)
  return()
endif()
find_package(GTest CONFIG REQUIRED)
find_package(benchmark CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
pkg_check_modules(qrencode REQUIRED IMPORTED_TARGET GLOBAL libqrencode)
add_library(doorstep_qrencode INTERFACE)
target_link_libraries(doorstep_qrencode INTERFACE PkgConfig::qrencode)
find_path(RAPIDCHECK_INCLUDE rapidcheck/gtest.h REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
add_library(doorstep_rapidcheck INTERFACE)
target_include_directories(doorstep_rapidcheck SYSTEM INTERFACE ${RAPIDCHECK_INCLUDE})
target_link_libraries(doorstep_rapidcheck INTERFACE ${RAPIDCHECK_LIBRARY})
