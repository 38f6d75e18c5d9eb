// What ParseUnit refuses, and what it says.
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/change.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/bytes.h"
#include "sync/change/unit_codec.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kCounter = 40;
const Uuid kOwn{{9}};

std::string Id(uint8_t first) { return std::string(Uuid{{first}}.AsBytes()); }

// An edit of name (1) and prose (11) of one Thing; name's base is (other device, 5).
v1::UnitPayload Sample() {
  v1::UnitPayload unit;
  unit.set_file(Id(1));
  unit.add_incarnations(Id(7));
  v1::Change* change = unit.add_changes();
  change->set_record(Id(3));
  change->set_kind(1);
  change->set_values(
      std::string("\x0a\x01"
                  "A"
                  "\x5a\x01"
                  "B",
                  6));
  v1::Base* base = change->add_bases();
  base->add_fields(1);
  base->add_heads()->set_incarnation(1);
  base->mutable_heads(0)->set_counter(5);
  v1::Agreed* agreed = change->add_agreed();
  agreed->set_field(11);
  agreed->set_sequence(4);
  agreed->set_value(
      "\x5a\x01"
      "b");
  return unit;
}

absl::Status Parse(const v1::UnitPayload& unit) {
  return ParseUnit(*EverythingSchema(), kOwn, kCounter, static_cast<uint32_t>(unit.changes_size()),
                   unit.SerializeAsString())
      .status();
}

TEST(ParseUnit, AcceptsTheSample) { EXPECT_TRUE(Parse(Sample()).ok()) << Parse(Sample()); }

struct Case {
  const char* name;
  std::function<void(v1::UnitPayload&, v1::Change&)> spoil;
  const char* message;
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

void SetRef(v1::ChangeRef* ref, uint32_t place, uint64_t counter) {
  ref->set_incarnation(place);
  ref->set_counter(counter);
}

v1::SetRemoval* AddRemoval(v1::Change& change, uint32_t field, const char* element) {
  v1::SetRemoval* removal = change.add_removals();
  removal->set_field(field);
  removal->set_element(element);
  SetRef(removal->add_adds(), 1, 1);
  return removal;
}

void Create(v1::Change& change) {
  change.set_create(true);
  change.clear_bases();
  change.clear_agreed();
}

class UnitRefused : public ::testing::TestWithParam<Case> {};

TEST_P(UnitRefused, WithTheReason) {
  v1::UnitPayload unit = Sample();
  GetParam().spoil(unit, *unit.mutable_changes(0));
  const absl::Status status = Parse(unit);
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), StartsWith(GetParam().message));
  EXPECT_THAT(std::string(status.message()), HasSubstr(": got "));
  EXPECT_THAT(std::string(status.message()), HasSubstr(", wanted "));
}

using P = v1::UnitPayload;
using C = v1::Change;
constexpr absl::StatusCode kNewer = absl::StatusCode::kUnimplemented;

template <typename Message>
void AddUnknown(Message& message) {
  message.GetReflection()->MutableUnknownFields(&message)->AddVarint(20, 1);
}

