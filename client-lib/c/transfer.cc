// doorstep.h: records in and out as text, and the schema by which they are read.
#include "doorstep/transfer.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "client-lib/c/arguments.h"
#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "doorstep/json.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/schema/schema.h"

namespace {

using doorstep::Replica;
using doorstep::c::GiveBytes;
using doorstep::c::GiveJson;
using doorstep::c::Given;
using doorstep::c::Line;
using doorstep::c::Run;
using doorstep::c::Stopped;

// `progress` and `result_json` may be null.
absl::Status Import(doorstep_replica* replica, const char* options_json, doorstep_source source,
                    doorstep_visit progress, void* context, char** result_json) {
  doorstep::ImportOptions options;
  DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadImport(options_json, &options));
  if (progress != nullptr) {
    options.progress = [&](uint64_t records) {
      return progress(context, Line({{"records", records}}).c_str()) == 0;
    };
  }
  const auto read = [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    const int got = source(context, buffer, size);
    if (got < 0) return Stopped();
    if (static_cast<size_t>(got) > size) {
      return absl::InvalidArgumentError(
          absl::StrCat("source: got ", got, " bytes, wanted at most ", size));
    }
    return static_cast<size_t>(got);
  };
  DOORSTEP_ASSIGN_OR_RETURN(const doorstep::ImportResult result,
                            doorstep::Import(*replica->replica, options, read));
  return result_json == nullptr ? absl::OkStatus()
                                : GiveJson(doorstep::ToJson(result, options.dry_run), result_json);
}

}  // namespace

extern "C" {

int doorstep_use_schema(const char* directory, const unsigned char* bytes, size_t size,
                        doorstep_error** error) {
  return doorstep_use_schema_with(directory, bytes, size, nullptr, error);
}

int doorstep_use_schema_with(const char* directory, const unsigned char* bytes, size_t size,
                             const char* options_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("directory", directory, "bytes", bytes));
    doorstep::OpenOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadUnlock(options_json, &options.environment.unlock));
    return Replica::UseSchema(
        directory, absl::string_view(reinterpret_cast<const char*>(bytes), size), options);
  });
}

int doorstep_schema(doorstep_replica* replica, unsigned char** bytes, size_t* size,
                    doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "bytes", bytes, "size", size));
    return GiveBytes(replica->replica->schema().descriptor_set(), bytes, size);
  });
}

int doorstep_export(doorstep_replica* replica, const char* options_json, doorstep_sink sink,
                    void* context, char** result_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "sink", sink));
    doorstep::ExportOptions options;
    DOORSTEP_RETURN_IF_ERROR(doorstep::c::ReadExport(options_json, &options));
    DOORSTEP_ASSIGN_OR_RETURN(
        const doorstep::ExportResult result,
        doorstep::Export(*replica->replica, options, [&](absl::string_view rows) {
          return sink(context, rows.data(), rows.size()) == 0 ? absl::OkStatus() : Stopped();
        }));
    return result_json == nullptr ? absl::OkStatus()
                                  : GiveJson(doorstep::ToJson(result), result_json);
  });
}

int doorstep_import(doorstep_replica* replica, const char* options_json, doorstep_source source,
                    void* context, char** result_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "source", source));
    return Import(replica, options_json, source, nullptr, context, result_json);
  });
}

int doorstep_import_with_progress(doorstep_replica* replica, const char* options_json,
                                  doorstep_source source, doorstep_visit progress, void* context,
                                  char** result_json, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, "source", source, "progress", progress));
    return Import(replica, options_json, source, progress, context, result_json);
  });
}

}  // extern "C"
