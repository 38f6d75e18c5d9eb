// Broken twins that change messages: what a mistake in admission, pull or apply would send, or make
// of what it was sent.
#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/base/limits.h"
#include "sync/change/pack.h"
#include "sync/change/unit_codec.h"
#include "tests/sim/forwarding.h"
#include "tests/sim/model.h"
#include "tests/sim/plant_list.h"
#include "tests/sim/schemas.h"

namespace doorstep::sim {
namespace {

// A pull of which each batch passes through Change.
class BatchTwin : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;

  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    auto stream = next_.Pull(request);
    if (!stream.ok()) return stream;
    return std::make_unique<Stream>(this, request, *std::move(stream));
  }

 protected:
  virtual void Change(const v1::PullRequest& request, v1::PullRows* rows, v1::PullBatch* batch) = 0;

 private:
  class Stream : public PullStream {
   public:
    Stream(BatchTwin* owner, v1::PullRequest request, std::unique_ptr<PullStream> next)
        : owner_(*owner), request_(std::move(request)), next_(std::move(next)) {}

    absl::StatusOr<bool> Next(v1::PullBatch* batch) override {
      auto more = next_->Next(batch);
      v1::PullRows rows;
      if (!more.ok() || !*more || !Unpack(batch->rows(), kMaxSqlValueBytes, &rows).ok()) {
        return more;
      }
      owner_.Change(request_, &rows, batch);
      Pack(rows, false, batch->mutable_rows());
      return more;
    }

   private:
    BatchTwin& owner_;
    const v1::PullRequest request_;
    std::unique_ptr<PullStream> next_;
  };
};

template <typename Twin>
std::unique_ptr<Transport> Make(Transport* server) {
  return std::make_unique<Twin>(server);
}

// A server that never works out a digest and sends what it has always sent.
class ConstantDigest : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  void Change(const v1::PullRequest&, v1::PullRows*, v1::PullBatch* batch) override {
    if (!batch->digest().empty()) batch->set_digest(std::string(batch->digest().size(), '\x5a'));
  }
};

// A batch is never compared with what it makes of a replica.
class NoDigest : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  void Change(const v1::PullRequest&, v1::PullRows*, v1::PullBatch* batch) override {
    batch->clear_digest();
  }
};

// What an author should hear of those who displaced them is left out.
class DisplacementsUntold : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  void Change(const v1::PullRequest&, v1::PullRows* rows, v1::PullBatch*) override {
    rows->clear_displacements();
  }
};

// Moves items of one kind from a batch to the device's next pull.
void Hold(bool records, size_t keep, v1::PullRows* rows, v1::PullRows* held) {
  v1::PullRows later = *rows;
  if (records) {
    later.clear_outcomes();
    later.clear_memberships();
    later.mutable_records()->DeleteSubrange(0, static_cast<int>(keep));
    rows->mutable_records()->DeleteSubrange(static_cast<int>(keep),
                                            rows->records_size() - static_cast<int>(keep));
  } else {
    later.clear_records();
    later.clear_memberships();
    rows->clear_outcomes();
  }
  *held = std::move(later);
}

// The outcomes of `held`, in terms of the dictionaries of `rows`.
void GiveOutcomes(const v1::PullRows& held, v1::PullRows* rows) {
  for (const v1::Outcome& outcome : held.outcomes()) {
    v1::Outcome* out = rows->add_outcomes();
    *out = outcome;
    out->set_incarnation(static_cast<uint32_t>(rows->incarnations_size()));
    rows->add_incarnations(held.incarnations(static_cast<int>(outcome.incarnation())));
  }
}

// Some of a checkpoint's records come with the device's next pull only; that one brings them all,
// so nothing is missing for good.
class RecordsLater : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    v1::PullRequest lower = request;
    const auto owed = owed_.find(request.sender().device());
    pays_ = owed != owed_.end() && !request.first() && !request.has_position();
    if (pays_) {
      lower.set_cursor(std::min(request.cursor(), owed->second));
      owed_.erase(owed);
    }
    return BatchTwin::Pull(lower);
  }
  void Change(const v1::PullRequest& request, v1::PullRows* rows, v1::PullBatch* batch) override {
    if (!batch->complete() || request.first() || pays_) return;
    const size_t now = ComeNow(*rows);
    if (now == static_cast<size_t>(rows->records_size())) return;
    v1::PullRows later;
    Hold(/*records=*/true, now, rows, &later);
    owed_.emplace(request.sender().device(), request.cursor());
    batch->clear_digest();
  }

 protected:
  // How many of the records come at once.
  virtual size_t ComeNow(const v1::PullRows& rows) const = 0;

 private:
  std::map<std::string, uint64_t> owed_;  // by device: the cursor below what was held back
  bool pays_ = false;
};

