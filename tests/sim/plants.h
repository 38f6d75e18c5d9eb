// Broken twins of single parts, each of which an oracle must find: the proof that the simulator
// would see such a mistake. All live here, as decorators over seams that the product has anyway
// (Transport, server::Store) or as another way to drive it; no product code knows of them.
#ifndef TESTS_SIM_PLANTS_H_
#define TESTS_SIM_PLANTS_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "doorstep/transport.h"
#include "server/store.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"

namespace doorstep::sim {

struct Plant {
  std::string name;
  std::string rule;  // of the design that it breaks
  std::string what;  // the mistake, in a sentence
  int within = 0;    // it is found within this many seeds, from 1

  // What devices reach in place of the server; borrows the server.
  std::function<std::unique_ptr<Transport>(Transport*)> transport = nullptr;
  // What the server has in place of its store.
  std::function<std::unique_ptr<server::Store>(std::unique_ptr<server::Store>)> store = nullptr;
  DatabaseOptions::Sync server_sync = DatabaseOptions::Sync::kFull;
  // Devices promise kFull and open their replicas with kNormal.
  bool device_syncs_less = false;
  // In these steps a form is opened again at the moment of saving, so that its author "saw" what
  // had just come.
  std::set<std::string> looks_late = {};
  // What server and devices have in place of today's schema.
  std::function<std::shared_ptr<const Schema>()> schema = nullptr;
  // Run on a replica after each sync.
  std::function<void(Database&)> after_sync = nullptr;
};

const std::vector<Plant>& AllPlants();
// Null: there is none of that name.
const Plant* FindPlant(absl::string_view name);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_PLANTS_H_
