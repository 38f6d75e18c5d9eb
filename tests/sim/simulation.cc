#include "tests/sim/simulation.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client-lib/replica_impl.h"
#include "nlohmann/json.hpp"
#include "server/admin.h"
#include "tests/sim/link.h"
#include "tests/sim/oracles.h"
#include "tests/sim/runner.h"
#include "tests/sim/schemas.h"

namespace doorstep::sim {
namespace {

using testing::Survivors;

Survivors ParseSurvivors(const std::string& text) {
  if (text == "all") return Survivors::kAll;
  return text == "torn" ? Survivors::kTorn : Survivors::kNone;
}

std::map<std::string, std::string> FilesOf(const SimDevice& device) {
  std::map<std::string, std::string> files;
  for (const std::string& path : device.disk->Names()) {
    const std::string file = path.substr(path.rfind('/') + 1);
    if (file.find("-shm") == std::string::npos) files[file] = device.disk->Content(path);
  }
  return files;
}

}  // namespace

// --- Making ---

// device NAME SITE users=A,B [durability=full|normal] [schema=now|old]
void Runner::MakeDevice(const Step& step) {
  acted_ = world_.AddDevice(step.Arg(0), step.Arg(1),
                            absl::StrSplit(step.Option("users", step.Arg(0)), ','),
                            step.Option("durability", "full") != "normal",
                            step.Option("schema") == "old" ? OldSchema() : world_.Today());
}

// --- Time ---

// wait DURATION   of a day or more: somebody was away
void Runner::Wait(const Step& step) {
  constexpr int64_t kDay = 86'400'000;
  const int64_t ms = std::max<int64_t>(ParseDuration(step.Arg(0)), 0);
  world_.Advance(ms);
  if (ms >= kDay) world_.Fault("absence");
}

// clock DEVICE DURATION   its wall clock is wrong by that much from now on
void Runner::SetClock(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  device->clock->SetError(ParseDuration(step.Arg(1)));
  world_.Fault("clock");
}

// reboot DEVICE
void Runner::Reboot(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr) return;
  world_.Close(*device);
  device->clock->Reboot();
  world_.Open(*device);
  world_.Fault("reboot");
}

// restart DEVICE|server   the program ends and starts again
void Runner::Restart(const Step& step) {
  world_.Fault("restart");
  if (step.Arg(0) == "server") {
    if (world_.StartServer()) world_.CheckReceipts();
    return;
  }
  SimDevice* device = On(step);
  if (device == nullptr) return;
  world_.Close(*device);
  world_.Open(*device);
}

// --- Disks ---

testing::PowerCutVfs* Runner::DiskOf(const Step& step, bool** faulty) {
  if (step.Arg(0) == "server") {
    *faulty = &world_.server().disk_faulty;
    return world_.server().disk.get();
  }
  SimDevice* device = world_.Find(step.Arg(0));
  if (device == nullptr) return nullptr;
  acted_ = device;
  *faulty = &device->disk_faulty;
  return device->disk.get();
}

// cut DEVICE|server at=N survivors=none|torn|all   power goes at the Nth change of a file from now;
// `all`: the program is killed
void Runner::Cut(const Step& step) {
  bool* faulty = nullptr;
  testing::PowerCutVfs* disk = DiskOf(step, &faulty);
  if (disk == nullptr) return;
  disk->CutPowerAtChange(step.Number("at", 1), ParseSurvivors(step.Option("survivors")));
  world_.Fault(step.Arg(0) == "server" ? "server-cut" : "device-cut");
}

// crash DEVICE|server survivors=none|torn|all   now
void Runner::Crash(const Step& step) {
  bool* faulty = nullptr;
  testing::PowerCutVfs* disk = DiskOf(step, &faulty);
  if (disk == nullptr) return;
  disk->PowerCut(ParseSurvivors(step.Option("survivors")));
  world_.Fault(step.Arg(0) == "server" ? "server-crash" : "device-crash");
}

// io-error DEVICE|server at=N count=K   file operations fail, until `free`
void Runner::IoError(const Step& step) {
  bool* faulty = nullptr;
  testing::PowerCutVfs* disk = DiskOf(step, &faulty);
  if (disk == nullptr) return;
  disk->FailIo(step.Number("at", 1), step.Number("count", 1));
  *faulty = true;
  world_.Fault("io-error");
}

// full DEVICE|server bytes=N   so much fits on the disk, until `free`
void Runner::Full(const Step& step) {
  bool* faulty = nullptr;
  testing::PowerCutVfs* disk = DiskOf(step, &faulty);
  if (disk == nullptr) return;
  disk->SetFreeBytes(step.Number("bytes"));
  *faulty = true;
  world_.Fault("disk-full");
}

// free DEVICE|server   the disk is well again
void Runner::Free(const Step& step) {
  bool* faulty = nullptr;
  testing::PowerCutVfs* disk = DiskOf(step, &faulty);
  if (disk == nullptr) return;
  disk->SetFreeBytes(-1);
  disk->FailIo(0);
  *faulty = false;
}

// --- Copies ---

// clone DEVICE NAME   another machine with a copy of its files
void Runner::Clone(const Step& step) {
  SimDevice* device = On(step);
  if (device == nullptr || device->disk_faulty) return;
  acted_ = world_.CloneDevice(*device, step.Arg(1));
  if (acted_ != nullptr) world_.Fault("clone");
}

// backup DEVICE|server
void Runner::Backup(const Step& step) {
  if (step.Arg(0) == "server") return world_.BackUpServer();
  SimDevice* device = On(step);
  if (device != nullptr && !device->disk_faulty) device->backup = FilesOf(*device);
}