INSTANTIATE_TEST_SUITE_P(
    Whole, UnitRefused,
    ::testing::Values(
        Case{"no file", [](P& u, C&) { u.clear_file(); }, "file: got none"},
        Case{"nil file", [](P& u, C&) { u.set_file(std::string(16, '\0')); },
             "payload.field 1: got 16 bytes, wanted an id"},
        Case{"short file", [](P& u, C&) { u.set_file("short"); }, "payload.field 1: got 5 bytes"},
        Case{"tier", [](P& u, C&) { u.set_tier(3); }, "payload.tier: got 3, wanted 0 to 2"},
        Case{"short incarnation", [](P& u, C&) { u.add_incarnations("x"); }, "payload.field 3"},
        Case{"incarnation twice", [](P& u, C&) { u.add_incarnations(Id(7)); },
             "incarnations: got 07000000-"},
        Case{"own incarnation", [](P& u, C&) { u.add_incarnations(std::string(kOwn.AsBytes())); },
             "incarnations: got 09000000-"},
        Case{"too many incarnations",
             [](P& u, C&) {
               for (int i = 0; i < 1025; ++i) u.add_incarnations(Id(7));
             },
             "payload.incarnations: got more"},
        Case{"nil transaction", [](P& u, C&) { u.set_transaction(std::string(16, '\0')); },
             "payload.field 6"},
        Case{"no changes", [](P& u, C&) { u.clear_changes(); }, "changes: got 0"},
        Case{"too many changes",
             [](P& u, C& c) {
               const C copy = c;
               for (int i = 0; i < 1000; ++i) *u.add_changes() = copy;
             },
             "payload.changes: got more, wanted at most 1000"},
        Case{"too long", [](P&, C& c) { c.set_values(std::string(1 << 20, 'x')); },
             "payload: got 10486"},
        Case{"newer payload", [](P& u, C&) { AddUnknown(u); }, "payload.message: got field 20",
             kNewer},
        Case{"newer stamp", [](P& u, C&) { AddUnknown(*u.mutable_stamp()); },
             "payload.stamp.message: got field 20", kNewer}));

INSTANTIATE_TEST_SUITE_P(
    Changes, UnitRefused,
    ::testing::Values(
        Case{"no record", [](P&, C& c) { c.clear_record(); }, "changes[0].record: got none"},
        Case{"short record", [](P&, C& c) { c.set_record("x"); }, "changes[0].field 1"},
        Case{"nil record", [](P&, C& c) { c.set_record(std::string(16, '\0')); },
             "changes[0].field 1"},
        Case{"no kind", [](P&, C& c) { c.clear_kind(); }, "changes[0].kind: got 0"},
        Case{"kind too large", [](P&, C& c) { c.set_kind(65536); }, "changes[0].kind: got 65536"},
        Case{"newer kind", [](P&, C& c) { c.set_kind(3); }, "changes[0].kind: got 3", kNewer},
        Case{"newer field", [](P&, C& c) { c.set_values("\xa8\x06\x01"); },
             "changes[0].values.Thing: got field 101", kNewer},
        Case{"newer enum number", [](P&, C& c) { c.set_values("\x48\x05"); },
             "changes[0].values.Thing.colour: got the enum number 5", kNewer},
        Case{"newer part of the change", [](P&, C& c) { AddUnknown(c); },
             "changes[0].message: got field 20", kNewer},
        Case{"value refused", [](P&, C& c) { c.set_values("\x0a\x02\xc3\x28"); },
             "changes[0].values.Thing.name: got \"\\xc3(\", wanted UTF-8"},
        Case{"values cut", [](P&, C& c) { c.set_values("\x0a\x02"); }, "changes[0].values.Thing"},
        Case{"no edit",
             [](P&, C& c) {
               c.clear_values();
               c.clear_bases();
               c.clear_agreed();
             },
             "changes[0].values: got no edited field"},
        Case{"a field twice",
             [](P&, C& c) { c.set_values(std::string("\x0a\x01" "A" "\x0a\x01" "B", 6)); },
             "changes[0].values.Thing.name: got \"2 values\""},
        Case{"value and cleared", [](P&, C& c) { c.add_cleared(1); },
             "changes[0].cleared.Thing.name: got a second edit"},
        Case{"cleared twice",
             [](P&, C& c) {
               c.add_cleared(4);
               c.add_cleared(4);
             },
             "changes[0].cleared.Thing.big: got a second edit"},
        Case{"cleared SET", [](P&, C& c) { c.add_cleared(12); },
             "changes[0].cleared.Thing.tags: got a SET"},
        Case{"newer cleared", [](P&, C& c) { c.add_cleared(99); },
             "changes[0].cleared.Thing: got field 99", kNewer},
        Case{"edit of an append-only record",
             [](P&, C& c) {
               c.Clear();
               c.set_record(Id(3));
               c.set_kind(2);
               c.set_values("\x12\x01" "w");
             },
             "changes[0].create: got an edit of a Note, wanted only creation"},
        Case{"creation with bases", [](P&, C& c) { c.set_create(true); },
             "changes[0].create: got bases"},
        Case{"creation that clears",
             [](P&, C& c) {
               Create(c);
               c.add_cleared(4);
             },
             "changes[0].create: got bases"},
        Case{"creation that settles",
             [](P&, C& c) {
               Create(c);
               c.mutable_settle()->set_mode(v1::Settle::KEEP);
               c.mutable_settle()->set_reason("r");
             },
             "changes[0].create: got bases"},
        Case{"created twice",
             [](P& u, C& c) {
               Create(c);
               *u.add_changes() = u.changes(0);
             },
             "changes[1].create: got record 03000000-"},
        Case{"created after an edit",
             [](P& u, C&) {
               *u.add_changes() = u.changes(0);
               Create(*u.mutable_changes(1));
             },
             "changes[1].create: got record 03000000-"}));

