#include "tests/sim/world.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client-lib/outbox.h"
#include "client-lib/replica_impl.h"
#include "server/admin.h"
#include "server/sqlite_store.h"
#include "sync/change/site_file.h"
#include "tests/sim/forwarding.h"
#include "tests/sim/link.h"
#include "tests/sim/schemas.h"

namespace doorstep::sim {
namespace {

using testing::PowerCutVfs;
using testing::Survivors;

// 2026-11-22T09:00:00Z
constexpr int64_t kStart = 1'795'338'000'000;
constexpr int kTries = 20;

// For what a simulation cannot go on without, and no fault excuses.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "the simulator itself failed: %s\n", result.status().ToString().c_str());
    std::abort();
  }
  return *std::move(result);
}
void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "the simulator itself failed: %s\n", status.ToString().c_str());
  std::abort();
}

// Databases are on simulated disks; their directories, and the lock of a sync, are real and empty.
const std::string& Directory() {
  static const auto* const directory = [] {
    const bool memory = access("/dev/shm", W_OK | X_OK) == 0;
    std::string pattern = memory ? "/dev/shm/doorstep-sim-XXXXXX" : "/tmp/doorstep-sim-XXXXXX";
    auto* made = new std::string(mkdtemp(pattern.data()));
    std::atexit([] {
      std::error_code ignored;
      std::filesystem::remove_all(Directory(), ignored);
    });
    return made;
  }();
  return *directory;
}

uint64_t& NextBoot() {
  static uint64_t next = 0;
  return next;
}

}  // namespace

// --- Clocks ---

ClockReading SimClock::Read() { return {*now_ms_ + error_ms_, boot_, *now_ms_ - started_ms_}; }

void SimClock::Reboot() {
  boot_ = ++NextBoot();
  started_ms_ = *now_ms_ - 60'000;
}

client::Store& SimDevice::store() const { return *replica->inside().store; }

// --- Making ---

World::World(const Settings& settings, const Plant* plant)
    : settings_(settings), plant_(plant), now_ms_(kStart), next_seed_(settings.seed * 1000) {
  NextBoot() = 0;
  server_.directory = Directory() + "/server";
  server_.disk = std::make_unique<PowerCutVfs>(++next_seed_);
  server_.clock = std::make_unique<SimClock>(&now_ms_);
  server_.entropy = std::make_unique<SeededEntropy>(++next_seed_);
  server_.schema = settings.old_server ? OldSchema() : Today();
  if (settings.old_server) Fault("old-server");
  if (plant_ != nullptr && plant_->transport != nullptr) {
    server_.endpoint = plant_->transport(&server_.direct);
  } else {
    server_.endpoint = std::make_unique<ForwardingTransport>(&server_.direct);
  }
  if (!StartServer()) Must(absl::InternalError("the server does not start"));
}

std::shared_ptr<const Schema> World::Today() const {
  return plant_ != nullptr && plant_->schema != nullptr ? plant_->schema() : Schema::BuiltIn();
}

World::~World() {
  for (const auto& device : devices_) Close(*device);
  StopServer();
}

void World::AddSite(const std::string& site) {
  if (sites_.contains(site) || server_.core == nullptr) return;
  Must(server::AddSite(*server_.tenant, {site, site, "TEAM"}, *server_.entropy));
  sites_.insert(site);
  const std::string file(SiteFile("default", site).AsBytes());
  const auto view = Must(server_.truth->Read());
  observed_ = Must(view->Head());
  model_.KnowFile(file);
  model_.Grant(site, {file, 0}, observed_);
}

SimDevice* World::Find(const std::string& name) {
  for (const auto& device : devices_) {
    if (device->name == name) return device.get();
  }
  return nullptr;
}

namespace {

std::unique_ptr<SimDevice> NewDevice(World* world, const std::string& name, uint64_t seed,
                                     const int64_t* now_ms) {
  auto device = std::make_unique<SimDevice>();
  device->name = name;
  device->directory = absl::StrCat(Directory(), "/", name);
  std::filesystem::create_directories(device->directory);
  device->disk = std::make_unique<PowerCutVfs>(seed);
  device->entropy = std::make_unique<SeededEntropy>(seed + 500);
  device->clock = std::make_unique<SimClock>(now_ms);
  device->link = std::make_unique<Link>(world, device.get());
  return device;
}

Environment EnvironmentOf(const SimDevice& device) {
  Environment environment;
  environment.clock = device.clock.get();
  environment.entropy = device.entropy.get();
  environment.schema = device.schema;
  environment.vfs = device.disk->name();
  return environment;
}

}  // namespace

