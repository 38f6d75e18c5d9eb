#include "tests/sim/link.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/change/pack.h"
#include "tests/sim/world.h"

namespace doorstep::sim {
namespace {

constexpr int64_t kSlowMs = 20'000;
// A message that is not there by then never is: connections are cut long before.
constexpr int64_t kLetterMs = 60'000;

absl::Status NoLink() { return absl::UnavailableError("no link"); }

}  // namespace

class Link::Stream : public PullStream {
 public:
  Stream(Link* owner, std::unique_ptr<PullStream> next)
      : owner_(*owner), next_(std::move(next)), generation_(owner->world_.server().generation) {}

  absl::StatusOr<bool> Next(v1::PullBatch* batch) override {
    std::string fault = owner_.NextFault();
    if (fault == "twice") fault.clear();  // a batch that is sent again is another batch
    const auto call = [&]() -> absl::StatusOr<bool> {
      if (owner_.world_.server().generation != generation_) {
        owner_.disturbed_ = true;
        return NoLink();
      }
      return next_->Next(batch);
    };
    absl::StatusOr<bool> more = owner_.Exchange<bool>(fault, call);
    if (!more.ok() || !*more) return more;
    owner_.LookAtBatch(*batch);
    if (fault == "droprow") owner_.DropRow(batch);
    return more;
  }

 private:
  Link& owner_;
  std::unique_ptr<PullStream> next_;
  const int generation_;
};

void Link::Plan(std::map<int, std::string> faults) {
  faults_ = std::move(faults);
  exchange_ = 0;
}

std::string Link::NextFault() {
  ++world_.counts().exchanges;
  const auto it = faults_.find(++exchange_);
  if (it == faults_.end()) return "";
  world_.Fault(it->second);
  disturbed_ |= it->second != "slow" && it->second != "twice";
  return it->second;
}

template <typename Response>
absl::StatusOr<Response> Link::Reach(const std::function<absl::StatusOr<Response>()>& call) {
  SimServer& server = world_.server();
  if (server.dead || server.core == nullptr) {
    disturbed_ = true;
    return NoLink();
  }
  absl::StatusOr<Response> response = call();
  world_.AfterServerCall();
  if (server.dead) {
    disturbed_ = true;
    return NoLink();
  }
  return response;
}

template <typename Response>
absl::StatusOr<Response> Link::Exchange(const std::string& fault,
                                        const std::function<absl::StatusOr<Response>()>& call) {
  if (fault == "lost" || fault == "late") return NoLink();
  if (fault == "slow") world_.Advance(kSlowMs);
  absl::StatusOr<Response> response = Reach(call);
  if (fault == "twice" && response.ok()) response = Reach(call);
  if (fault == "slow") world_.Advance(kSlowMs);
  if (fault == "noreply") return NoLink();
  return response;
}

absl::StatusOr<v1::HelloResponse> Link::Hello(const v1::HelloRequest& request) {
  absl::StatusOr<v1::HelloResponse> response = Exchange<v1::HelloResponse>(
      NextFault(), [&] { return world_.server().endpoint->Hello(request); });
  if (response.ok() && world_.settings().push_bytes != 0) {
    response->set_max_push_bytes(world_.settings().push_bytes);
  }
  return response;
}

absl::StatusOr<v1::PushResponse> Link::Push(const v1::PushRequest& request) {
  world_.NotePushed(device_, request);
  const std::string fault = NextFault();
  if (fault == "late") {
    world_.letters().push_back({&device_, request, world_.now_ms() + kLetterMs});
  }
  return Exchange<v1::PushResponse>(fault, [&]() -> absl::StatusOr<v1::PushResponse> {
    absl::StatusOr<v1::PushResponse> response = world_.server().endpoint->Push(request);
    if (response.ok()) world_.NoteReceipts(request, *response);
    return response;
  });
}

void Link::Arrive(const v1::PushRequest& push) {
  Reach<v1::PushResponse>([&]() -> absl::StatusOr<v1::PushResponse> {
    absl::StatusOr<v1::PushResponse> response = world_.server().endpoint->Push(push);
    if (response.ok()) world_.NoteReceipts(push, *response);
    return response;
  }).IgnoreError();
}

absl::StatusOr<std::unique_ptr<PullStream>> Link::Pull(const v1::PullRequest& request) {
  if (world_.server().dead || world_.server().core == nullptr) {
    disturbed_ = true;
    return NoLink();
  }
  absl::StatusOr<std::unique_ptr<PullStream>> stream = world_.server().endpoint->Pull(request);
  if (!stream.ok()) return stream.status();
  return std::make_unique<Stream>(this, *std::move(stream));
}

absl::StatusOr<v1::HistoryResponse> Link::History(const v1::HistoryRequest& request) {
  return Exchange<v1::HistoryResponse>(NextFault(),
                                       [&] { return world_.server().endpoint->History(request); });
}

absl::Status Link::Watch(const v1::WatchRequest& /*request*/,
                         const std::function<bool(uint64_t)>& /*on_notice*/) {
  return absl::UnimplementedError("nothing is watched in a simulation");
}

// L8, at the moment of sending.
void Link::LookAtBatch(const v1::PullBatch& batch) {
  v1::PullRows rows;
  if (!Unpack(batch.rows(), kMaxSqlValueBytes, &rows).ok()) return;
  for (const v1::RecordRow& row : rows.records()) {
    const v1::CompartmentRef& place = rows.compartments(static_cast<int>(row.compartment()));
    if (world_.model().Holds(device_.site, {place.file(), place.tier()}, kNow)) continue;
    world_.Violate("L8", absl::StrCat(device_.name, ": got record ", world_.NameOf(row.record()),
                                      ", wanted none of a file that ", device_.site,
                                      " does not hold at the moment of sending"));
  }
}

void Link::DropRow(v1::PullBatch* batch) {
  v1::PullRows rows;
  if (!Unpack(batch->rows(), kMaxSqlValueBytes, &rows).ok() || rows.records_size() == 0) return;
  rows.mutable_records()->RemoveLast();
  Pack(rows, false, batch->mutable_rows());
  device_.drifted = true;
}

}  // namespace doorstep::sim
