// The values that a replica hands out as JSON: what `doorstep --json` prints and the C interface
// returns. Times are text, ISO 8601 in UTC; keys that have nothing to say are left out.
#ifndef DOORSTEP_JSON_H_
#define DOORSTEP_JSON_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "doorstep/attachments.h"
#include "doorstep/due.h"
#include "doorstep/news.h"
#include "doorstep/sync_loop.h"
#include "doorstep/transfer.h"
#include "doorstep/types.h"
#include "doorstep/why.h"
#include "nlohmann/json_fwd.hpp"

namespace doorstep {

nlohmann::json ToJson(const Version& version);
nlohmann::json ToJson(const Conflict& conflict);
nlohmann::json ToJson(const AuthorNotice& notice);
nlohmann::json ToJson(const Duplicate& pair);
nlohmann::json ToJson(const RecordInfo& info);
nlohmann::json ToJson(const SignOffInfo& signature);
nlohmann::json ToJson(const OwnChange& change);
nlohmann::json ToJson(const HistoryLine& line);
nlohmann::json ToJson(const Rescued& change);
nlohmann::json ToJson(const DigestInfo& digest);
nlohmann::json ToJson(const ReplicaStatus& status);
nlohmann::json ToJson(const SyncProgress& progress);
nlohmann::json ToJson(const SyncResult& result);
nlohmann::json ToJson(const SyncAttempt& attempt);
nlohmann::json ToJson(const SearchHit& hit);
nlohmann::json ToJson(const AttachmentInfo& info);
nlohmann::json ToJson(const RecordWhy& why);
nlohmann::json ToJson(const DueItem& item);
nlohmann::json ToJson(const News& news);
nlohmann::json ToJson(const ExportResult& result);
nlohmann::json ToJson(const ImportResult& result, bool dry_run);
// {"code":14,"message":…}
nlohmann::json ErrorJson(const absl::Status& status);

// JSON text from the library (`Version::json` and the like) as a value; text that does not parse
// becomes a string.
nlohmann::json Parsed(const std::string& json);
// "2026-11-22T14:00:00.000Z"
std::string Utc(int64_t ms);
absl::string_view StateWord(ChangeState state);  // "APPLIED"

}  // namespace doorstep

#endif  // DOORSTEP_JSON_H_