SimDevice* World::AddDevice(const std::string& name, const std::string& site,
                            std::vector<std::string> users, bool durable,
                            std::shared_ptr<const Schema> schema) {
  if (Find(name) != nullptr || !sites_.contains(site)) return nullptr;
  auto device = NewDevice(this, name, ++next_seed_, &now_ms_);
  device->site = site;
  device->users = std::move(users);
  device->durable = durable;
  device->schema = std::move(schema);
  if (device->schema == OldSchema()) Fault("old-program");
  InitOptions init;
  init.site = site;
  init.device_name = name;
  init.user = device->users.empty() ? name : device->users.front();
  init.environment = EnvironmentOf(*device);
  Must(Replica::Init(device->directory, init));
  devices_.push_back(std::move(device));
  SimDevice& made = *devices_.back();
  if (!Open(made)) Must(absl::InternalError("a new replica does not open"));
  made.device_id = std::string(Must(made.store().Id(client::key::kDevice)).AsBytes());
  site_of_device_[made.device_id] = site;
  return &made;
}

SimDevice* World::CloneDevice(SimDevice& from, const std::string& name) {
  if (Find(name) != nullptr) return nullptr;
  auto device = NewDevice(this, name, ++next_seed_, &now_ms_);
  device->site = from.site;
  device->users = from.users;
  device->durable = from.durable;
  device->schema = from.schema;
  device->device_id = from.device_id;
  device->outbox = from.outbox;
  device->answers = from.answers;
  device->renamed = from.renamed;
  device->past_of = from.past_of;
  device->drifted = from.drifted;
  for (const std::string& path : from.disk->Names()) {
    const std::string file = path.substr(path.rfind('/') + 1);
    if (file.find("-shm") != std::string::npos) continue;
    device->disk->SetContent(absl::StrCat(device->directory, "/", file), from.disk->Content(path));
  }
  devices_.push_back(std::move(device));
  SimDevice& made = *devices_.back();
  Open(made);
  return &made;
}

void World::RestoreDevice(SimDevice& device, const std::map<std::string, std::string>& files) {
  Close(device);
  device.disk = std::make_unique<PowerCutVfs>(++next_seed_);
  device.cuts_seen = 0;
  device.disk_faulty = false;
  device.clock->Reboot();
  for (const auto& [file, content] : files) {
    device.disk->SetContent(absl::StrCat(device.directory, "/", file), content);
  }
  // What was made since is gone by its owner's own doing, unless it was handed over.
  device.outbox.clear();
  device.answers.clear();
  device.renamed.clear();
  Open(device);
}

void World::Share(const std::string& file, const std::string& site, bool give) {
  if (server_.core == nullptr || server_.dead) return;
  if (!give) taken_.emplace(file, site);
  sharing_ = Sharing{file, site, give, server_.clock->Read().wall_ms};
  const Uuid id = *Uuid::FromBytes(file);
  const auto changed = give ? server::Share(*server_.tenant, id, site)
                            : server::Unshare(*server_.tenant, id, site, sharing_->time_ms);
  Trace(absl::StrCat("  ", absl::StatusCodeToString(changed.status().code())));
  AfterServerCall();
  // A disk that fails may have kept it from being seen: it stays asked for until somebody can look.
  if (!server_.dead && Observe()) sharing_.reset();
}

// --- Time ---

void World::Advance(int64_t ms) {
  now_ms_ += ms;
  std::erase_if(letters_, [&](const Letter& letter) { return letter.expires_ms < now_ms_; });
}

// --- Lives and deaths ---