// A checkpoint is applied in two transactions, with a look at the rows between them.
class TwoTransactions : public RecordsLater {
 public:
  using RecordsLater::RecordsLater;

 protected:
  size_t ComeNow(const v1::PullRows& rows) const override {
    const auto all = static_cast<size_t>(rows.records_size());
    return all < 2 ? all : all / 2;
  }
};

// A change leaves the fold before the rows that hold it have come.
class OutcomesFirst : public RecordsLater {
 public:
  using RecordsLater::RecordsLater;

 protected:
  size_t ComeNow(const v1::PullRows& rows) const override {
    return rows.outcomes_size() == 0 ? static_cast<size_t>(rows.records_size()) : 0;
  }
};

// A change stays in the fold although the rows that hold it have come.
class OutcomesLast : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  void Change(const v1::PullRequest& request, v1::PullRows* rows, v1::PullBatch* batch) override {
    if (!batch->complete()) return;
    v1::PullRows& held = held_[request.sender().device()];
    const v1::PullRows before = std::move(held);
    Hold(/*records=*/false, 0, rows, &held);
    GiveOutcomes(before, rows);
  }

 private:
  std::map<std::string, v1::PullRows> held_;
};

// Nobody is told that something was refused.
class RefusalsUntold : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  void Change(const v1::PullRequest&, v1::PullRows* rows, v1::PullBatch*) override {
    auto* outcomes = rows->mutable_outcomes();
    outcomes->erase(std::remove_if(outcomes->begin(), outcomes->end(),
                                   [](const v1::Outcome& outcome) {
                                     return outcome.words(0) == v1::Outcome::REJECTED;
                                   }),
                    outcomes->end());
  }
};

// A device is not told what was taken from it.
class LossesUntold : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  void Change(const v1::PullRequest&, v1::PullRows* rows, v1::PullBatch* batch) override {
    auto* given = rows->mutable_memberships();
    given->erase(std::remove_if(given->begin(), given->end(),
                                [](const v1::Membership& m) { return m.taken(); }),
                 given->end());
    batch->clear_digest();
  }
};

// A pull that goes on after a cut sends what changed beyond the place where it was cut.
class CursorAtPosition : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    v1::PullRequest later = request;
    if (!request.first() && request.has_position()) {
      later.set_cursor(std::max(request.cursor(), request.position().sequence()));
    }
    return next_.Pull(later);
  }
};

// Another life's answer: the clone believes that its change is the one that the server has.
class CloneAnswered : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override {
    auto response = next_.Hello(request);
    if (response.ok()) response->set_standing(v1::WELCOME);
    return response;
  }

  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    auto response = next_.Push(request);
    v1::PushUnits units;
    if (!response.ok() || !Unpack(request.units(), kMaxSqlValueBytes, &units).ok()) {
      return response;
    }
    for (int i = 0; i < units.units_size() && i < response->receipts_size(); ++i) {
      const v1::Envelope& unit = units.units(i);
      hashes_[{request.sender().device(), unit.counter()}] = UnitHash(
          units.authors(static_cast<int>(unit.author())), unit.schema_hash(), unit.payload());
      v1::Receipt* receipt = response->mutable_receipts(i);
      if (receipt->status() == v1::Receipt::FORKED_ID) receipt->set_status(v1::Receipt::REPEAT);
    }
    return response;
  }

  void Change(const v1::PullRequest& request, v1::PullRows* rows, v1::PullBatch*) override {
    for (v1::Outcome& outcome : *rows->mutable_outcomes()) {
      const auto it = hashes_.find({request.sender().device(), outcome.counter()});
      if (it != hashes_.end()) outcome.set_hash(it->second);
    }
  }

 private:
  std::map<std::pair<std::string, uint64_t>, std::string> hashes_;
};

// A program with an older schema drops what it does not know.
class UnknownDropped : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  void Change(const v1::PullRequest& request, v1::PullRows* rows, v1::PullBatch* batch) override {
    const std::shared_ptr<const Schema> old = OldSchema();
    if (request.schema_hash() != old->hash()) return;
    batch->clear_digest();
    for (v1::RecordRow& row : *rows->mutable_records()) {
      const KindSpec* kind = old->Find(row.kind());
      if (kind == nullptr) continue;
      const auto unknown = [&](uint32_t field) { return kind->Find(field) == nullptr; };
      auto* fields = row.mutable_exceptions();
      fields->erase(std::remove_if(fields->begin(), fields->end(),
                                   [&](const auto& field) { return unknown(field.field()); }),
                    fields->end());
      std::string values;
      for (const auto& [field, value] : SplitFields(row.values())) {
        if (!unknown(field)) values += value;
      }
      row.set_values(values);
    }
  }
};

