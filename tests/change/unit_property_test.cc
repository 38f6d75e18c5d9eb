// What holds for every unit, and that no bytes whatever do harm.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "sync/base/entropy.h"
#include "sync/change/unit_codec.h"
#include "tests/change/arbitrary.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

absl::StatusOr<Unit> Parse(const Unit& unit, absl::string_view payload) {
  return ParseUnit(*EverythingSchema(), unit.incarnation, unit.counter,
                   static_cast<uint32_t>(unit.changes.size()), payload);
}

RC_GTEST_PROP(Units, ReadWhatWasWritten, ()) {
  const Unit unit = AnyUnit();
  const auto payload = EncodeUnit(unit);
  RC_ASSERT(payload.ok());
  const auto back = Parse(unit, *payload);
  if (!back.ok()) RC_FAIL(back.status().ToString());
  RC_ASSERT(*back == unit);
  RC_ASSERT(*EncodeUnit(*back) == *payload);
}

RC_GTEST_PROP(Units, ReadOfOneRecordWhatTheWholeSaysOfIt, ()) {
  const Unit unit = AnyUnit();
  const std::string payload = *EncodeUnit(unit);
  const auto whole = Parse(unit, payload);
  RC_ASSERT(whole.ok());
  Uuid stranger = unit.changes[0].record;
  while (std::any_of(unit.changes.begin(), unit.changes.end(),
                     [&](const ChangeData& change) { return change.record == stranger; })) {
    std::string bytes(stranger.AsBytes());
    bytes[15] = static_cast<char>(bytes[15] + 1);
    stranger = *Uuid::FromBytes(bytes);
  }
  std::vector<Uuid> records = {stranger};
  for (const ChangeData& change : unit.changes) records.push_back(change.record);
  for (const Uuid& record : records) {
    Unit wanted = *whole;
    std::erase_if(wanted.changes,
                  [&](const ChangeData& change) { return change.record != record; });
    const auto part = ParseUnitOf(*EverythingSchema(), unit.incarnation, unit.counter,
                                  static_cast<uint32_t>(unit.changes.size()), payload, record);
    if (!part.ok()) RC_FAIL(part.status().ToString());
    RC_ASSERT(*part == wanted);
  }
}

// Whatever parses is a unit that can be written and read again: nothing half-read comes through.
void CheckHostile(const Unit& unit, absl::string_view payload) {
  const auto back = Parse(unit, payload);
  if (!back.ok()) return;
  const auto again = EncodeUnit(*back);
  ASSERT_TRUE(again.ok()) << again.status();
  const auto same = Parse(unit, *again);
  ASSERT_TRUE(same.ok()) << same.status();
  ASSERT_TRUE(*same == *back);
}

RC_GTEST_PROP(Units, EveryTruncationIsSafe, ()) {
  const Unit unit = AnyUnit();
  const std::string payload = *EncodeUnit(unit);
  for (size_t n = 0; n < payload.size(); ++n) {
    CheckHostile(unit, absl::string_view(payload).substr(0, n));
  }
}

TEST(HostileUnits, RandomMutationsAreSafe) {
  constexpr uint64_t kSeed = 20260701;
  SeededEntropy entropy(kSeed);
  rc::Random random(kSeed);
  std::vector<std::pair<Unit, std::string>> units;
  for (int i = 0; i < 40; ++i) {
    const Unit unit = rc::gen::exec(&AnyUnit)(random.split(), rc::kNominalSize).value();
    units.emplace_back(unit, *EncodeUnit(unit));
  }
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    const auto& [unit, payload] = units[entropy.Below(units.size())];
    std::string bytes = payload;
    for (uint64_t n = 1 + entropy.Below(4); n > 0; --n) {
      const size_t at = entropy.Below(bytes.size());
      switch (entropy.Below(4)) {
        case 0:
          bytes[at] = static_cast<char>(entropy.Below(256));
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << entropy.Below(8)));
          break;
        case 2:
          if (bytes.size() > 1) bytes.erase(at, 1 + entropy.Below(3));
          break;
        default:
          bytes.insert(at, bytes.substr(entropy.Below(bytes.size()), entropy.Below(9)));
          break;
      }
      if (bytes.empty()) bytes = "\x0a";
    }
    SCOPED_TRACE(round);
    CheckHostile(unit, bytes);
    if (HasFatalFailure()) return;
    accepted += Parse(unit, bytes).ok() ? 1 : 0;
  }
  EXPECT_GT(accepted, 100) << "the mutations are too wild to say anything";
  EXPECT_LT(accepted, 19000);
}

}  // namespace
}  // namespace doorstep