bool World::Open(SimDevice& device) {
  for (int i = 0; i < kTries && device.replica == nullptr; ++i) {
    OpenOptions options;
    const bool less = plant_ != nullptr && plant_->device_syncs_less;
    options.durability =
        device.durable && !less ? OpenOptions::Durability::kFull : OpenOptions::Durability::kNormal;
    options.environment = EnvironmentOf(device);
    absl::StatusOr<std::unique_ptr<Replica>> replica = Replica::Open(device.directory, options);
    const bool cut = device.disk->power_cuts() != device.cuts_seen;
    device.cuts_seen = device.disk->power_cuts();
    if (cut) {
      device.clock->Reboot();
      continue;  // the power went while it opened
    }
    if (replica.ok()) {
      device.replica = *std::move(replica);
      ScanOutbox(device);
      NotePast(device);
      return true;
    }
    if (device.disk_faulty) return false;
    Violate("L7", absl::StrCat(device.name, ": got '", replica.status().ToString(),
                               "', wanted a replica that opens after a power cut"));
    return false;
  }
  return device.replica != nullptr;
}

void World::Close(SimDevice& device) {
  device.session = nullptr;
  device.forms.clear();
  device.replica = nullptr;
}

bool World::StartServer() {
  for (int i = 0; i < kTries; ++i) {
    StopServer();
    server::TenantsOptions options;
    options.data_dir = server_.directory;
    options.clock = server_.clock.get();
    options.entropy = server_.entropy.get();
    options.schema = server_.schema;
    options.pull_batch_items = settings_.batch_items;
    options.open_store = [this](const std::string& path,
                                bool create) -> absl::StatusOr<std::unique_ptr<server::Store>> {
      server::SqliteStoreOptions sqlite;
      sqlite.vfs = server_.disk->name();
      if (plant_ != nullptr) sqlite.sync = plant_->server_sync;
      auto store = server::OpenSqliteStore(path, create, server_.schema, *server_.entropy, sqlite);
      if (!store.ok()) return store.status();
      server_.truth = store->get();
      if (plant_ == nullptr || plant_->store == nullptr) return store;
      return plant_->store(*std::move(store));
    };
    server_.core = std::make_unique<server::SyncCore>(options);
    const auto tenant = server_.core->tenants().Ensure("default");
    const bool cut = server_.disk->power_cuts() != server_.cuts_seen;
    server_.cuts_seen = server_.disk->power_cuts();
    server_.dead = false;
    if (cut) continue;
    if (tenant.ok()) {
      server_.tenant = *tenant;
      server_.direct.set_core(server_.core.get());
      ++server_.generation;
      return true;
    }
    StopServer();
    if (!server_.disk_faulty) {
      Violate("L7", absl::StrCat("server: got '", tenant.status().ToString(),
                                 "', wanted a database that opens after a power cut"));
    }
    return false;
  }
  StopServer();
  return false;
}

void World::StopServer() {
  server_.direct.set_core(nullptr);
  server_.truth = nullptr;
  server_.tenant = nullptr;
  server_.core = nullptr;
}

void World::AfterServerCall() {
  if (server_.disk->power_cuts() != server_.cuts_seen) server_.dead = true;
  if (!server_.dead) Observe();
}

void World::Recover() {
  for (const auto& device : devices_) {
    const bool cut = device->disk->power_cuts() != device->cuts_seen;
    if (cut) {
      device->cuts_seen = device->disk->power_cuts();
      device->clock->Reboot();
      Close(*device);
    }
    if (device->replica == nullptr) Open(*device);
  }
  if (server_.disk->power_cuts() != server_.cuts_seen) server_.dead = true;
  if (!server_.dead && server_.core != nullptr) return;
  server_.cuts_seen = server_.disk->power_cuts();
  if (!StartServer()) return;
  CheckReceipts();
  Observe();
  sharing_.reset();
}

// --- What the oracles know ---

void World::Violate(const std::string& oracle, const std::string& what) {
  if (without_.contains(oracle)) return;
  if (!violation_) violation_ = Violation{oracle, what};
  Trace(absl::StrCat("VIOLATION ", oracle, " ", what));
}

