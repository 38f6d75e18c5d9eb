#include "sync/change/unit_codec.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/change.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/bytes.h"
#include "sync/base/limits.h"
#include "sync/change/wire.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const Uuid kOwn = *Uuid::Parse("01900000-0000-7000-8000-0000000000aa");
const Uuid kOther = *Uuid::Parse("01900000-0000-7000-8000-0000000000bb");
const Uuid kRecord = *Uuid::Parse("01900000-0000-7000-8000-000000000001");

const KindSpec& Thing() { return *EverythingSchema()->Find(1); }

std::string Text(const char* field, absl::string_view text) {
  Scalar scalar;
  scalar.present = true;
  scalar.bytes = text;
  return EncodeScalar(Thing().FindByName(field)->scalar, scalar);
}

FieldEdit Edit(const char* field, absl::string_view text, std::vector<ChangeId> base) {
  FieldEdit edit;
  edit.field = Thing().FindByName(field)->number();
  edit.value = Text(field, text);
  edit.base = std::move(base);
  return edit;
}

Unit UnitOf(std::vector<FieldEdit> edits) {
  Unit unit;
  unit.incarnation = kOwn;
  unit.counter = 40;
  unit.compartment = {kRecord, 1};
  unit.stamp = {1700000000000, 77, 123456, 1699999990000, 113456, 77};
  ChangeData change;
  change.id = {kOwn, 40};
  change.record = kRecord;
  change.kind = 1;
  change.edits = std::move(edits);
  unit.changes.push_back(std::move(change));
  return unit;
}

absl::StatusOr<Unit> Parse(const Unit& unit, absl::string_view payload) {
  return ParseUnit(*EverythingSchema(), unit.incarnation, unit.counter,
                   static_cast<uint32_t>(unit.changes.size()), payload);
}

v1::Change FirstChange(const Unit& unit) {
  v1::UnitPayload payload;
  EXPECT_TRUE(payload.ParseFromString(*EncodeUnit(unit)));
  return payload.changes(0);
}

// A unit with everything in it.
Unit Sample() {
  FieldEdit prose = Edit("prose", "May go out with a carer.", {{kOwn, 39}});
  prose.agreed = Agreed{12, Text("prose", "May go out.")};
  FieldEdit tags;
  tags.field = 12;
  tags.adds = {Text("tags", "new")};
  tags.removals = {{Text("tags", "old"), {{kOther, 3}}}};
  FieldEdit cleared;
  cleared.field = 19;
  cleared.base = {{kOwn, 39}};
  Unit unit = UnitOf({Edit("name", "Ada", {{kOwn, 39}, {kOther, 5}}), prose, tags, cleared});
  unit.changes[0].settle = Settle{SettleMode::kBoth, "both right"};
  unit.transaction = kOther;
  ChangeData create;
  create.id = {kOwn, 41};
  create.record = *Uuid::Parse("01900000-0000-7000-8000-000000000002");
  create.kind = 2;
  create.create = true;
  FieldEdit thing;
  thing.field = 1;
  thing.value = absl::StrCat("\x0a\x24", kRecord.ToString());
  create.edits.push_back(thing);
  unit.changes.push_back(create);
  return unit;
}

// Units are stored and hashed as their devices wrote them: other bytes for the same unit would
// break repeats of what is under way when a program is updated.
TEST(EncodeUnit, WritesWhatItAlwaysWrote) {
  EXPECT_EQ(ToHex(*EncodeUnit(Sample())),
            "0a100190000000007000800000000000000110011a10019000000000700080000000000000bb221f0880"
            "d095ffbc31114d0000000000000018c0c40720f08195ffbc3128b0f6062a88010a100190000000007000"
            "8000000000000001100122240a034164615a184d617920676f206f757420776974682061206361726572"
            "2e62036e65772a0113320d0a0101120210271204080110053204120210273a0f080c120562036f6c641a"
            "04080110034213080b100c1a0d5a0b4d617920676f206f75742e4a0e0803120a626f7468207269676874"
            "2a3e0a10019000000000700080000000000000021002180122260a2430313930303030302d303030302d"
            "373030302d383030302d3030303030303030303030313210019000000000700080000000000000bb");
}

