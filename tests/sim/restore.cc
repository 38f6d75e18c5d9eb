// A server that is put back to a backup, and what the model then makes of devices that have heard
// more.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/epoch.h"
#include "tests/sim/world.h"

namespace doorstep::sim {

void World::BackUpServer() {
  if (server_.disk_faulty || server_.core == nullptr || !Observe()) return;
  server_.backup.clear();
  for (const std::string& path : server_.disk->Names()) {
    if (path.find("-shm") == std::string::npos) server_.backup[path] = server_.disk->Content(path);
  }
  server_.backed_up = std::make_shared<const Past>(Past{model_, admissions_, receipts_, observed_});
}

void World::RestoreServer(bool announced) {
  for (const auto& device : devices_) NotePast(*device);
  const auto now = std::make_shared<const Past>(
      Past{std::move(model_), std::move(admissions_), std::move(receipts_), observed_});
  for (const auto& device : devices_) {
    for (auto& [heard, past] : device->past_of) past = past == nullptr ? now : past;
    if (device->past == nullptr) device->past = now;
  }
  pasts_.push_back(now);
  model_ = server_.backed_up->model;
  admissions_ = server_.backed_up->admissions;
  receipts_ = server_.backed_up->receipts;
  observed_ = server_.backed_up->observed;
  sharing_.reset();
  restored_ = true;
  StopServer();
  server_.disk = std::make_unique<testing::PowerCutVfs>(++next_seed_);
  server_.cuts_seen = 0;
  for (const auto& [path, content] : server_.backup) server_.disk->SetContent(path, content);
  if (!StartServer()) return;
  if (announced && !server::BeginEpoch(*server_.truth, *server_.entropy).ok()) {
    std::fprintf(stderr, "the simulator itself failed: no epoch begins\n");
    std::abort();
  }
  CheckReceipts();
  Observe();
}

// A backup may be overtaken, and sequences then come again; the end of the history tells one life
// from the other.
void World::NotePast(SimDevice& device) {
  if (device.replica == nullptr) return;
  client::Store& store = device.store();
  const auto epoch = store.Int(client::key::kEpoch);
  const auto cursor = store.Int(client::key::kCursor);
  const auto end = store.Text(client::key::kHistoryEnd);
  if (!epoch.ok() || !cursor.ok() || !end.ok()) return;
  const std::string heard = absl::StrCat(*epoch, "/", *cursor, "/", *end);
  device.past = device.past_of.try_emplace(heard, nullptr).first->second;
}

// What a database says of its own lives is where it was restored, and to where.
bool World::ObserveLives(server::ReadView& view) {
  const auto epochs = view.Epochs();
  if (!epochs.ok()) return false;
  for (const server::EpochRow& life : *epochs) {
    if (!model_.Knows(life.epoch)) model_.BeginLife(life.epoch, life.from_sequence);
  }
  return true;
}

}  // namespace doorstep::sim
