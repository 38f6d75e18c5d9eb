// Steps that are people's work on what was refused, and on who was registered twice.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/sim/ledger.h"
#include "tests/sim/runner.h"

namespace doorstep::sim {
std::optional<std::pair<int64_t, std::string>> Runner::Parked(SimDevice& device, const Step& step) {
  const auto outbox = device.replica->Outbox();
  if (!outbox.ok()) return std::nullopt;
  std::vector<std::string> parked;
  for (const OwnChange& own : *outbox) {
    if (own.needs_you) parked.push_back(own.change);
  }
  if (parked.empty()) return std::nullopt;
  const std::string& change = parked[static_cast<size_t>(step.Number("pick")) % parked.size()];
  const Id id = ParseId(change);
  for (const auto& [place, entry] : device.outbox) {
    for (const ModelChange& each : entry.unit.changes) {
      if (each.id == id) return std::pair(place, change);
    }
  }
  return std::nullopt;
}

// withdraw DEVICE USER pick=N   the unit of the Nth parked change is taken back
void Runner::Withdraw(const Step& step) {
  SimDevice* device = On(step);
  const auto parked = device == nullptr ? std::nullopt : Parked(*device, step);
  if (!parked) return;
  const size_t changes = device->outbox.at(parked->first).unit.changes.size();
  const absl::Status status = Commit(*device, {}, [&]() -> absl::Status {
    const auto others = device->replica->WithdrawParked(parked->second, "not so", {step.Arg(1)});
    if (others.ok() && others->size() + 1 != changes) {
      world_.Violate("R5", absl::StrCat(device->name, ": got ", others->size(),
                                        " changes that are withdrawn with ", parked->second,
                                        ", wanted ", changes - 1));
    }
    return others.status();
  });
  if (!status.ok() || device->disk->power_cuts() != device->cuts_seen) return;
  device->answers[parked->first] = {true, "not so", device->outbox.rbegin()->first};
  world_.Fault("(withdraw)");
}

// fix DEVICE USER pick=N [file=new|RECORD]   the unit of the Nth parked change is sent again, as it
// was; what it creates, into another file
void Runner::Fix(const Step& step) {
  SimDevice* device = On(step);
  const auto parked = device == nullptr ? std::nullopt : Parked(*device, step);
  if (!parked) return;
  AddOptions place;
  const std::string file = step.Option("file");
  if (file == "new") place.file = "new";
  if (const auto of = world_.records().find(file); of != world_.records().end()) {
    const std::string bytes = world_.FileOf(of->second);
    if (!bytes.empty()) place.file = Uuid::FromBytes(bytes)->ToString();
  }
  const ModelUnit unit = device->outbox.at(parked->first).unit;
  // Each of its edits is made anew, over what its record shows now; but what stands beside others
  // names none.
  std::vector<Form> forms;
  for (const ModelChange& change : unit.changes) {
    if (StandsBeside(change)) continue;
    std::optional<Form> form = FormOf(*device, world_.NameOf(change.record));
    if (form) forms.push_back(*std::move(form));
  }
  std::vector<const Form*> shown;
  shown.reserve(forms.size());
  for (const Form& form : forms) shown.push_back(&form);
  const Rows before = RowsOf(*device).value_or(Rows());
  const int64_t last = device->outbox.rbegin()->first;
  const absl::Status status = Commit(*device, shown, [&] {
    return device->replica->FixParked(parked->second, "", place, {step.Arg(1)}).status();
  });
  if (!status.ok() || device->disk->power_cuts() != device->cuts_seen) return;
  const auto again = device->outbox.upper_bound(last);
  if (again == device->outbox.end()) return;
  CheckSentAgain(world_, *device, unit, again->second.unit, before);
  device->answers[parked->first] = {false, "", again->first};
  world_.Fault("(fix)");
}

// link DEVICE USER RECORD RECORD, unlink DEVICE USER RECORD RECORD   says that two registrations
// are one, or two
void Runner::Link(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  std::vector<std::string> two;
  for (const size_t place : {2, 3}) {
    const auto record = world_.records().find(step.Arg(place));
    if (record == world_.records().end()) return;
    two.push_back(record->second);
  }
  const bool same = step.verb == "link";
  const int64_t last = device->outbox.empty() ? 0 : device->outbox.rbegin()->first;
  const absl::Status status = Commit(*device, step.Arg(1), {}, [&](Edits& edits) {
    return edits.SayWhetherSame(IdText(two[0]), IdText(two[1]), same, "asked her");
  });
  if (!status.ok() || device->disk->power_cuts() != device->cuts_seen) return;
  for (auto it = device->outbox.upper_bound(last); it != device->outbox.end(); ++it) {
    for (const ModelChange& change : it->second.unit.changes) {
      if (change.record != two[0] && change.record != two[1]) continue;
      world_.Violate("R18",
                     absl::StrCat(device->name, ": got an edit of ", world_.NameOf(change.record),
                                  " by ", step.verb, ", wanted both as they were"));
    }
  }
  world_.Fault("(" + step.verb + ")");
}

}  // namespace doorstep::sim
