// A push to a live server: it answers, or refuses with a code that the contract knows; the same
// again changes nothing; and what it holds afterwards holds together.
//   input := how:byte bytes
//   how bit 0: the bytes claim to be zstd; else they are a PushUnits
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "doorstep/v1/sync.pb.h"
#include "server/history.h"
#include "sync/change/digest.h"
#include "sync/change/row_codec.h"
#include "sync/merge/record.h"
#include "tests/fuzz/stage.h"
#include "tests/fuzz/target.h"

namespace doorstep::fuzz {
namespace {

using v1::Receipt;

void CheckAnswer(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kFailedPrecondition:  // another epoch
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kResourceExhausted:
      return;
    default:
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      Require(false, "a push is answered, or refused as malformed");
  }
}

void CheckServer(server::Tenant& tenant) {
  const auto view = Must(tenant.store().Read());
  const server::HistoryReport report = Must(server::VerifyHistory(*view));
  for (const std::string& fault : report.faults) std::fprintf(stderr, "%s\n", fault.c_str());
  Require(report.faults.empty(), "the history is whole");
  Require(report.last_sequence <= Must(view->Head()), "and not beyond the head");
  for (const server::MembershipRow& held : Must(view->Memberships("north"))) {
    Digest sum;
    uint64_t records = 0;
    for (const server::FeedPlace& place :
         Must(view->Feed(held.ref, {}, std::numeric_limits<uint64_t>::max(), 100'000))) {
      const RecordState state = Must(view->LoadAt(place.record));
      Require(state.compartment == held.compartment, "a record stands in its compartment");
      Require(Must(DecodeState(EncodeState(state))) == state, "a record can be sent");
      const KindSpec* kind = doorstep::Schema::BuiltIn()->Find(state.kind);
      Require(kind != nullptr, "of a kind that the server knows");
      EffectiveMessage(*kind, state);
      sum.Add(DigestOf(state));
      ++records;
    }
    const server::CompartmentTotals totals = Must(view->Totals(held.ref));
    Require(totals.digest == sum && totals.records == records, "digests are those of the rows");
  }
}

}  // namespace

void Push(absl::string_view bytes) {
  Input input(bytes);
  const unsigned how = input.Byte();
  Stage& stage = Stage::Get();
  server::SyncCore& core = stage.FreshServer();
  server::Tenant& tenant = *Must(core.tenants().Ensure("default"));
  v1::PushRequest request;
  *request.mutable_sender() = stage.sender();
  request.mutable_now()->set_wall_ms(kNine);
  if ((how & 1) != 0) request.mutable_units()->set_compression(v1::ZSTD);
  request.mutable_units()->set_raw_size(static_cast<uint32_t>(input.Rest().size()));
  request.mutable_units()->set_data(std::string(input.Rest()));
  const auto first = core.Push(request);
  CheckAnswer(first.status());
  CheckServer(tenant);
  const uint64_t head = Must(Must(tenant.store().Read())->Head());
  const auto second = core.Push(request);
  Require(second.status().code() == first.status().code(), "the same again, the same answer");
  if (!first.ok()) return;
  Require(first->receipts_size() == second->receipts_size(), "a receipt for each unit");
  bool waited = false;
  for (int i = 0; i < first->receipts_size(); ++i) {
    const Receipt& was = first->receipts(i);
    const Receipt& is = second->receipts(i);
    waited = waited || was.status() == Receipt::WAITS;
    if (was.status() != Receipt::STORED && was.status() != Receipt::REPEAT) continue;
    Require(is.status() == Receipt::REPEAT && is.sequence() == was.sequence(),
            "what was stored is a repeat under the same sequence");
  }
  if (waited) return;  // for a unit that came after it, perhaps
  Require(Must(Must(tenant.store().Read())->Head()) == head, "a repeat changes nothing");
}

}  // namespace doorstep::fuzz
