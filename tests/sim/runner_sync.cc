// Steps on the way to the server and back: syncs, late messages, looking into the history.
#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/link.h"
#include "tests/sim/oracles.h"
#include "tests/sim/runner.h"

namespace doorstep::sim {
namespace {

// A session takes no more exchanges than this, whatever a plant does to it.
constexpr int64_t kMaxExchanges = 300;

}  // namespace

// sync DEVICE [steps=N] [EXCHANGE=FAULT ...]   goes on with the sync that is under way, if any
void Runner::Sync(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  std::map<int, std::string> faults;
  for (const auto& [name, value] : step.options) {
    int exchange = 0;
    if (absl::SimpleAtoi(name, &exchange)) faults[exchange] = value;
  }
  device->link->Plan(std::move(faults));
  if (device->session == nullptr) {
    auto session = client::Session::Start(device->store(), device->directory, *device->clock,
                                          *device->entropy, *device->link);
    if (!session.ok()) return;
    device->session = *std::move(session);
    device->link->BeginSession();
    device->repair_told = false;
    BeginSync(*device);
  }
  const int64_t steps = std::min(step.Number("steps", kMaxExchanges), kMaxExchanges);
  for (int64_t i = 0; i < steps && !world_.violation(); ++i) {
    const absl::StatusOr<bool> more = device->session->Step();
    world_.Trace(absl::StrCat("  exchange ", i + 1, ": ",
                              more.ok() ? (*more ? "more" : "done") : more.status().ToString()));
    if (device->disk->power_cuts() != device->cuts_seen) return;
    world_.ScanOutbox(*device);
    const bool repaired = device->session->result().repaired;
    if (repaired && !std::exchange(device->repair_told, true) &&
        !std::exchange(device->drifted, false) && !MayRepair(*device)) {
      world_.Violate("L1", absl::StrCat(device->name,
                                        ": got rows that differ from the "
                                        "server's, wanted the same without a repair"));
    }
    if (more.ok() && *more) continue;
    const bool excused = device->link->disturbed() || device->disk_faulty || world_.restored() ||
                         world_.server().disk_faulty || world_.server().dead;
    if (!more.ok() && !excused) {
      world_.Violate("L9", absl::StrCat(device->name, ": got '", more.status().ToString(),
                                        "', wanted a sync without faults to go on"));
    }
    if (more.ok()) ++world_.counts().syncs;
    device->session = nullptr;
    if (plant_ != nullptr && plant_->after_sync != nullptr) {
      plant_->after_sync(device->store().db());
    }
    return;
  }
}

// deliver N   the Nth late message arrives
void Runner::Deliver(const Step& step) {
  std::deque<Letter>& letters = world_.letters();
  size_t place = 0;
  if (letters.empty() || !absl::SimpleAtoi(step.Arg(0), &place)) return;
  const auto it = letters.begin() + static_cast<std::ptrdiff_t>(place % letters.size());
  const Letter letter = *it;
  letters.erase(it);
  world_.Fault("reordered");
  letter.from->link->Arrive(letter.push);
}

// history DEVICE RECORD
void Runner::History(const Step& step) {
  SimDevice* device = On(step);
  const auto record = world_.records().find(step.Arg(1));
  if (device == nullptr || record == world_.records().end()) return;
  device->link->Plan({});
  const std::string id = Uuid::FromBytes(record->second)->ToString();
  const auto lines = device->replica->History(id, device->link.get());
  if (!lines.ok()) return;
  const ModelRecord* stored = world_.model().At(record->second, ~uint64_t{0});
  const bool held =
      stored != nullptr && world_.model().Holds(device->site, stored->place, ~uint64_t{0});
  for (const HistoryLine& line : *lines) {
    if (held || !line.from_server) continue;
    world_.Violate("L8", absl::StrCat(device->name, ": got history of ", step.Arg(1),
                                      ", wanted none of a file that it does not hold"));
  }
}

}  // namespace doorstep::sim
