#include "tests/client/device.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/test_keys.h"

namespace doorstep {

// In memory where there is such a place: durability is the matter of other tests, and syncing to a
// disk is most of what these would wait for.
TestDirectory::TestDirectory() {
  testing::UseTestKeys();
  const std::string memory = "/dev/shm";
  const std::filesystem::path base = access(memory.c_str(), W_OK | X_OK) == 0
                                         ? std::filesystem::path(memory)
                                         : std::filesystem::temp_directory_path();
  std::string pattern = (base / "doorstep-client-XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Device::Device(const std::string& directory, const std::string& name, const std::string& site,
               uint64_t seed, const std::string& test_key)
    : directory_(directory), name_(name), test_key_(test_key), entropy_(seed) {
  InitOptions init;
  init.site = site;
  init.device_name = name;
  init.user = name + " user";
  init.server = "127.0.0.1:1";
  init.environment = environment();
  Must(Replica::Init(directory_, init));
  Reopen();
}

Environment Device::environment() {
  Environment out;
  out.clock = &clock_;
  out.entropy = &entropy_;
  out.test_key = test_key_;
  return out;
}

void Device::Reopen(const OpenOptions& options) {
  replica_ = nullptr;
  OpenOptions open = options;
  open.environment.clock = &clock_;
  open.environment.entropy = &entropy_;
  if (open.environment.test_key.empty()) open.environment.test_key = test_key_;
  replica_ = Must(Replica::Open(directory_, open));
}

void Device::ReopenAt(const std::string& directory) {
  directory_ = directory;
  Reopen();
}

absl::StatusOr<std::string> Device::Add(absl::string_view kind, absl::string_view json,
                                        const AddOptions& options) {
  clock_.Advance(1000);
  absl::StatusOr<std::string> id;
  const absl::Status status = replica_->Transact({}, [&](Edits& edits) {
    id = edits.AddJson(kind, json, options);
    return id.status();
  });
  if (!status.ok()) return status;
  return id;
}

absl::Status Device::Edit(absl::string_view id, absl::string_view json) {
  clock_.Advance(1000);
  const absl::StatusOr<OpenRecord> opened = replica_->Get(id);
  if (!opened.ok()) return opened.status();
  return replica_->Transact({}, [&](Edits& edits) { return edits.UpdateJson(*opened, json); });
}

absl::Status Device::Settle(absl::string_view case_id, const Decision& decision) {
  clock_.Advance(1000);
  Decision over = decision;
  const absl::StatusOr<Conflict> shown = replica_->FindConflict(case_id);
  if (over.seen.empty() && shown.ok()) over.seen = shown->seen;
  return replica_->Transact({.author = "M Osei"},
                            [&](Edits& edits) { return edits.Settle(case_id, over); });
}

nlohmann::json Device::Json(absl::string_view id) {
  return nlohmann::json::parse(Must(Must(replica_->Get(id)).ToJson()));
}

nlohmann::json Device::Rows(absl::string_view sql) {
  nlohmann::json rows = nlohmann::json::array();
  Must(replica_->Query(sql,
                       [&](const std::vector<std::string>&, const std::vector<std::string>& cells) {
                         nlohmann::json row = nlohmann::json::array();
                         for (const std::string& cell : cells)
                           row.push_back(nlohmann::json::parse(cell));
                         rows.push_back(row);
                         return absl::OkStatus();
                       }));
  return rows;
}

}  // namespace doorstep