TEST(EncodeUnit, ReadsBack) {
  const auto back = Parse(Sample(), *EncodeUnit(Sample()));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, Sample());
}

TEST(EncodeUnit, SharesTheBasesThatMostFieldsHave) {
  const std::vector<ChangeId> usual = {{kOther, 7}};
  const v1::Change change =
      FirstChange(UnitOf({Edit("name", "a", usual), Edit("other", kRecord.ToString(), usual),
                          Edit("door", "d", {{kOther, 8}}), Edit("origin", "o", {})}));
  ASSERT_EQ(change.bases_size(), 3);
  EXPECT_THAT(change.bases(0).fields(), IsEmpty());
  EXPECT_EQ(change.bases(0).heads(0).counter(), 7u);
  EXPECT_THAT(change.bases(1).fields(), ElementsAre(18));
  EXPECT_THAT(change.bases(2).fields(), ElementsAre(200));
  EXPECT_THAT(change.bases(2).heads(), IsEmpty()) << "had none";
}

TEST(EncodeUnit, NamesFieldsWhenMostHadNoBase) {
  const v1::Change change = FirstChange(
      UnitOf({Edit("name", "a", {{kOther, 7}}), Edit("door", "d", {}), Edit("origin", "o", {})}));
  ASSERT_EQ(change.bases_size(), 1);
  EXPECT_THAT(change.bases(0).fields(), ElementsAre(1));
}

TEST(EncodeUnit, WritesTheOwnIncarnationAsTheSenders) {
  Unit unit = UnitOf({Edit("name", "a", {{kOwn, 3}, {kOther, 7}})});
  const std::string before = *EncodeUnit(unit);
  EXPECT_THAT(before, Not(HasSubstr(std::string(kOwn.AsBytes()))));
  const Uuid minted = *Uuid::Parse("01900000-0000-7000-8000-0000000000cc");
  unit.incarnation = minted;
  const auto reissued = Parse(unit, before);
  ASSERT_TRUE(reissued.ok()) << reissued.status();
  EXPECT_THAT(reissued->changes[0].edits[0].base,
              UnorderedElementsAre(ChangeId{minted, 3}, ChangeId{kOther, 7}));
}

TEST(EncodeUnit, GivesTheSameBytesWhateverTheOrderOfSets) {
  Unit a = Sample();
  Unit b = Sample();
  std::swap(b.changes[0].edits[0].base[0], b.changes[0].edits[0].base[1]);
  a.changes[0].edits[2].adds = {Text("tags", "x"), Text("tags", "y")};
  b.changes[0].edits[2].adds = {Text("tags", "y"), Text("tags", "x")};
  EXPECT_EQ(*EncodeUnit(a), *EncodeUnit(b));
}

TEST(EncodeUnit, LeavesOutThatNothingWasAgreedOnACreation) {
  Unit unit = UnitOf({Edit("prose", "a", {})});
  unit.changes[0].create = true;
  const std::string without = *EncodeUnit(unit);
  unit.changes[0].edits[0].agreed = Agreed{};
  EXPECT_EQ(*EncodeUnit(unit), without);
  const auto back = Parse(unit, without);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_FALSE(back->changes[0].edits[0].agreed.has_value());
}

TEST(EncodeUnit, KeepsWhatAChangeAnswers) {
  // In the place of a refused one.
  Unit again = UnitOf({Edit("name", "Ada", {{kOther, 5}})});
  again.changes[0].resolves = Resolves{{kOther, 4}, ""};
  const auto fixed = Parse(again, *EncodeUnit(again));
  ASSERT_TRUE(fixed.ok()) << fixed.status();
  EXPECT_EQ(*fixed, again);
  EXPECT_FALSE(fixed->changes[0].Withdraws());

  // Withdrawn, with its reason.
  Unit back = UnitOf({});
  back.changes[0].resolves = Resolves{{kOwn, 7}, "the wrong person"};
  const auto withdrawn = Parse(back, *EncodeUnit(back));
  ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
  EXPECT_EQ(*withdrawn, back);
  EXPECT_TRUE(withdrawn->changes[0].Withdraws());

  // Without one, and beside something else, it is no withdrawal.
  back.changes[0].resolves->reason.clear();
  const auto silent = Parse(back, *EncodeUnit(back));
  EXPECT_EQ(silent.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(silent.status().message()), HasSubstr("resolves.reason"));
}