void World::Trace(absl::string_view line) {
  for (const char c : line) {
    trace_hash_ = (trace_hash_ ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  }
  trace_hash_ = (trace_hash_ ^ '\n') * 1099511628211ull;
  if (verbose_) std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

const Admission* World::OutcomeOf(const SimDevice& device, const Entry& entry, uint64_t at) const {
  const auto& admissions = device.past == nullptr ? admissions_ : device.past->admissions;
  const auto it = admissions.find({entry.id, entry.hash});
  if (it == admissions.end()) return nullptr;
  const uint64_t first = it->second.held != 0 ? it->second.held : it->second.final;
  return first > at ? nullptr : &it->second;
}

std::string World::DeviceOf(const std::string& life) const {
  const auto it = device_of_life_.find(life);
  return it == device_of_life_.end() ? "" : it->second;
}

World::Known* World::FindKnown(const Id& id, const std::string& hash) {
  const auto it = known_.find({id, hash});
  return it == known_.end() ? nullptr : &it->second;
}

std::string World::NameOf(const std::string& record) const {
  for (const auto& [name, id] : records_) {
    if (id == record) return name;
  }
  return absl::BytesToHexString(record);
}

std::string World::FileOf(const std::string& record) const {
  const auto it = files_.find(record);
  return it == files_.end() ? "" : it->second;
}

namespace {

// The same edits, whatever ids they and their bases have.
bool SaysTheSame(const ModelUnit& a, const ModelUnit& b) {
  if (a.author != b.author || a.place != b.place || a.changes.size() != b.changes.size()) {
    return false;
  }
  for (size_t i = 0; i < a.changes.size(); ++i) {
    const ModelChange& x = a.changes[i];
    const ModelChange& y = b.changes[i];
    if (x.record != y.record || x.create != y.create || x.settled != y.settled) return false;
    if (x.resolves != y.resolves || x.because != y.because) return false;
    if (x.edits.size() != y.edits.size()) return false;
    for (const auto& [field, edit] : x.edits) {
      const auto other = y.edits.find(field);
      if (other == y.edits.end() || other->second.value != edit.value ||
          other->second.adds != edit.adds ||
          other->second.removals.size() != edit.removals.size()) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

void World::ScanOutbox(SimDevice& device) {
  if (device.replica == nullptr || violation_) return;
  std::set<int64_t> there;
  client::Outbox outbox(device.store());
  const absl::Status read = outbox.ForEach(
      client::Which::kAll, 0, [&](const client::OwnUnit& own) -> absl::StatusOr<bool> {
        there.insert(own.unit);
        const Id id{std::string(own.incarnation.AsBytes()), own.counter};
        const auto old = device.outbox.find(own.unit);
        if (old != device.outbox.end() && old->second.hash == own.hash && old->second.id == id) {
          return true;
        }
        // A replica that came from a backup: what it was is told by nobody any more.
        if (own.payload.empty() &&
            AskedToTake(std::string(own.compartment.file.AsBytes()), device.site)) {
          return true;
        }
        std::optional<ModelUnit> unit = ReadUnit(own.payload, id.life, id.counter, own.author);
        if (!unit) {
          Violate("L3", absl::StrCat(device.name, ": got a unit that cannot be read"));
          return false;
        }
        Entry entry{id, own.hash, own.payload, *std::move(unit)};
        entry.checkpoint = own.checkpoint;
        if (old != device.outbox.end()) {
          const Entry& before = old->second;
          if (!SaysTheSame(before.unit, entry.unit)) {
            Violate("L3",
                    absl::StrCat(device.name, ": got ", ToString(id), " with other content than ",
                                 ToString(before.id), ", wanted the same edits under a new id"));
          }
          entry.true_ms = before.true_ms;
          entry.boot = before.boot;
          entry.durable = before.durable;
          for (size_t i = 0; i < before.unit.changes.size(); ++i) {
            device.renamed[before.unit.changes[i].id] = {id.life, id.counter + i};
          }
        }
        for (const ModelChange& change : entry.unit.changes) {
          files_.emplace(change.record, entry.unit.place.first);
        }
        device.outbox[own.unit] = std::move(entry);
        return true;
      });
  if (!read.ok()) {
    if (!device.disk_faulty && device.disk->power_cuts() == device.cuts_seen) {
      Violate("L7", absl::StrCat(device.name, ": got '", read.ToString(),
                                 "', wanted an outbox that can be read"));
    }
    return;
  }
  for (auto it = device.outbox.begin(); it != device.outbox.end();) {
    if (there.contains(it->first)) {
      ++it;
      continue;
    }
    if (it->second.durable || it->second.sent) {
      Violate("L7", absl::StrCat(device.name, ": got no unit ", ToString(it->second.id),
                                 ", wanted it: it was ",
                                 it->second.sent ? "handed over" : "acknowledged"));
    }
    it = device.outbox.erase(it);
  }
  // An answer that went with the power was no answer.
  std::erase_if(device.answers,
                [&](const auto& answer) { return !device.outbox.contains(answer.second.by); });
}

}  // namespace doorstep::sim
