// A server and devices in one process.
#ifndef TESTS_CLIENT_WORLD_H_
#define TESTS_CLIENT_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/sync_core.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/change/state.h"
#include "tests/client/device.h"
#include "tests/support/core_transport.h"
#include "tests/support/in_process_transport.h"

namespace doorstep {

// Every record of a place, by id.
using Rows = std::map<Uuid, RecordState>;

class World {
 public:
  // With the sites "north" and "south". Durability is not the matter here: nothing is synced.
  explicit World(uint64_t seed = 1);

  // A device that can reach the server, through a link that fails where the test says.
  struct Linked {
    std::unique_ptr<Device> device;
    std::unique_ptr<testing::CoreTransport> core;
    std::unique_ptr<testing::FaultyTransport> link;

    Device* operator->() { return device.get(); }
    Replica& replica() { return device->replica(); }
    absl::StatusOr<SyncResult> Sync() { return device->replica().Sync(*link, {}); }
  };
  Linked NewDevice(const std::string& name, const std::string& site = "north",
                   const std::string& test_key = "");
  // Another life of the device: a copy of its directory as it is now.
  Linked Copy(Linked& original, const std::string& name);

  server::SyncCore& core() { return *core_; }
  server::Tenant& tenant() { return *tenant_; }
  ManualClock& clock() { return clock_; }
  // Stops the server and starts it again.
  void Restart();
  // Copies the server's files, stopped meanwhile, and puts the copy in their place. Links to the
  // server as it was must be made anew.
  void Backup();
  void RestoreBackup();

  // What the server holds of the compartments that a site may see.
  Rows ServerRows(const std::string& site);
  // What a device holds of the server's rows: the shadows in place of rows with pending changes.
  static Rows DeviceRows(Device& device);
  // The rows of a device made anew from the server's rows and its pending changes.
  static Rows Refolded(Device& device);
  // The rows themselves.
  static Rows Stored(Device& device);

 private:
  void CopyFiles(const std::string& from, const std::string& to);

  TestDirectory directory_;
  ManualClock clock_{kNine};
  SeededEntropy entropy_;
  uint64_t next_seed_;
  std::unique_ptr<server::SyncCore> core_;
  server::Tenant* tenant_ = nullptr;
};

}  // namespace doorstep

#endif  // TESTS_CLIENT_WORLD_H_