TEST(EncodeUnit, ResolvesTheBootOfTheContact) {
  Unit unit = UnitOf({Edit("name", "a", {})});
  unit.stamp.contact_boot = 0;
  EXPECT_EQ(Parse(unit, *EncodeUnit(unit))->stamp.contact_boot, unit.stamp.boot);
  unit.stamp.contact_boot = 5;
  EXPECT_EQ(Parse(unit, *EncodeUnit(unit))->stamp.contact_boot, 5u);
}

std::string Refusal(const Unit& unit) {
  const auto payload = EncodeUnit(unit);
  EXPECT_EQ(payload.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(payload.status().message());
}

TEST(EncodeUnit, RefusesWhatIsBeyondALimit) {
  Unit unit = UnitOf({Edit("name", "a", {})});
  Unit many = unit;
  for (size_t i = 1; i <= kMaxUnitChanges; ++i) {
    many.changes.push_back(unit.changes[0]);
    many.changes.back().id.counter += i;
  }
  EXPECT_THAT(Refusal(many), HasSubstr("1001 changes, wanted at most 1000"));
  many.changes.pop_back();
  EXPECT_TRUE(EncodeUnit(many).ok());

  Unit large = many;
  for (ChangeData& change : large.changes) {
    change.edits = {Edit("prose", std::string(1100, 'x'), {})};
  }
  EXPECT_THAT(Refusal(large), HasSubstr("bytes, wanted at most 1048576"));

  Unit heads = unit;
  for (uint64_t i = 1; i <= kMaxFieldHeads + 1; ++i) {
    heads.changes[0].edits[0].base.push_back({kOther, i});
  }
  EXPECT_THAT(Refusal(heads), HasSubstr("65 ids, wanted at most 64"));

  Unit reason = unit;
  reason.changes[0].settle = Settle{SettleMode::kKeep, std::string(5000, 'x')};
  EXPECT_THAT(Refusal(reason), HasSubstr("settle: got 5000 bytes"));

  Unit incarnations = many;
  for (size_t i = 0; i < incarnations.changes.size(); ++i) {
    Uuid one = kOther;
    one.b[0] = static_cast<uint8_t>(i);
    one.b[1] = static_cast<uint8_t>(i >> 8);
    Uuid two = one;
    two.b[2] = 9;
    incarnations.changes[i].edits[0].base = {{one, 1}, {two, 1}};
  }
  EXPECT_THAT(Refusal(incarnations), HasSubstr("2000 incarnations, wanted at most 1024"));
}

TEST(EncodeUnit, RefusesIdsThatDoNotFollow) {
  Unit unit = Sample();
  unit.changes[1].id.counter = 42;
  EXPECT_THAT(Refusal(unit), HasSubstr("changes[1]: id: got"));
  unit = Sample();
  unit.changes[0].id.incarnation = kOther;
  EXPECT_THAT(Refusal(unit), HasSubstr("changes[0]: id: got"));
  unit = UnitOf({Edit("name", "a", {})});
  unit.counter = unit.changes[0].id.counter = 0;
  EXPECT_THAT(Refusal(unit), HasSubstr("counted from 1"));
  unit.changes.clear();
  EXPECT_THAT(Refusal(unit), HasSubstr("no changes"));
}

TEST(UnitHash, IsOfAuthorSchemaAndPayloadEachOnItsOwn) {
  const std::string hash = UnitHash("ann", "s", "p");
  EXPECT_EQ(ToHex(hash), "47d22e3f45b2f616b63f45c7e431e0ad9941ed97609cff16b0ec8e8dc7c245da");
  EXPECT_NE(UnitHash("an", "ns", "p"), hash);
  EXPECT_NE(UnitHash("ann", "sp", ""), hash);
  EXPECT_NE(UnitHash("ann", "s", "q"), hash);
  EXPECT_EQ(UnitHash("ann", "s", "p"), hash);
}

}  // namespace
}  // namespace doorstep
