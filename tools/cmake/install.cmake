# `cmake --install build/release --component doorstep --prefix DIR`: the library for applications.
#   Doorstep::client   C++, static, with its headers and the generated messages of proto/
#   Doorstep::c        the C interface, shared
# and doorstep.pc, for whoever asks pkg-config for the C interface.
include(CMakePackageConfigHelpers)

if(DOORSTEP_SANITIZE)
  return()
endif()

set_target_properties(doorstep_client PROPERTIES EXPORT_NAME client)
set_target_properties(doorstep_shared PROPERTIES EXPORT_NAME c)
target_include_directories(doorstep_shared PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Doorstep)
install(TARGETS
  doorstep_client doorstep_tables doorstep_blobs doorstep_sqlite doorstep_sqlite3 doorstep_cases doorstep_merge
  doorstep_change doorstep_schema doorstep_identity doorstep_base doorstep_built_in_schema doorstep_proto
  doorstep_proto_objects doorstep_grpc doorstep_grpc_objects doorstep_sodium doorstep_zstd
  doorstep_shared
  EXPORT DoorstepTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/doorstep COMPONENT doorstep
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT doorstep NAMELINK_COMPONENT doorstep)
install(EXPORT DoorstepTargets NAMESPACE Doorstep:: DESTINATION ${package} COMPONENT doorstep)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client-lib/include/
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT doorstep)
install(DIRECTORY ${DOORSTEP_GEN_DIR}/doorstep ${PROJECT_SOURCE_DIR}/proto/doorstep
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT doorstep
  FILES_MATCHING PATTERN "*.pb.h" PATTERN "*.proto" PATTERN "*.grpc.pb.h" EXCLUDE)

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/DoorstepConfig.cmake.in ${PROJECT_BINARY_DIR}/DoorstepConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/DoorstepConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/doorstep.pc.in ${PROJECT_BINARY_DIR}/doorstep.pc @ONLY)
install(FILES
  ${PROJECT_BINARY_DIR}/DoorstepConfig.cmake ${PROJECT_BINARY_DIR}/DoorstepConfigVersion.cmake
  DESTINATION ${package} COMPONENT doorstep)
install(FILES ${PROJECT_BINARY_DIR}/doorstep.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT doorstep)
