// Everything of one simulation: a server, devices, disks, clocks and the network between them, in
// one process, under virtual time; and the model that tells what must be true of them.
//
// Nothing here sleeps or starts a thread; every choice comes from the script and its seed.
#ifndef TESTS_SIM_WORLD_H_
#define TESTS_SIM_WORLD_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/session.h"
#include "doorstep/replica.h"
#include "doorstep/v1/sync.pb.h"
#include "server/sync_core.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/change/state.h"
#include "tests/sim/model.h"
#include "tests/sim/plants.h"
#include "tests/support/core_transport.h"
#include "tests/support/power_cut_vfs.h"

namespace doorstep::sim {

class World;

// What was found, in the words of a law (L1 to L10) or rule (R1 to R21).
struct Violation {
  std::string oracle;
  std::string what;  // "where: got ..., wanted ..."
};

// A device's clock: the true time with an error, and a count since the device started.
class SimClock : public Clock {
 public:
  explicit SimClock(const int64_t* now_ms) : now_ms_(now_ms) { Reboot(); }

  ClockReading Read() override;
  void SetError(int64_t ms) { error_ms_ = ms; }
  // Every start has a number of its own, over all devices.
  void Reboot();

 private:
  const int64_t* now_ms_;
  int64_t error_ms_ = 0;
  int64_t started_ms_ = 0;
  uint64_t boot_ = 0;
};

// What a device has committed: one unit of its outbox, under the id that it has now.
struct Entry {
  Id id;  // of its first change
  std::string hash;
  std::string payload;
  ModelUnit unit;
  int64_t true_ms = 0;      // when Transact returned; 0: not known (it appeared after a crash)
  uint64_t boot = 0;        // of the device at that moment
  uint64_t checkpoint = 0;  // that the device says its author had seen
  bool durable = false;     // Transact promised it
  bool sent = false;
};

// What somebody has done about a parked unit.
struct Answer {
  bool withdrawn = false;  // else sent again
  std::string reason;
  int64_t by = 0;  // place of the unit that says so
};

// What the server was before a backup took its place: devices that have not heard of that since
// still stand on it.
struct Past;

// A form that somebody has open.
struct Form {
  OpenRecord opened;
  // By field: the versions that it showed, and whether each was pending.
  std::map<uint32_t, std::map<Id, bool>> seen;
  Rows judgement;  // the record, and those that are one judgement with it
};

// The link of one device, with the faults of the step that runs.
class Link;

struct SimDevice {
  std::string name;
  std::string site;
  std::vector<std::string> users;
  bool durable = true;  // OpenOptions::Durability::kFull
  std::string directory;
  std::shared_ptr<const Schema> schema;
  std::string device_id;  // 16 bytes
  std::unique_ptr<testing::PowerCutVfs> disk;
  int64_t cuts_seen = 0;
  bool disk_faulty = false;  // full, or about to fail
  std::unique_ptr<SimClock> clock;
  std::unique_ptr<SeededEntropy> entropy;
  std::unique_ptr<Replica> replica;  // null: off, or it does not open for now
  std::unique_ptr<Link> link;
  std::unique_ptr<client::Session> session;
  std::map<std::pair<std::string, std::string>, Form> forms;  // by user and record
  std::map<int64_t, Entry> outbox;                            // by place
  std::map<int64_t, Answer> answers;                          // by place of what is answered
  std::map<Id, Id> renamed;                                   // re-issued changes
  std::map<std::string, std::string> backup;                  // file name, content
  bool drifted = false;      // a row was kept from it, and it has not yet said so
  bool repair_told = false;  // in the session that runs
  bool behind = false;       // when that began: it stood on a past of the server
  int64_t epoch = 0;         // that it knew then
  // The past that it stood on whenever it had heard so much (none: the present), and now.
  std::map<std::string, std::shared_ptr<const Past>> past_of;
  std::shared_ptr<const Past> past;

  client::Store& store() const;
};

struct SimServer {
  std::string directory;
  std::unique_ptr<testing::PowerCutVfs> disk;
  int64_t cuts_seen = 0;
  bool disk_faulty = false;
  std::unique_ptr<SimClock> clock;
  std::unique_ptr<SeededEntropy> entropy;
  std::shared_ptr<const Schema> schema;
  std::unique_ptr<server::SyncCore> core;  // null: down
  server::Store* truth = nullptr;          // beneath what a plant may have put around it
  server::Tenant* tenant = nullptr;
  testing::CoreTransport direct{nullptr};
  std::unique_ptr<Transport> endpoint;        // what devices reach: `direct`, or a plant before it
  int generation = 0;                         // starts so far
  bool dead = false;                          // it lost power, or was killed, within this step
  std::map<std::string, std::string> backup;  // file name, content
  std::shared_ptr<const Past> backed_up;      // what the model knew then
};

// What became of a unit, as the ledger has told it: HELD at most once, then one final outcome under
// a sequence of its own.
struct Admission {
  uint64_t held = 0;   // the sequence under which it was held; 0: it never was, as far as seen
  uint64_t final = 0;  // that of its final outcome; 0: it has none yet
  bool refused = false;
  std::string site;

