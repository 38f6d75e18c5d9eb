#include "tests/sim/plants.h"

#include <iterator>
#include <utility>

#include "tests/sim/plant_list.h"
#include "tests/sim/schemas.h"

namespace doorstep::sim {

std::vector<Plant> DevicePlants() {
  std::vector<Plant> plants;
  const auto add = [&](const char* name, const char* rule, int within, const char* what) -> Plant& {
    Plant& plant = plants.emplace_back();
    plant.name = name;
    plant.rule = rule;
    plant.what = what;
    plant.within = within;
    return plant;
  };
  add("base-at-save", "R1", 60,
      "a base names what stood when the form was saved, not when it was opened")
      .looks_late = {"save", "prose"};
  add("hide-at-save", "R14", 150, "a mark names versions that its author never saw").looks_late = {
      "hide"};
  add("sign-drafts", "R16", 150, "what lacks something that the schema demands is signed").schema =
      UndemandingSchema;
  add("any-step", "R9", 100, "every step of a state follows from every other").schema =
      LenientSchema;
  add("device-unsynced", "R3", 50, "a commit is acknowledged before it is on the disk")
      .device_syncs_less = true;
  add("case-hidden", "R12", 10, "a conflict stands and no person sees it").after_sync =
      [](Database& db) { db.Exec("DELETE FROM _conflict WHERE field < 19000").IgnoreError(); };
  add("withdrawal-forgotten", "R5", 100, "what was withdrawn asks for somebody again").after_sync =
      [](Database& db) {
        db.Exec("UPDATE _outbox SET resolution = 0, parked = 1 WHERE resolution = 2").IgnoreError();
      };
  add("linked-apart", "R12", 100,
      "where people differ about two registrations, they count as one person")
      .schema = TrustingSchema;
  add("whole-untold", "R12", 180, "two people changed an assessment, and nobody hears of it")
      .after_sync = [](Database& db) {
    db.Exec("DELETE FROM _conflict WHERE field = 19001").IgnoreError();
  };
  add("deleted-readable", "R10", 100,
      "what is deleted stays in the file until something else is written there")
      .after_sync = [](Database& db) { db.Exec("PRAGMA secure_delete = OFF").IgnoreError(); };
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
