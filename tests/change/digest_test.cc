#include "sync/change/digest.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "sync/base/bytes.h"

namespace doorstep {
namespace {

RecordState Sample() {
  RecordState record;
  record.id = *Uuid::Parse("01900000-0000-7000-8000-000000000001");
  record.kind = 20;
  FieldState& rating = record.At(11);
  rating.sequence = 6;
  for (const uint64_t counter : {5u, 8u}) {
    Head head;
    head.id = {*Uuid::Parse("01900000-0000-7000-8000-0000000000aa"), counter};
    head.time_ms = 1700000000000 + static_cast<int64_t>(counter);
    head.sequence = counter - 2;
    head.author = "Ann";
    head.value = "\x5a\x02\x08\x03";
    rating.heads.push_back(head);
  }
  rating.heads[1].agreed = Agreed{3, "\x5a\x02\x08\x01"};
  rating.heads[1].settle = {SettleMode::kBoth, "both right"};
  Head name;
  name.id = {*Uuid::Parse("01900000-0000-7000-8000-0000000000bb"), 1};
  name.value =
      "\x0a\x01"
      "A";
  record.At(1).heads.push_back(name);
  return record;
}

std::string Hex(const Digest& digest) { return ToHex(digest.ToBytes()); }

// These stand in databases and cross the network: another value is another protocol.
TEST(Digest, IsWhatItAlwaysWas) {
  const RecordState record = Sample();
  EXPECT_EQ(Hex(DigestOf(record, *record.Find(1))), "7f0cacf04b61b410e415ff14197103c6");
  EXPECT_EQ(Hex(DigestOf(record, *record.Find(11))), "ab9b8b43ecf6a8262ab0dba467fa3165");
  EXPECT_EQ(Hex(DigestOf(record)), "2aa8383438585c370ec6dab8816b352b");
  EXPECT_EQ(Hex(DigestOf(CompartmentId{record.id, 1}, DigestOf(record))),
            "6e77dce1ef6c2e0189a42f2d3daa74b3");
}

TEST(Digest, SeesEveryPartOfAState) {
  const std::vector<std::pair<const char*, std::function<void(RecordState&)>>> changes = {
      {"record", [](RecordState& r) { r.id.b[3] ^= 1; }},
      {"kind", [](RecordState& r) { r.kind = 21; }},
      {"field", [](RecordState& r) { r.At(11).field = 12; }},
      {"incarnation", [](RecordState& r) { r.At(11).heads[0].id.incarnation.b[9] ^= 1; }},
      {"counter", [](RecordState& r) { r.At(11).heads[0].id.counter = 9; }},
      {"time", [](RecordState& r) { r.At(11).heads[0].time_ms = -1; }},
      {"sequence", [](RecordState& r) { r.At(11).heads[0].sequence = 1; }},
      {"author", [](RecordState& r) { r.At(11).heads[0].author = "Bob"; }},
      {"value", [](RecordState& r) { r.At(11).heads[0].value = "\x5a\x02\x08\x04"; }},
      {"cleared", [](RecordState& r) { r.At(11).heads[0].value = ""; }},
      {"no agreed", [](RecordState& r) { r.At(11).heads[1].agreed = std::nullopt; }},
      {"agreed sequence", [](RecordState& r) { r.At(11).heads[1].agreed->sequence = 4; }},
      {"agreed value", [](RecordState& r) { r.At(11).heads[1].agreed->value = ""; }},
      {"settle mode", [](RecordState& r) { r.At(11).heads[1].settle.mode = SettleMode::kKeep; }},
      {"settle reason", [](RecordState& r) { r.At(11).heads[1].settle.reason = "x"; }},
      {"removes",
       [](RecordState& r) {
         r.At(11).heads[1].removes = {{Uuid{{1}}, 1}};
       }},
      {"seen",
       [](RecordState& r) {
         r.At(11).heads[1].seen = {{Uuid{{1}}, 1}};
       }},
      {"a head less", [](RecordState& r) { r.At(11).heads.pop_back(); }},
      {"order", [](RecordState& r) { std::swap(r.At(11).heads[0], r.At(11).heads[1]); }},
      // The author's last letter moved into the value.
      {"boundary",
       [](RecordState& r) {
         r.At(11).heads[0].author = "An";
         r.At(11).heads[0].value.insert(0, "n");
       }},
  };
  const Digest before = DigestOf(Sample());
  for (const auto& [what, change] : changes) {
    RecordState record = Sample();
    change(record);
    EXPECT_FALSE(DigestOf(record) == before) << what;
  }
}

TEST(Digest, IsASumThatCanBeKeptFieldByField) {
  const RecordState record = Sample();
  Digest sum;
  sum.Add(DigestOf(record, *record.Find(11)));
  sum.Add(DigestOf(record, *record.Find(1)));
  EXPECT_EQ(sum, DigestOf(record));
  sum.Subtract(DigestOf(record, *record.Find(1)));
  EXPECT_EQ(sum, DigestOf(record, *record.Find(11)));
  sum.Subtract(DigestOf(record, *record.Find(11)));
  EXPECT_EQ(sum, Digest());
}

TEST(Digest, WrapsAround) {
  Digest all = *Digest::FromBytes(std::string(16, '\xff'));
  all.Add(*Digest::FromBytes(std::string(15, '\0') + "\x02"));
  EXPECT_EQ(Hex(all), "00000000000000000000000000000001");
}

TEST(Digest, AnEmptyFieldOrCompartmentAddsNothing) {
  RecordState record = Sample();
  const Digest before = DigestOf(record);
  record.At(5).sequence = 77;
  EXPECT_EQ(DigestOf(record), before);
  EXPECT_EQ(DigestOf(CompartmentId{record.id, 0}, Digest()), Digest());
}

TEST(Digest, ACompartmentIsNotAnother) {
  const RecordState record = Sample();
  const Digest digest = DigestOf(record);
  EXPECT_FALSE(DigestOf(CompartmentId{record.id, 0}, digest) ==
               DigestOf(CompartmentId{record.id, 1}, digest));
}

TEST(Digest, BytesReadBack) {
  const Digest digest = DigestOf(Sample());
  EXPECT_EQ(*Digest::FromBytes(digest.ToBytes()), digest);
  EXPECT_FALSE(Digest::FromBytes("short").ok());
  EXPECT_FALSE(Digest::FromBytes(std::string(17, 'x')).ok());
}

}  // namespace
}  // namespace doorstep