  uint64_t sequence() const { return final != 0 ? final : held; }
  bool parked() const { return final == 0 || refused; }
};

using UnitKey = std::pair<Id, std::string>;  // id, hash

struct Past {
  Model model;
  std::map<UnitKey, Admission> admissions;
  std::map<UnitKey, uint64_t> receipts;
  uint64_t observed = 0;
};

// A message that is late.
struct Letter {
  SimDevice* from;
  v1::PushRequest push;
  int64_t expires_ms;
};

struct Settings {
  uint64_t seed = 1;
  size_t batch_items = 4;   // of a pull
  uint32_t push_bytes = 0;  // of a push; 0: the server's own limit
  bool old_server = false;  // it begins with an older schema
};

struct Counts {
  uint64_t steps = 0;
  uint64_t commits = 0;
  uint64_t syncs = 0;  // that ended well
  uint64_t exchanges = 0;
  uint64_t conflicts = 0;  // changes with that outcome
  uint64_t refused = 0;
  std::map<std::string, uint64_t> faults;
};

class World {
 public:
  World(const Settings& settings, const Plant* plant);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // --- Making ---
  void AddSite(const std::string& site);
  SimDevice* AddDevice(const std::string& name, const std::string& site,
                       std::vector<std::string> users, bool durable,
                       std::shared_ptr<const Schema> schema);
  // Another machine with the files of `from` as they are now, or as they were backed up.
  SimDevice* CloneDevice(SimDevice& from, const std::string& name);
  SimDevice* Find(const std::string& name);

  // Today's schema, or a plant's in its place.
  std::shared_ptr<const Schema> Today() const;

  // --- Time ---
  int64_t now_ms() const { return now_ms_; }
  void Advance(int64_t ms);

  // --- Lives and deaths ---
  // Opens the replica; false: its disk does not let it for now.
  bool Open(SimDevice& device);
  void Close(SimDevice& device);
  // Notices that a device or the server has lost power, and starts them again.
  void Recover();
  bool StartServer();
  void StopServer();
  // After every call into the server: it may be dead, or have admitted something.
  void AfterServerCall();
  void RestoreDevice(SimDevice& device, const std::map<std::string, std::string>& files);
  // Keeps the server's files, and what the model knows of them.
  void BackUpServer();
  // Puts the server's backup in its place, and the model's beside it. `announced`: the operator
  // says so to the server.
  void RestoreServer(bool announced);
  bool restored() const { return restored_; }
  // Looks how much the device has heard, and on which life of the server it stands therefore.
  void NotePast(SimDevice& device);
  // What the server was, in the life on which the device stands.
  const Model& ModelOf(const SimDevice& device) const {
    return device.past == nullptr ? model_ : device.past->model;
  }
  // An operator gives a file to a site, or takes it.
  void Share(const std::string& file, const std::string& site, bool give);
  // Whether an operator has ever asked for that, in whatever life of the server.
  bool AskedToTake(const std::string& file, const std::string& site) const {
    return taken_.contains({file, site});
  }

  // --- What the oracles know ---
  // Reads the ledger beyond what has been read, and tells the model.
  // False: the server's disk fails, and nothing was seen.
  bool Observe();
  // Reads the outbox of a device: what is new, what has another id now, what is gone.
  void ScanOutbox(SimDevice& device);
  // The device has handed this unit over.
  void NotePushed(SimDevice& device, const v1::PushRequest& push);
  void NoteReceipts(const v1::PushRequest& push, const v1::PushResponse& response);
  // That every receipt is still true.
  void CheckReceipts();
  // At quiet: that what is still HELD waits for something that is not there.
  void CheckHeld();
  void Violate(const std::string& oracle, const std::string& what);
  const std::optional<Violation>& violation() const { return violation_; }
  // What a unit became up to a checkpoint (HELD or more); null: nothing yet. In the life of the
  // server on which the device stands.
  const Admission* OutcomeOf(const SimDevice& device, const Entry& entry, uint64_t at) const;
  // The device (by its id) that a life of a replica belongs to; "": nobody has pushed under it.
  std::string DeviceOf(const std::string& life) const;
  // What every life of the server has told people, beside the present one.
  const std::vector<std::shared_ptr<const Past>>& pasts() const { return pasts_; }