INSTANTIATE_TEST_SUITE_P(
    Bases, UnitRefused,
    ::testing::Values(
        Case{"place outside",
             [](P&, C& c) { c.mutable_bases(0)->mutable_heads(0)->set_incarnation(2); },
             "changes[0].bases.incarnation: got 2, wanted 0 to 1"},
        Case{"counter 0", [](P&, C& c) { c.mutable_bases(0)->mutable_heads(0)->set_counter(0); },
             "changes[0].bases.counter: got 0"},
        Case{"counter beyond 63 bits",
             [](P&, C& c) { c.mutable_bases(0)->mutable_heads(0)->set_counter(uint64_t{1} << 63); },
             "changes[0].bases.counter: got 9223372036854775808"},
        Case{"itself", [](P&, C& c) { SetRef(c.mutable_bases(0)->mutable_heads(0), 0, kCounter); },
             "changes[0].bases.counter: got 40, wanted 1 to 39"},
        Case{"a later one", [](P&, C& c) { SetRef(c.mutable_bases(0)->add_heads(), 0, 41); },
             "changes[0].bases.counter: got 41"},
        Case{"head twice", [](P&, C& c) { SetRef(c.mutable_bases(0)->add_heads(), 1, 5); },
             "changes[0].bases.heads: got 07000000-"},
        Case{"too many heads",
             [](P&, C& c) {
               for (uint64_t i = 10; i < 75; ++i) SetRef(c.mutable_bases(0)->add_heads(), 1, i);
             },
             "changes[0].bases.heads: got 66 ids"},
        Case{"field not edited", [](P&, C& c) { c.mutable_bases(0)->add_fields(4); },
             "changes[0].bases.Thing.big: got a field that is a SET or not edited"},
        Case{"newer field", [](P&, C& c) { c.mutable_bases(0)->add_fields(99); },
             "changes[0].bases.Thing: got field 99", kNewer},
        Case{"SET",
             [](P&, C& c) {
               c.mutable_values()->append(
                   "\x62\x01"
                   "t");
               c.mutable_bases(0)->add_fields(12);
             },
             "changes[0].bases.Thing.tags: got"},
        Case{"field twice", [](P&, C& c) { c.mutable_bases(0)->add_fields(1); },
             "changes[0].bases.Thing.name: got two bases"},
        Case{"default twice",
             [](P&, C& c) {
               c.mutable_bases(0)->clear_fields();
               *c.add_bases() = c.bases(0);
             },
             "changes[0].bases.fields: got none, again"},
        Case{"default without heads", [](P&, C& c) { c.add_bases(); },
             "changes[0].bases.fields: got none"},
        Case{"default for nothing",
             [](P&, C& c) {
               c.mutable_bases(0)->add_fields(11);
               SetRef(c.add_bases()->add_heads(), 1, 6);
             },
             "changes[0].bases.fields: got none, and no field is left"},
        Case{"newer base", [](P&, C& c) { AddUnknown(*c.mutable_bases(0)); },
             "changes[0].bases.message: got field 20", kNewer},
        Case{"newer reference", [](P&, C& c) { AddUnknown(*c.mutable_bases(0)->mutable_heads(0)); },
             "changes[0].bases.message: got field 20", kNewer}));