// restore DEVICE   from its backup
// restore server [announced=yes|no]   the backup takes its place
void Runner::Restore(const Step& step) {
  if (step.Arg(0) == "server") {
    if (world_.server().backup.empty() || world_.server().disk_faulty) return;
    for (const auto& device : world_.devices()) device->session = nullptr;
    world_.letters().clear();
    world_.RestoreServer(step.Option("announced", "yes") == "yes");
    world_.Fault("restore-server");
    return;
  }
  SimDevice* device = On(step);
  if (device == nullptr || device->backup.empty()) return;
  world_.RestoreDevice(*device, device->backup);
  world_.Fault("restore-device");
}

// --- Others ---

// share RECORD SITE, unshare RECORD SITE   its file
void Runner::Share(const Step& step) {
  const auto record = world_.records().find(step.Arg(0));
  if (record == world_.records().end() || !world_.sites().contains(step.Arg(1))) return;
  const std::string file = world_.FileOf(record->second);
  if (file.empty()) return;
  world_.Share(file, step.Arg(1), step.verb == "share");
  world_.Fault(step.verb);
}

// upgrade DEVICE|server   to today's schema
void Runner::Upgrade(const Step& step) {
  if (step.Arg(0) == "server") {
    if (world_.server().schema == Schema::BuiltIn()) return;
    world_.server().schema = Schema::BuiltIn();
    world_.StopServer();
    world_.Fault("upgrade");
    return;
  }
  SimDevice* device = On(step);
  if (device == nullptr || device->schema == Schema::BuiltIn()) return;
  world_.Close(*device);
  device->schema = Schema::BuiltIn();
  world_.Open(*device);
  world_.Fault("upgrade");
}

// quiet   all faults end, everybody syncs, and everything is checked
void Runner::Quiet(const Step& /*step*/) {
  world_.letters().clear();
  const auto mend = [](testing::PowerCutVfs& disk) {
    disk.SetFreeBytes(-1);
    disk.FailIo(0);
    disk.CutPowerAtChange(0, Survivors::kNone);
  };
  mend(*world_.server().disk);
  world_.server().disk_faulty = false;
  for (const auto& device : world_.devices()) {
    mend(*device->disk);
    device->disk_faulty = false;
    device->session = nullptr;
  }
  if (world_.server().schema != Schema::BuiltIn()) {
    // The server's schema leads: what waits for it is taken once it has it.
    world_.server().schema = Schema::BuiltIn();
    world_.StopServer();
  }
  world_.Recover();
  CheckQuiet(world_);
  // L10: what an older program did not know it has kept.
  for (const auto& device : world_.devices()) {
    if (world_.violation() || device->schema == Schema::BuiltIn()) continue;
    world_.Close(*device);
    device->schema = Schema::BuiltIn();
    world_.Open(*device);
    CheckDevice(world_, *device);
  }
}

const std::map<std::string, Runner::Handler>& Runner::Handlers() {
  static const auto* const handlers = new std::map<std::string, Handler>{
      {"site", &Runner::Site},       {"device", &Runner::MakeDevice}, {"create", &Runner::Create},
      {"open", &Runner::OpenForm},   {"save", &Runner::Save},         {"edit", &Runner::Save},
      {"bulk", &Runner::Bulk},       {"settle", &Runner::Settle},     {"sync", &Runner::Sync},
      {"deliver", &Runner::Deliver}, {"wait", &Runner::Wait},         {"clock", &Runner::SetClock},
      {"reboot", &Runner::Reboot},   {"restart", &Runner::Restart},   {"cut", &Runner::Cut},
      {"crash", &Runner::Crash},     {"io-error", &Runner::IoError},  {"full", &Runner::Full},
      {"free", &Runner::Free},       {"clone", &Runner::Clone},       {"backup", &Runner::Backup},
      {"restore", &Runner::Restore}, {"share", &Runner::Share},       {"unshare", &Runner::Share},
      {"history", &Runner::History}, {"quiet", &Runner::Quiet},       {"upgrade", &Runner::Upgrade},
      {"prose", &Runner::Prose},     {"hide", &Runner::Hide},         {"unhide", &Runner::Hide},
      {"sign", &Runner::Sign},       {"withdraw", &Runner::Withdraw}, {"fix", &Runner::Fix},
      {"link", &Runner::Link},       {"unlink", &Runner::Link}};
  return *handlers;
}

void Runner::Run(const Step& step) {
  const auto handler = Handlers().find(step.verb);
  if (handler == Handlers().end()) return;
  ++world_.counts().steps;
  world_.Trace(step.text);
  world_.Advance(1000);
  acted_ = nullptr;
  (this->*handler->second)(step);
  if (world_.violation()) return;
  world_.Recover();
  world_.Observe();
  if (acted_ != nullptr) CheckDevice(world_, *acted_);
}

Result RunScript(const Script& script, const RunOptions& options) {
  Settings settings;
  for (const Step& step : script) {
    if (step.verb != "world") continue;
    settings.seed = static_cast<uint64_t>(step.Number("seed", 1));
    settings.batch_items = static_cast<size_t>(step.Number("batch", 4));
    settings.push_bytes = static_cast<uint32_t>(step.Number("push", 0));
    settings.old_server = step.Option("server") == "old";
  }
  Runner runner(settings, options);
  Result result;
  for (size_t i = 0; i < script.size() && !runner.world().violation(); ++i) {
    result.failed_step = i;
    runner.Run(script[i]);
  }
  result.violation = runner.world().violation();
  result.trace_hash = runner.world().trace_hash();
  result.counts = runner.world().counts();
  return result;
}

}  // namespace doorstep::sim
