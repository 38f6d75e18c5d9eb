// Which records name attachments, by the fields that say so (doorstep/v1/attachment_options.proto).
#ifndef SYNC_TABLES_ATTACHMENTS_H_
#define SYNC_TABLES_ATTACHMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"

namespace doorstep {

// A record that names an attachment, by values that people see.
struct NamingRecord {
  Uuid record;
  uint32_t kind = 0;
  CompartmentId compartment;
  std::string sha256;  // 32 bytes
  uint64_t size = 0;   // at least 1

  bool operator==(const NamingRecord&) const = default;
};

// Records in `file` that name it, hidden ones too, kind by kind, in order of id; at most
// kMaxJudgementRecords of a kind.
absl::StatusOr<std::vector<NamingRecord>> RecordsNaming(Database& db, const Schema& schema,
                                                        const Uuid& file, absl::string_view sha256);

// Every record that names one, kind by kind, in order of id, the newest first. The visitor returns
// false to stop. It must not write.
absl::Status ForEachNaming(Database& db, const Schema& schema,
                           absl::FunctionRef<absl::StatusOr<bool>(const NamingRecord&)> visit);

}  // namespace doorstep

#endif  // SYNC_TABLES_ATTACHMENTS_H_
