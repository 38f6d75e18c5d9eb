#include "tests/client/world.h"

#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-lib/digests.h"
#include "client-lib/fold.h"
#include "client-lib/outbox.h"
#include "server/admin.h"

namespace doorstep {

World::World(uint64_t seed) : entropy_(seed), next_seed_(seed * 1000) {
  Restart();
  Must(server::AddSite(*tenant_, {"north", "North team", "TEAM"}, entropy_));
  Must(server::AddSite(*tenant_, {"south", "South team", "TEAM"}, entropy_));
}

void World::Restart() {
  core_.reset();
  server::TenantsOptions options;
  options.data_dir = directory_.path() + "/server";
  options.clock = &clock_;
  options.entropy = &entropy_;
  options.sqlite.sync = DatabaseOptions::Sync::kOff;
  core_ = std::make_unique<server::SyncCore>(options);
  tenant_ = Must(core_->tenants().Ensure("default"));
}

void World::CopyFiles(const std::string& from, const std::string& to) {
  core_.reset();
  std::filesystem::remove_all(absl::StrCat(directory_.path(), "/", to));
  std::filesystem::copy(absl::StrCat(directory_.path(), "/", from),
                        absl::StrCat(directory_.path(), "/", to),
                        std::filesystem::copy_options::recursive);
  Restart();
}

void World::Backup() { CopyFiles("server", "backup"); }
void World::RestoreBackup() { CopyFiles("backup", "server"); }

World::Linked World::NewDevice(const std::string& name, const std::string& site,
                               const std::string& test_key) {
  Linked out;
  out.device = std::make_unique<Device>(absl::StrCat(directory_.path(), "/", name), name, site,
                                        ++next_seed_, test_key);
  Must(out.device->db().Exec("PRAGMA synchronous = OFF"));
  out.core = std::make_unique<testing::CoreTransport>(core_.get());
  out.link = std::make_unique<testing::FaultyTransport>(out.core.get());
  return out;
}

World::Linked World::Copy(Linked& original, const std::string& name) {
  Linked out = NewDevice(name);
  const std::string directory = absl::StrCat(directory_.path(), "/", name, "-copy");
  original->Close();
  std::filesystem::copy(original->directory(), directory, std::filesystem::copy_options::recursive);
  original->Reopen();
  out->Close();
  out->ReopenAt(directory);
  return out;
}

Rows World::ServerRows(const std::string& site) {
  const auto view = Must(tenant_->store().Read());
  Rows rows;
  for (const server::MembershipRow& held : Must(view->Memberships(site))) {
    const auto places =
        Must(view->Feed(held.ref, {}, std::numeric_limits<uint64_t>::max(), 1'000'000));
    for (const server::FeedPlace& place : places) {
      RecordState state = Must(view->LoadAt(place.record));
      rows.emplace(state.id, std::move(state));
    }
  }
  return rows;
}

Rows World::DeviceRows(Device& device) {
  Rows rows;
  Must(client::ForEachServerState(device.store(), [&](const RecordState& state) {
    rows.emplace(state.id, state);
    return absl::OkStatus();
  }));
  return rows;
}

Rows World::Stored(Device& device) {
  Rows rows;
  Must(device.store().tables().ForEach([&](const RecordState& state) {
    rows.emplace(state.id, state);
    return absl::OkStatus();
  }));
  return rows;
}

Rows World::Refolded(Device& device) {
  Rows rows;
  client::Fold fold(device.store());
  const Rows server = DeviceRows(device);
  const auto put = [&](const Uuid& id) {
    const auto row = server.find(id);
    auto folded =
        client::FoldOf(device.store().schema(), id, row == server.end() ? nullptr : &row->second,
                       Must(fold.Pending(id)));
    if (folded.has_value()) rows.insert_or_assign(id, *std::move(folded));
  };
  for (const auto& [id, row] : server) put(id);
  client::Outbox outbox(device.store());
  Must(outbox.ForEach(client::Which::kWaiting, 0,
                      [&](const client::OwnUnit& own) -> absl::StatusOr<bool> {
                        for (const Uuid& id : Must(outbox.RecordsOf(own.unit))) put(id);
                        return true;
                      }));
  return rows;
}

}  // namespace doorstep
