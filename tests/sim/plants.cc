#include "tests/sim/plants.h"

#include <iterator>
#include <utility>

#include "tests/sim/plant_list.h"

namespace doorstep::sim {

std::vector<Plant> DevicePlants() {
  std::vector<Plant> plants;
  Plant& base = plants.emplace_back();
  base.name = "base-at-save";
  base.rule = "R1";
  base.what = "a base names what stood when the form was saved, not when it was opened";
  base.within = 20;
  base.base_at_save = true;
  Plant& less = plants.emplace_back();
  less.name = "device-unsynced";
  less.rule = "R3";
  less.what = "a commit is acknowledged before it is on the disk";
  less.within = 50;
  less.device_syncs_less = true;
  Plant& hidden = plants.emplace_back();
  hidden.name = "case-hidden";
  hidden.rule = "R12";
  hidden.what = "a conflict stands and no person sees it";
  hidden.within = 10;
  hidden.after_sync = [](Database& db) { db.Exec("DELETE FROM _conflict").IgnoreError(); };
  Plant& readable = plants.emplace_back();
  readable.name = "deleted-readable";
  readable.rule = "R10";
  readable.what = "what is deleted stays in the file until something else is written there";
  readable.within = 10;
  readable.after_sync = [](Database& db) { db.Exec("PRAGMA secure_delete = OFF").IgnoreError(); };
  return plants;
}

const std::vector<Plant>& AllPlants() {
  static const auto* const plants = [] {
    auto* all = new std::vector<Plant>(ServerPlants());
    for (std::vector<Plant> more : {LinkPlants(), DevicePlants()}) {
      std::move(more.begin(), more.end(), std::back_inserter(*all));
    }
    return all;
  }();
  return *plants;
}

const Plant* FindPlant(absl::string_view name) {
  for (const Plant& plant : AllPlants()) {
    if (plant.name == name) return &plant;
  }
  return nullptr;
}

}  // namespace doorstep::sim