INSTANTIATE_TEST_SUITE_P(
    Removals, UnitRefused,
    ::testing::Values(Case{"no SET",
                           [](P&, C& c) {
                             AddRemoval(c, 1,
                                        "\x0a\x01"
                                        "A");
                           },
                           "changes[0].removals.Thing.name: got a field that is no SET"},
                      Case{"newer field",
                           [](P&, C& c) {
                             AddRemoval(c, 99,
                                        "\x0a\x01"
                                        "A");
                           },
                           "changes[0].removals.Thing: got field 99", kNewer},
                      Case{"no element", [](P&, C& c) { AddRemoval(c, 12, ""); },
                           "changes[0].removals.Thing.tags: got bytes that are no field"},
                      Case{"another field's element",
                           [](P&, C& c) {
                             AddRemoval(c, 12,
                                        "\x0a\x01"
                                        "A");
                           },
                           "changes[0].removals.Thing.tags: got \"field 1\""},
                      Case{"no adds",
                           [](P&, C& c) {
                             AddRemoval(c, 12,
                                        "\x62\x01"
                                        "t")
                                 ->clear_adds();
                           },
                           "changes[0].removals.Thing.tags: got a removal of no adds"},
                      Case{"element twice",
                           [](P&, C& c) {
                             AddRemoval(c, 12,
                                        "\x62\x01"
                                        "t");
                             AddRemoval(c, 12,
                                        "\x62\x01"
                                        "t");
                           },
                           "changes[0].removals.Thing.tags: got an element removed twice"},
                      Case{"adds twice",
                           [](P&, C& c) {
                             SetRef(AddRemoval(c, 12,
                                               "\x62\x01"
                                               "t")
                                        ->add_adds(),
                                    1, 1);
                           },
                           "changes[0].removals.Thing.tags: heads: got"}));

INSTANTIATE_TEST_SUITE_P(
    AgreedAndSettled, UnitRefused,
    ::testing::Values(
        Case{"missing", [](P&, C& c) { c.clear_agreed(); },
             "changes[0].agreed.Thing.prose: got none, wanted the last conflict-free value"},
        Case{"field without", [](P&, C& c) { c.mutable_agreed(0)->set_field(1); },
             "changes[0].agreed.Thing.name: got an agreed value"},
        Case{"field not edited", [](P&, C& c) { c.mutable_agreed(0)->set_field(16); },
             "changes[0].agreed.Thing.stage: got an agreed value"},
        Case{"newer field", [](P&, C& c) { c.mutable_agreed(0)->set_field(99); },
             "changes[0].agreed.Thing: got field 99", kNewer},
        Case{"twice", [](P&, C& c) { *c.add_agreed() = c.agreed(0); },
             "changes[0].agreed.Thing.prose: got an agreed value"},
        Case{"value without sequence", [](P&, C& c) { c.mutable_agreed(0)->clear_sequence(); },
             "changes[0].agreed.Thing.prose: got sequence 0"},
        Case{"sequence too large",
             [](P&, C& c) { c.mutable_agreed(0)->set_sequence(uint64_t{1} << 63); },
             "changes[0].agreed.Thing.prose: got sequence 92233"},
        Case{"another field's value",
             [](P&, C& c) {
               c.mutable_agreed(0)->set_value(
                   "\x0a\x01"
                   "A");
             },
             "changes[0].agreed.Thing.prose: got \"field 1\""},
        Case{"no mode", [](P&, C& c) { c.mutable_settle()->set_reason("r"); },
             "changes[0].settle.mode: got 0"},
        Case{"newer mode",
             [](P&, C& c) { c.mutable_settle()->set_mode(static_cast<v1::Settle::Mode>(4)); },
             "changes[0].settle.mode: got 4", kNewer},
        Case{"no reason", [](P&, C& c) { c.mutable_settle()->set_mode(v1::Settle::KEEP); },
             "changes[0].settle.reason: got 0 bytes"},
        Case{"NUL in the reason",
             [](P&, C& c) {
               c.mutable_settle()->set_mode(v1::Settle::KEEP);
               c.mutable_settle()->set_reason(std::string("a\0b", 3));
             },
             "changes[0].settle.reason: got \"a"}));

