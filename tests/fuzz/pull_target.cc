// Batches from a server that may send anything, applied to a live replica: it takes or refuses
// them, keeps what its user wrote, holds together, and opens again.
//   input := (flags:byte PullRows:piece)*     (piece: see target.h)
//   flags bit 0: complete; bit 1: first_done; bit 2: the next batch is of another pull
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client-lib/digests.h"
#include "doorstep/transport.h"
#include "doorstep/v1/sync.pb.h"
#include "tests/client/world.h"
#include "tests/fuzz/stage.h"
#include "tests/fuzz/target.h"

namespace doorstep::fuzz {
namespace {

struct Sent {
  unsigned flags = 0;
  absl::string_view rows;
};

// A server that takes every push and sends the batches one after the other.
class Script : public Transport {
 public:
  explicit Script(std::vector<Sent> sent) : sent_(std::move(sent)) {}

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest&) override {
    v1::HelloResponse response;
    response.set_protocol(1);
    response.set_epoch(Stage::Get().epoch());
    response.set_server_time_ms(kNine);
    response.set_standing(v1::WELCOME);
    return response;
  }
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    v1::PushUnits units;
    units.ParseFromString(request.units().data());
    v1::PushResponse response;
    for (const v1::Envelope& unit : units.units()) {
      v1::Receipt* receipt = response.add_receipts();
      receipt->set_counter(unit.counter());
      receipt->set_status(v1::Receipt::STORED);
      receipt->set_sequence(++sequence_);
    }
    return response;
  }
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest&) override {
    return std::make_unique<Stream>(this);
  }
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest&) override {
    return absl::UnavailableError("no history");
  }
  absl::Status Watch(const v1::WatchRequest&, const std::function<bool(uint64_t)>&) override {
    return absl::UnavailableError("no watch");
  }
  void Cancel() override {}

 private:
  class Stream : public PullStream {
   public:
    explicit Stream(Script* script) : script_(script) {}
    absl::StatusOr<bool> Next(v1::PullBatch* batch) override { return script_->Next(batch); }

   private:
    Script* script_;
  };

  absl::StatusOr<bool> Next(v1::PullBatch* batch) {
    if (next_ == sent_.size()) return absl::UnavailableError("no link");
    const Sent& now = sent_[next_++];
    batch->Clear();
    batch->mutable_rows()->set_data(std::string(now.rows));
    batch->mutable_rows()->set_raw_size(static_cast<uint32_t>(now.rows.size()));
    batch->set_epoch(Stage::Get().epoch());
    batch->set_server_time_ms(kNine);
    batch->set_complete((now.flags & 1) != 0);
    batch->set_first_done((now.flags & 2) != 0);
    batch->set_checkpoint(++sequence_);
    batch->set_first_from(sequence_);
    batch->mutable_next()->set_sequence(sequence_);
    batch->set_digest(std::string(16, '\0'));
    return (now.flags & 4) == 0;
  }

  const std::vector<Sent> sent_;
  size_t next_ = 0;
  uint64_t sequence_ = Stage::Get().head();
};

void CheckReplica(Device& device) {
  Require(World::Stored(device) == World::Refolded(device),
          "rows are the server's with pending changes on top");
  // Both are computed; that they differ from what the server claims is the server's fault.
  Require(device.replica().Digest(true).ok(), "digests can be computed");
  const absl::Status conflicts = device.replica().Conflicts().status();
  if (!conflicts.ok()) std::cerr << conflicts << std::endl;
  Require(conflicts.ok(), "nothing that a server sends makes the list of conflicts fail");
  bool found = false;
  for (const OwnChange& change : Must(device.replica().Outcomes())) {
    found = found || change.record == Stage::Get().unsent();
  }
  Require(found, "what its user wrote is there, whatever a server says");
}

}  // namespace

void Pull(absl::string_view bytes) {
  std::vector<Sent> sent;
  for (Input input(bytes); !input.empty() && sent.size() < 16;) {
    const unsigned flags = input.Byte();
    sent.push_back({flags, input.Piece()});
  }
  Device& device = Stage::Get().FreshDevice();
  Script script(std::move(sent));
  for (int sync = 0; sync < 2; ++sync) {
    const absl::Status status = device.replica().Sync(script, {}).status();
    static_cast<void>(status);  // any answer will do
    CheckReplica(device);
  }
  device.Reopen();
  CheckReplica(device);
}

}  // namespace doorstep::fuzz
