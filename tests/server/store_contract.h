// The contract of store.h as a fixture, for any implementation.
#ifndef TESTS_SERVER_STORE_CONTRACT_H_
#define TESTS_SERVER_STORE_CONTRACT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/sqlite_store.h"
#include "server/store.h"
#include "sync/base/entropy.h"
#include "tests/server/world.h"

namespace doorstep::server {

// Opens the store at a place, as a process would; the same place, the same data.
struct Implementation {
  const char* name;
  std::function<absl::StatusOr<std::unique_ptr<Store>>(const std::string& directory,
                                                       Entropy& entropy)>
      open;
};

class StoreContract : public ::testing::TestWithParam<Implementation> {
 protected:
  StoreContract() : store_(Open()) {}

  std::unique_ptr<Store> Open() { return Must(GetParam().open(directory_.path(), entropy_)); }
  std::unique_ptr<ReadView> Read() { return Must(store_->Read()); }
  std::unique_ptr<WriteTransaction> Write() { return Must(store_->Write()); }

  // A case study whose one field was written at `sequence`.
  static RecordState Record(uint64_t id, uint64_t sequence, const char* json = "{\"title\":\"a\"}",
                            CompartmentId compartment = {Id(1), 0}) {
    RecordState state;
    state.id = Id(id);
    state.kind = KindNumber("CaseStudy");
    state.compartment = compartment;
    const ChangeData change = Create("CaseStudy", state.id, json);
    for (const FieldEdit& edit : change.edits) {
      FieldState& field = state.At(edit.field);
      field.sequence = sequence;
      Head head;
      head.id = {Id(9), sequence};
      head.time_ms = kNine;
      head.sequence = sequence;
      head.author = "A Khan";
      head.value = edit.value;
      field.heads = {head};
    }
    return state;
  }

  uint64_t Save(const RecordState* before, uint64_t id, const char* json = "{\"title\":\"a\"}") {
    auto write = Write();
    const uint64_t sequence = Must(write->NextSequence());
    Must(write->Save(before, Record(id, sequence, json)));
    Must(write->Commit());
    return sequence;
  }

  void AddSites() {
    auto write = Write();
    Must(write->AddSite({"north", "North", ""}));
    Must(write->AddSite({"south", "South", "care home"}));
    Must(write->Commit());
  }

  void AddDevice() {
    AddSites();
    auto write = Write();
    Must(write->PutDevice(Device()));
    Must(write->Commit());
  }

  static DeviceRow Device() {
    DeviceRow device;
    device.id = Id(50);
    device.name = "tablet";
    device.site = "north";
    device.incarnation = Id(60);
    device.client = "test 1";
    device.first_contact_ms = 5;
    device.last_contact_ms = 7;
    device.pending = 3;
    return device;
  }

  static UnitRow Unit(uint64_t sequence, uint64_t counter, uint32_t changes) {
    UnitRow unit;
    unit.sequence = sequence;
    unit.device = Id(50);
    unit.incarnation = Id(60);
    unit.counter = counter;
    unit.changes = changes;
    unit.author = "A Khan";
    unit.hash = std::string(32, 'h');
    unit.words = {Word::kApplied};
    unit.times_ms = {kNine};
    return unit;
  }

  void AddUnits(const std::vector<UnitRow>& units) {
    AddDevice();
    auto write = Write();
    for (UnitRow unit : units) {
      unit.sequence = Must(write->NextSequence());
      Must(write->AddUnit(unit));
    }
    Must(write->Commit());
  }

  TestDirectory directory_;
  SeededEntropy entropy_{7};
  std::unique_ptr<Store> store_;
};

// Every implementation: a second one adds a line here.
inline std::vector<Implementation> Implementations() {
  return {Implementation{"Sqlite", [](const std::string& directory, Entropy& entropy) {
                           SqliteStoreOptions options;
                           options.sync = DatabaseOptions::Sync::kOff;
                           return OpenSqliteStore(directory + "/tenant.db", true, Schema::BuiltIn(),
                                                  entropy, options);
                         }}};
}

}  // namespace doorstep::server

#endif  // TESTS_SERVER_STORE_CONTRACT_H_