  void Trace(absl::string_view line);
  uint64_t trace_hash() const { return trace_hash_; }
  void set_verbose(bool verbose) { verbose_ = verbose; }
  void set_without(std::set<std::string> oracles) { without_ = std::move(oracles); }
  void Fault(const std::string& kind) { ++counts_.faults[kind]; }

  const Settings& settings() const { return settings_; }
  const Plant* plant() const { return plant_; }
  Counts& counts() { return counts_; }
  Model& model() { return model_; }
  SimServer& server() { return server_; }
  std::vector<std::unique_ptr<SimDevice>>& devices() { return devices_; }
  std::map<std::string, std::string>& records() { return records_; }  // name, id (16 bytes)
  const std::map<std::string, std::string>& records() const { return records_; }
  std::deque<Letter>& letters() { return letters_; }
  const std::set<std::string>& sites() const { return sites_; }
  uint64_t observed() const { return observed_; }
  const std::map<std::string, std::string>& site_of_device() const { return site_of_device_; }
  // "r3", or the id.
  std::string NameOf(const std::string& record) const;
  // The file of a record that somebody has committed; "": nobody has.
  std::string FileOf(const std::string& record) const;

 private:
  struct Known {
    Id id;
    std::string hash;
    std::string payload;
    std::string author;
    uint64_t sending_boot = 0;
    int64_t true_ms = 0;
    uint64_t boot = 0;
    uint64_t epoch = 0;
    uint64_t checkpoint = 0;
  };

  bool ObserveLives(server::ReadView& view);
  void ObserveShare(server::ReadView& view, uint64_t head);
  void ObserveUnit(server::ReadView& view, const server::UnitRow& row, const std::string& site);
  void ObserveHeld(const server::UnitRow& row, const ModelUnit& unit, const std::string& site);
  void ObserveAdmitted(const server::UnitRow& row, const ModelUnit& unit, const std::string& site);
  // That what was taken back while it was held has ended.
  void CheckTakenBack();
  // That those whose versions were displaced since are told, and nobody else.
  void CheckTold(server::ReadView& view, uint64_t after);
  ModelUnit UnitOf(const Known& known) const;
  void CheckRefused(server::ReadView& view, const server::UnitRow& row, const std::string& why);
  // Whether the history says that the unit was held under that sequence.
  bool WasHeld(server::ReadView& view, const Id& id, const std::string& hash, uint64_t sequence);
  // The lowest time that the server may give a change.
  int64_t LowestTime(const server::UnitRow& row, const ModelUnit& unit, uint32_t change) const;
  void CheckTimes(const server::UnitRow& row, const Known& known, const ModelUnit& unit);
  void CheckMembership(server::ReadView& view);
  void CheckServerRecord(server::ReadView& view, const std::string& record);
  Known* FindKnown(const Id& id, const std::string& hash);

  Settings settings_;
  const Plant* plant_;
  int64_t now_ms_;
  uint64_t next_seed_;
  Model model_;
  SimServer server_;
  std::vector<std::unique_ptr<SimDevice>> devices_;
  std::set<std::string> sites_;
  std::map<std::string, std::string> site_of_device_;  // by device id
  std::map<std::string, std::string> records_;
  std::map<std::string, std::string> files_;  // by record
  std::deque<Letter> letters_;
  std::map<UnitKey, Known> known_;
  std::map<std::string, std::string> device_of_life_;
  std::map<UnitKey, Admission> admissions_;
  std::map<UnitKey, uint64_t> receipts_;
  struct Sharing {
    std::string file;
    std::string site;
    bool give;
    int64_t time_ms;
  };
  std::optional<Sharing> sharing_;  // asked for, and not yet seen to have happened or not
  std::set<std::pair<std::string, std::string>> taken_;  // file, site
  bool restored_ = false;
  std::vector<std::shared_ptr<const Past>> pasts_;
  uint64_t observed_ = 0;
  Counts counts_;
  std::optional<Violation> violation_;
  uint64_t trace_hash_ = 14695981039346656037ull;
  bool verbose_ = false;
  std::set<std::string> without_;
};

// The rows of a replica or server in the model's words.
ModelRecord ToModel(const RecordState& state);
// All that a device holds, its pending changes included.
absl::StatusOr<Rows> RowsOf(SimDevice& device);
std::string ToText(const ModelHead& head);
std::string ToText(const Heads& heads);
// "version:counter" as the library writes ids.
Id ParseId(absl::string_view text);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_WORLD_H_