// Raw bytes that no protobuf library writes.
absl::Status ParseBytes(const std::string& payload, uint32_t changes = 1,
                        uint64_t counter = kCounter) {
  return ParseUnit(*EverythingSchema(), kOwn, counter, changes, payload).status();
}

TEST(ParseUnit, RefusesAValueGivenTwice) {
  const std::string payload = Sample().SerializeAsString();
  EXPECT_THAT(std::string(ParseBytes(payload + "\x10\x01\x10\x02").message()),
              StartsWith("payload.field 2: got two values"));
}

TEST(ParseUnit, RefusesOtherWireTypes) {
  v1::UnitPayload unit = Sample();
  unit.clear_file();
  EXPECT_THAT(std::string(ParseBytes("\x08\x01" + unit.SerializeAsString()).message()),
              StartsWith("payload.field 1: got "));
  EXPECT_THAT(std::string(ParseBytes("\x12\x01\x01" + Sample().SerializeAsString()).message()),
              StartsWith("payload.field 2: got wire type 2, wanted 0"));
}

TEST(ParseUnit, TakesNumbersPackedAndOneByOne) {
  v1::UnitPayload unit = Sample();
  v1::Change* change = unit.mutable_changes(0);
  change->add_cleared(4);
  change->add_cleared(5);
  EXPECT_TRUE(Parse(unit).ok());
  change->clear_cleared();
  const std::string one_by_one = change->SerializeAsString() + "\x28\x04\x28\x05";
  unit.clear_changes();
  const std::string payload =
      unit.SerializeAsString() + "\x2a" + static_cast<char>(one_by_one.size()) + one_by_one;
  EXPECT_TRUE(ParseBytes(payload).ok()) << ParseBytes(payload);
}

TEST(ParseUnit, RefusesAnotherCountOfChanges) {
  const std::string payload = Sample().SerializeAsString();
  EXPECT_THAT(std::string(ParseBytes(payload, 2).message()),
              StartsWith("changes: got 1, wanted as many as the envelope says (2)"));
  EXPECT_FALSE(ParseBytes(payload, 0).ok());
}

TEST(ParseUnit, RefusesCountersThatNoColumnHolds) {
  const std::string payload = Sample().SerializeAsString();
  for (const uint64_t counter : {uint64_t{0}, uint64_t{1} << 63, ~uint64_t{0}}) {
    EXPECT_THAT(std::string(ParseBytes(payload, 1, counter).message()), StartsWith("counter: got"));
  }
}

TEST(ParseUnit, AllowsOwnEarlierChangesOfTheUnitAsBase) {
  v1::UnitPayload unit = Sample();
  *unit.add_changes() = unit.changes(0);
  SetRef(unit.mutable_changes(1)->mutable_bases(0)->mutable_heads(0), 0, kCounter);
  EXPECT_TRUE(Parse(unit).ok()) << Parse(unit);
}

TEST(ParseUnit, EmptyBytesAreNoUnit) { EXPECT_FALSE(ParseBytes("").ok()); }

}  // namespace
}  // namespace doorstep
