// What a C caller gives as JSON, read strictly: every key is known, every value has its type.
#ifndef CLIENT_LIB_C_ARGUMENTS_H_
#define CLIENT_LIB_C_ARGUMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "doorstep/attachments.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/replica.h"
#include "doorstep/sync_loop.h"
#include "doorstep/transfer.h"
#include "nlohmann/json.hpp"

namespace doorstep::c {

// One JSON object of options; take its keys one by one, then ask Finish().
//
//   Options options("options_json", text);
//   options.Text("site", &init.site);
//   if (absl::Status status = options.Finish(); !status.ok()) return status;
class Options {
 public:
  // `name`: the argument, for messages. `text` may be null: no options.
  Options(absl::string_view name, const char* text);

  void Text(const char* key, std::string* out);
  // A text that no message shows.
  void Secret(const char* key, std::string* out);
  void Bool(const char* key, bool* out);
  void Int(const char* key, int64_t min, int64_t max, int64_t* out);
  // One of these words; `out` is its place.
  void Choice(const char* key, const std::vector<std::string>& words, size_t* out);
  // Any value, as JSON text.
  void Value(const char* key, std::string* out);
  bool Has(const char* key) const { return object_.contains(key); }

  // The first thing that was wrong (a key that stands twice, too); else, that a key is left over.
  absl::Status Finish();

 private:
  // The value of the key, taken out; null when there is none.
  bool Take(const char* key, nlohmann::json* value);
  void Refuse(absl::string_view key, const nlohmann::json& got, absl::string_view wanted);

  std::string name_;
  nlohmann::json object_ = nlohmann::json::object();
  absl::Status status_;
};

absl::Status ReadInit(const char* text, InitOptions* out);
absl::Status ReadOpen(const char* text, OpenOptions* out);
// Of functions that open a replica by themselves.
absl::Status ReadUnlock(const char* text, Unlock* out);
absl::Status ReadAdd(const char* text, AddOptions* out);
absl::Status ReadAttach(const char* text, AttachOptions* out);
absl::Status ReadDecision(const char* text, Decision* out);
absl::Status ReadSearch(const char* text, SearchOptions* out);
absl::Status ReadExport(const char* text, ExportOptions* out);
absl::Status ReadImport(const char* text, ImportOptions* out);
absl::Status ReadHints(const char* text, SyncHints* out);
absl::Status ReadLink(const char* text, GrpcOptions* out);
absl::Status ReadSync(const char* text, AttachmentLimits* out);
absl::Status ReadLoop(const char* text, GrpcOptions* link, SyncLoopOptions* loop);

}  // namespace doorstep::c

#endif  // CLIENT_LIB_C_ARGUMENTS_H_
