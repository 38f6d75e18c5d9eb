// Does what steps say: one function for each verb. For simulation.cc and runner_*.cc only.
#ifndef TESTS_SIM_RUNNER_H_
#define TESTS_SIM_RUNNER_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/script.h"
#include "tests/sim/simulation.h"
#include "tests/sim/world.h"

namespace doorstep::sim {

class Runner {
 public:
  Runner(const Settings& settings, const RunOptions& options)
      : world_(settings, options.plant), plant_(options.plant) {
    world_.set_verbose(options.verbose);
    world_.set_without(options.without);
  }

  void Run(const Step& step);
  World& world() { return world_; }

 private:
  using Handler = void (Runner::*)(const Step&);
  static const std::map<std::string, Handler>& Handlers();

  void Site(const Step& step) { world_.AddSite(step.Arg(0)); }
  void MakeDevice(const Step& step);
  void Create(const Step& step);
  void OpenForm(const Step& step);
  void Save(const Step& step);
  void Bulk(const Step& step);
  void Prose(const Step& step);
  void Hide(const Step& step);
  void Sign(const Step& step);
  void Settle(const Step& step);
  void Withdraw(const Step& step);
  void Fix(const Step& step);
  void Link(const Step& step);
  void Sync(const Step& step);
  void Deliver(const Step& step);
  void Wait(const Step& step);
  void SetClock(const Step& step);
  void Reboot(const Step& step);
  void Restart(const Step& step);
  void Cut(const Step& step);
  void Crash(const Step& step);
  void IoError(const Step& step);
  void Full(const Step& step);
  void Free(const Step& step);
  void Clone(const Step& step);
  void Backup(const Step& step);
  void Restore(const Step& step);
  void Share(const Step& step);
  void History(const Step& step);
  void Upgrade(const Step& step);
  void Quiet(const Step& step);

  // The device that a step names, if it is there and on.
  SimDevice* On(const Step& step);
  std::optional<Form> FormOf(SimDevice& device, const std::string& record);
  // The form of the step's user and record: the one that is open (then it is closed), unless
  // `anew`.
  std::optional<Form> TakeForm(SimDevice& device, const Step& step, bool anew);
  // Of a plant that looks late: the record as it is now.
  std::optional<Form> LateLook(SimDevice& device, const Step& step);
  // Names of records ("@r3") in JSON become their ids.
  std::string WithIds(const std::string& json) const;
  // A transaction, and what must be true of it. `forms`: what it edits.
  absl::Status Commit(SimDevice& device, const std::string& user,
                      const std::vector<const Form*>& forms,
                      const std::function<absl::Status(Edits&)>& edit);
  // The same of whatever else commits.
  absl::Status Commit(SimDevice& device, const std::vector<const Form*>& forms,
                      const std::function<absl::Status()>& commit);
  // The place in the outbox of the unit that holds the step's parked change, and the change's id.
  std::optional<std::pair<int64_t, std::string>> Parked(SimDevice& device, const Step& step);
  testing::PowerCutVfs* DiskOf(const Step& step, bool** faulty);

  World world_;
  const Plant* plant_;
  SimDevice* acted_ = nullptr;
};

}  // namespace doorstep::sim

#endif  // TESTS_SIM_RUNNER_H_