// Every server looks like the first one, and nobody compares what it has since it was restored: the
// digests would make devices hand over their own work again.
class RestoreUnnoticed : public BatchTwin {
 public:
  using BatchTwin::BatchTwin;
  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override {
    v1::HelloRequest other = request;
    other.clear_epoch();
    other.clear_seen_sequence();
    auto response = next_.Hello(other);
    if (!response.ok()) return response;
    now_ = response->epoch();
    if (first_ == 0) first_ = now_;
    response->set_epoch(first_);
    return response;
  }
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    v1::PushRequest other = request;
    v1::PushUnits units;
    if (!Unpack(request.units(), kMaxSqlValueBytes, &units).ok()) return next_.Push(request);
    for (v1::Envelope& unit : *units.mutable_units()) {
      if (unit.epoch() == first_) unit.set_epoch(now_);
    }
    Pack(units, false, other.mutable_units());
    return next_.Push(other);
  }
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    v1::PullRequest other = request;
    if (request.epoch() == first_) other.set_epoch(now_);
    return BatchTwin::Pull(other);
  }
  void Change(const v1::PullRequest&, v1::PullRows*, v1::PullBatch* batch) override {
    batch->set_epoch(first_);
    if (now_ != first_) batch->clear_digest();
  }

 private:
  uint64_t first_ = 0;
  uint64_t now_ = 0;
};

// One push of eight is answered and not stored.
class AnswersForNothing : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    v1::PushUnits units;
    if (++pushes_ % 8 != 0 || !Unpack(request.units(), kMaxSqlValueBytes, &units).ok()) {
      return next_.Push(request);
    }
    v1::PushResponse response;
    for (const v1::Envelope& unit : units.units()) {
      v1::Receipt* receipt = response.add_receipts();
      receipt->set_counter(unit.counter());
      receipt->set_status(v1::Receipt::STORED);
      receipt->set_sequence(std::numeric_limits<uint32_t>::max());
    }
    return response;
  }

 private:
  int pushes_ = 0;
};

class Reversed : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    v1::PushRequest turned = request;
    v1::PushUnits units;
    if (!Unpack(request.units(), kMaxSqlValueBytes, &units).ok()) return next_.Push(request);
    std::reverse(units.mutable_units()->begin(), units.mutable_units()->end());
    Pack(units, false, turned.mutable_units());
    auto response = next_.Push(turned);
    if (response.ok()) {
      std::reverse(response->mutable_receipts()->begin(), response->mutable_receipts()->end());
    }
    return response;
  }
};

}  // namespace

std::unique_ptr<Transport> ReorderedUnits(Transport* server) {
  return std::make_unique<Reversed>(server);
}

std::vector<Plant> LinkPlants() {
  std::vector<Plant> plants;
  const auto add = [&](const char* name, const char* rule, int within, const char* what,
                       std::unique_ptr<Transport> (*transport)(Transport*)) {
    Plant& plant = plants.emplace_back();
    plant.name = name;
    plant.rule = rule;
    plant.what = what;
    plant.within = within;
    plant.transport = transport;
  };
  add("clone-answered", "R3", 120, "a clone's change is answered with the original's outcome",
      Make<CloneAnswered>);
  add("answer-for-nothing", "R3", 10, "a receipt is given for what was not stored",
      Make<AnswersForNothing>);
  add("outcome-early", "R5", 10, "a change leaves the fold before its rows have come",
      Make<OutcomesFirst>);
  add("outcome-late", "R5", 10, "a change stays in the fold after its rows have come",
      Make<OutcomesLast>);
  add("refusal-untold", "R5", 10, "the outcome of a refused change never comes",
      Make<RefusalsUntold>);
  add("two-transactions", "R6", 10, "a checkpoint is applied in two transactions",
      Make<TwoTransactions>);
  add("moved-record", "R6", 80, "a cut pull goes on past a record that has moved",
      Make<CursorAtPosition>);
  add("constant-digest", "R7", 10, "all digests are the same", Make<ConstantDigest>);
  add("digest-unsent", "R7", 120, "no digest is sent, so that nothing is compared", Make<NoDigest>);
  add("notice-unsent", "R12", 40, "whose version was displaced is noted and never told",
      Make<DisplacementsUntold>);
  add("loss-untold", "R7", 10, "what is taken from a device stays on it", Make<LossesUntold>);
  add("restore-unnoticed", "R11", 120,
      "a server that was restored from a backup is taken for itself", Make<RestoreUnnoticed>);
  add("unknown-dropped", "R17", 45, "an older program drops fields that it does not know",
      Make<UnknownDropped>);
  return plants;
}

}  // namespace doorstep::sim
