#include "tests/fuzz/stage.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-lib/sender.h"
#include "sync/base/limits.h"
#include "sync/change/pack.h"
#include "tests/client/world.h"
#include "tests/support/core_transport.h"

namespace doorstep::fuzz {
namespace {

// Notes what is sent and received.
class Recorder : public testing::CoreTransport {
 public:
  Recorder(server::SyncCore* core, std::vector<v1::PushUnits>* pushes,
           std::vector<v1::PullBatch>* batches)
      : CoreTransport(core), pushes_(pushes), batches_(batches) {}

  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    v1::PushUnits units;
    Must(Unpack(request.units(), kMaxPushRawBytes, &units));
    pushes_->push_back(std::move(units));
    return CoreTransport::Push(request);
  }

  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    auto stream = CoreTransport::Pull(request);
    if (!stream.ok()) return stream.status();
    return std::make_unique<Stream>(*std::move(stream), batches_);
  }

 private:
  class Stream : public PullStream {
   public:
    Stream(std::unique_ptr<PullStream> next, std::vector<v1::PullBatch>* batches)
        : next_(std::move(next)), batches_(batches) {}
    absl::StatusOr<bool> Next(v1::PullBatch* batch) override {
      auto more = next_->Next(batch);
      if (more.ok() && *more) batches_->push_back(*batch);
      return more;
    }

   private:
    std::unique_ptr<PullStream> next_;
    std::vector<v1::PullBatch>* batches_;
  };

  std::vector<v1::PushUnits>* pushes_;
  std::vector<v1::PullBatch>* batches_;
};

void CopyOut(Database& db, const std::string& to) {
  Must(db.Exec(absl::StrCat("VACUUM INTO '", to, "'")));
}

}  // namespace

Stage& Stage::Get() {
  static Stage& stage = *new Stage;
  return stage;
}

Stage::Stage() {
  World world(7);
  // Plain, so that its file is what a device opens for each input.
  auto device = world.NewDevice("tablet", "north", "plain");
  auto other = world.NewDevice("other");
  const std::string peter = Must(
      device->Add("Person", R"({"name":"Peter","gp":"Dr Lee","allergies":["nuts","pollen"]})"));
  const std::string risk = Must(device->Add(
      "RiskAssessment", R"({"hazard":"Road","residual_rating":{"likelihood":2,"severity":3}})"));
  const std::string study =
      Must(device->Add("CaseStudy", R"({"title":"Walks","situation":"He walks. He likes it."})"));
  Must(device.Sync());
  Must(other.Sync());
  Must(other->Edit(risk, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  Must(other->Edit(peter, R"({"gp":"Dr Jones"})"));
  Must(device->Edit(risk, R"({"residual_rating":{"likelihood":1,"severity":3}})"));
  Must(device.Sync());
  Must(other.Sync());
  Must(device.Sync());
  // Sent, and the link fails before the outcome.
  Must(device->Add("Person", R"({"name":"Mary"})").status());
  device.link->Script({testing::Fault::kNone, testing::Fault::kNone, testing::Fault::kDropRequest});
  if (device.Sync().ok()) abort();
  // Never sent.
  Must(device->Edit(peter, R"({"name":"Peter Hall","allergies":["nuts"]})"));
  Must(device->Edit(study, R"({"situation":"He walks daily. He likes it."})"));
  Decision decision;
  decision.mode = Decision::Mode::kNewValue;
  decision.json = R"({"likelihood":2,"severity":3})";
  decision.reason = "agreed with Peter";
  Must(device->Settle(Must(device.replica().Conflicts()).at(0).case_id, decision));
  unsent_ = Must(device->Add("Person", R"({"name":"Unsent"})"));

  sender_ = Must(client::MakeSender(device->store()));
  epoch_ = static_cast<uint64_t>(Must(device->store().Int(client::key::kEpoch)));
  CopyOut(device->db(), replica_file());
  {
    const std::string path = world.core().tenants().PathOf("default");
    const auto db = Must(Database::Open(path, {}));
    CopyOut(*db, server_file());
    head_ = Must(Must(world.tenant().store().Read())->Head());
  }

  Recorder recorder(&world.core(), &pushes_, &batches_);
  Must(device.replica().Sync(recorder, {}).status());
  auto late = world.NewDevice("late");
  Must(late.replica().Sync(recorder, {}).status());
  std::filesystem::create_directories(directory_.path() + "/server/tenants");
  device_ = std::make_unique<Device>(directory_.path() + "/tablet", "tablet", "north", 1, "plain");
}

void Stage::Put(const std::string& from, const std::string& to) const {
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(to + suffix);
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

server::SyncCore& Stage::FreshServer() {
  core_.reset();
  Put(server_file(), directory_.path() + "/server/tenants/default.db");
  entropy_.emplace(1);
  server::TenantsOptions options;
  options.data_dir = directory_.path() + "/server";
  options.clock = &clock_;
  options.entropy = &*entropy_;
  options.sqlite.sync = DatabaseOptions::Sync::kOff;
  core_ = std::make_unique<server::SyncCore>(options);
  return *core_;
}

Device& Stage::FreshDevice() {
  device_->Close();
  Put(replica_file(), directory_.path() + "/tablet/replica.db");
  device_->Reopen();
  return *device_;
}

}  // namespace doorstep::fuzz
