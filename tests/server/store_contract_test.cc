// The contract of store.h, for any implementation.
#include "tests/server/store_contract.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store.h"
#include "sync/change/digest.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(StoreContract, ANewStoreIsEmptyAndHasAnEpoch) {
  auto view = Read();
  EXPECT_EQ(Must(view->Head()), 0u);
  EXPECT_GT(Must(view->Epoch()), 0u);
  EXPECT_LT(Must(view->Epoch()), uint64_t{1} << 53);
  EXPECT_EQ(Must(view->HistoryEnd()).sequence, 0u);
  EXPECT_TRUE(Must(view->FileKey(Uuid())).has_value());
}

TEST_P(StoreContract, TheEpochAndTheHeadOutliveTheProcess) {
  const uint64_t epoch = Must(Read()->Epoch());
  Save(nullptr, 100);
  store_.reset();
  store_ = Open();
  EXPECT_EQ(Must(Read()->Epoch()), epoch);
  EXPECT_EQ(Must(Read()->Head()), 1u);
  EXPECT_EQ(Save(nullptr, 101), 2u);
}

TEST_P(StoreContract, EpochsAreKeptInOrder) {
  const uint64_t first = Must(Read()->Epoch());
  Save(nullptr, 100);
  auto write = Must(store_->Write());
  Must(write->AddEpoch(77, 1));
  EXPECT_EQ(Must(write->Epoch()), 77u);
  Must(write->Commit());
  write.reset();
  const std::vector<EpochRow> epochs = Must(Read()->Epochs());
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(epochs[0].epoch, first);
  EXPECT_EQ(epochs[0].from_sequence, 0u);
  EXPECT_EQ(epochs[1].epoch, 77u);
  EXPECT_EQ(epochs[1].from_sequence, 1u);
  EXPECT_TRUE(absl::IsAlreadyExists(Must(store_->Write())->AddEpoch(77, 1)));
}

TEST_P(StoreContract, WhatWasReplacedEarlyIsRemembered) {
  const ChangeId change{Id(1), 5};
  auto write = Must(store_->Write());
  for (const uint32_t field : {9u, 2u, 9u}) Must(write->AddReplacedEarly(change, field));
  Must(write->Commit());
  write.reset();
  EXPECT_THAT(Must(Read()->ReplacedEarly(change)), ElementsAre(2u, 9u));
  EXPECT_THAT(Must(Read()->ReplacedEarly({Id(1), 6})), IsEmpty());
}

TEST_P(StoreContract, WhatIsNotCommittedNeverWas) {
  {
    auto write = Write();
    EXPECT_EQ(Must(write->NextSequence()), 1u);
    Must(write->Save(nullptr, Record(100, 1)));
    EXPECT_TRUE(Must(write->Load(Id(100))).has_value());
    EXPECT_EQ(Must(Read()->Head()), 0u);
  }
  EXPECT_EQ(Must(Read()->Head()), 0u);
  EXPECT_FALSE(Must(Read()->Load(Id(100))).has_value());
  EXPECT_EQ(Save(nullptr, 100), 1u);
}

TEST_P(StoreContract, AViewIsOneMoment) {
  Save(nullptr, 100);
  auto view = Read();
  EXPECT_EQ(Must(view->Head()), 1u);
  Save(nullptr, 101);
  EXPECT_EQ(Must(view->Head()), 1u);
  EXPECT_FALSE(Must(view->Load(Id(101))).has_value());
  EXPECT_TRUE(Must(Read()->Load(Id(101))).has_value());
}

TEST_P(StoreContract, NoRowAppearsAtOrBelowAVisibleHead) {
  for (uint64_t id = 100; id < 120; ++id) {
    Save(nullptr, id);
    auto view = Read();
    const uint64_t head = Must(view->Head());
    const CompartmentRef ref = *Must(view->FindCompartment({Id(1), 0}));
    EXPECT_THAT(Must(view->Feed(ref, {}, head, 1000)), SizeIs(head));
  }
}

TEST_P(StoreContract, ARecordIsReadAsItWasSaved) {
  Save(nullptr, 100, R"({"title": "To the newsagent", "weekly_cost_before": "3500"})");
  auto view = Read();
  const RecordState stored = *Must(view->Load(Id(100)));
  EXPECT_EQ(stored,
            Record(100, 1, R"({"title": "To the newsagent", "weekly_cost_before": "3500"})"));
  const CompartmentRef ref = *Must(view->FindCompartment({Id(1), 0}));
  const auto feed = Must(view->Feed(ref, {}, 1, 10));
  ASSERT_THAT(feed, SizeIs(1));
  EXPECT_EQ(Must(view->LoadAt(feed[0].record)), stored);
}

TEST_P(StoreContract, ARecordMovesToTheEndOfTheFeed) {
  Save(nullptr, 100);
  Save(nullptr, 101);
  const RecordState before = Record(100, 1);
  Save(&before, 100, "{\"title\":\"b\"}");
  auto view = Read();
  const CompartmentRef ref = *Must(view->FindCompartment({Id(1), 0}));
  const auto feed = Must(view->Feed(ref, {}, 3, 10));
  EXPECT_THAT(feed, ElementsAre(Field(&FeedPlace::sequence, 2), Field(&FeedPlace::sequence, 3)));
  EXPECT_EQ(Must(view->LoadAt(feed[1].record)).id, Id(100));
  EXPECT_THAT(Must(view->Feed(ref, feed[0], 3, 10)), ElementsAre(feed[1]));
  EXPECT_THAT(Must(view->Feed(ref, {}, 2, 10)), ElementsAre(feed[0]));
  EXPECT_THAT(Must(view->Feed(ref, {}, 3, 1)), ElementsAre(feed[0]));
  EXPECT_THAT(Must(view->Feed(ref, {3, UINT64_MAX}, UINT64_MAX, 10)), IsEmpty());
  EXPECT_EQ(Must(view->EstimateFeed(ref, {}, 10)), 2u);
  EXPECT_EQ(Must(view->EstimateFeed(ref, feed[1], 10)), 0u);
}

TEST_P(StoreContract, DigestsAreThoseOfTheRecords) {
  Save(nullptr, 100);
  Save(nullptr, 101);
  const RecordState before = Record(100, 1);
  Save(&before, 100, "{\"title\":\"b\"}");
  Digest sum;
  sum.Add(DigestOf(Record(100, 3, "{\"title\":\"b\"}")));
  sum.Add(DigestOf(Record(101, 2)));
  auto view = Read();
  const auto totals = Must(view->Totals(*Must(view->FindCompartment({Id(1), 0}))));
  EXPECT_EQ(totals.digest, sum);
  EXPECT_EQ(totals.records, 2u);
}

TEST_P(StoreContract, AnIdBelongsToOneKind) {
  Save(nullptr, 100);
  auto write = Write();
  RecordState other = Record(100, Must(write->NextSequence()));
  other.kind = KindNumber("Arrangement");
  const RecordState before = Record(100, 1);
  EXPECT_EQ(write->Save(&before, other).code(), absl::StatusCode::kAlreadyExists);
}

TEST_P(StoreContract, GrantsAndLossesHaveSequences) {
  AddSites();
  auto write = Write();
  const CompartmentRef ref = Must(write->RefOf({Id(1), 0}));
  EXPECT_EQ(Must(write->Grant("north", ref)), 1u);
  EXPECT_EQ(Must(write->Grant("north", ref)), 0u);
  EXPECT_EQ(Must(write->Grant("south", ref)), 2u);
  EXPECT_EQ(Must(write->Revoke("north", ref, kNine)), 3u);
  EXPECT_EQ(Must(write->Revoke("north", ref, kNine + 1)), 0u);
  EXPECT_EQ(write->Grant("east", ref).status().code(), absl::StatusCode::kNotFound);
  Must(write->Commit());
  auto view = Read();
  EXPECT_EQ(Must(view->Head()), 3u);
  EXPECT_THAT(Must(view->Memberships("north")), IsEmpty());
  const auto south = Must(view->Memberships("south"));
  ASSERT_THAT(south, SizeIs(1));
  EXPECT_EQ(south[0].ref, ref);
  EXPECT_EQ(south[0].sequence, 2u);
  EXPECT_EQ(south[0].compartment, (CompartmentId{Id(1), 0}));
  EXPECT_THAT(Must(view->Losses("north", 2)), ElementsAre(Field(&MembershipRow::sequence, 3)));
  EXPECT_THAT(Must(view->Losses("north", 3)), IsEmpty());
  EXPECT_EQ(Must(view->LastLoss("north", Id(1))), (AccessEnd{3, kNine}));
  EXPECT_FALSE(Must(view->LastLoss("south", Id(1))).has_value());
  EXPECT_FALSE(Must(view->LastLoss("north", Id(2))).has_value());
  EXPECT_THAT(Must(view->SitesOf(ref)), ElementsAre("south"));
  EXPECT_TRUE(Must(view->IsMember("south", ref)));
  EXPECT_FALSE(Must(view->IsMember("north", ref)));
}

TEST_P(StoreContract, QuarantineIsListedInOrderAndClosed) {
  const QuarantineRow first{3, {Id(1), 0}, "north", {2, kNine}, 0, "", ""};
  QuarantineRow second{5, {Id(1), 2}, "north", {2, kNine}, 0, "", ""};
  auto write = Write();
  Must(write->PutQuarantine(second));
  Must(write->PutQuarantine(first));
  second.closed_ms = kNine + 1;
  second.closed_by = "L Ward";
  second.closed_reason = "asked";
  Must(write->PutQuarantine(second));
  Must(write->Commit());
  auto view = Read();
  EXPECT_THAT(Must(view->Quarantine(0, 10)), ElementsAre(first, second));
  EXPECT_THAT(Must(view->Quarantine(0, 1)), ElementsAre(first));
  EXPECT_THAT(Must(view->Quarantine(3, 10)), ElementsAre(second));
  EXPECT_THAT(Must(view->Quarantine(5, 10)), IsEmpty());
}

TEST_P(StoreContract, AUnitIsFoundByAnyOfItsChanges) {
  AddUnits({Unit(0, 1, 1), Unit(0, 5, 3)});
  auto view = Read();
  EXPECT_EQ(Must(view->UnitOf({Id(60), 1}))->sequence, 1u);
  EXPECT_FALSE(Must(view->UnitOf({Id(60), 2})).has_value());
  EXPECT_FALSE(Must(view->UnitOf({Id(60), 4})).has_value());
  for (const uint64_t counter : {5, 6, 7}) {
    EXPECT_EQ(Must(view->UnitOf({Id(60), counter}))->sequence, 2u) << counter;
  }
  EXPECT_FALSE(Must(view->UnitOf({Id(60), 8})).has_value());
  EXPECT_FALSE(Must(view->UnitOf({Id(61), 5})).has_value());
}

TEST_P(StoreContract, OverlapsAreFound) {
  AddUnits({Unit(0, 1, 1), Unit(0, 5, 3)});
  auto view = Read();
  EXPECT_FALSE(Must(view->FirstOverlap(Id(60), 2, 3)).has_value());
  EXPECT_EQ(Must(view->FirstOverlap(Id(60), 2, 4))->counter, 5u);
  EXPECT_EQ(Must(view->FirstOverlap(Id(60), 1, 100))->counter, 1u);
  EXPECT_EQ(Must(view->FirstOverlap(Id(60), 7, 1))->counter, 5u);
  EXPECT_FALSE(Must(view->FirstOverlap(Id(60), 8, 1000)).has_value());
}

TEST_P(StoreContract, AUnitIsReadAsItWasAdded) {
  UnitRow unit = Unit(1, 5, 3);
  unit.schema_hash = std::string(16, 's');
  unit.epoch = 11;
  unit.checkpoint = 12;
  unit.words = {Word::kApplied, Word::kMerged, Word::kConflict};
  unit.times_ms = {kNine, INT64_MIN, INT64_MAX};
  unit.uncertainty_ms = INT64_MAX;
  unit.received_ms = kNine + 1;
  unit.reason = "title: got";
  unit.what_to_do = "do";
  AddUnits({unit});
  const auto outcomes = Must(Read()->Outcomes(Id(50), 0, 10));
  ASSERT_THAT(outcomes, SizeIs(1));
  const UnitRow& got = outcomes[0];
  EXPECT_EQ(got.device, unit.device);
  EXPECT_EQ(got.incarnation, unit.incarnation);
  EXPECT_EQ(got.author, unit.author);
  EXPECT_EQ(got.schema_hash, unit.schema_hash);
  EXPECT_EQ(got.epoch, unit.epoch);
  EXPECT_EQ(got.checkpoint, unit.checkpoint);
  EXPECT_EQ(got.hash, unit.hash);
  EXPECT_EQ(got.words, unit.words);
  EXPECT_EQ(got.times_ms, unit.times_ms);
  EXPECT_EQ(got.uncertainty_ms, unit.uncertainty_ms);
  EXPECT_EQ(got.received_ms, unit.received_ms);
  EXPECT_EQ(got.reason, unit.reason);
  EXPECT_EQ(got.what_to_do, unit.what_to_do);
}

TEST_P(StoreContract, OutcomesComeInOrderAfterASequence) {
  AddUnits({Unit(0, 1, 1), Unit(0, 2, 1), Unit(0, 3, 1)});
  auto view = Read();
  EXPECT_THAT(Must(view->Outcomes(Id(50), 1, 10)),
              ElementsAre(Field(&UnitRow::sequence, 2), Field(&UnitRow::sequence, 3)));
  EXPECT_THAT(Must(view->Outcomes(Id(50), 0, 1)), ElementsAre(Field(&UnitRow::sequence, 1)));
  EXPECT_THAT(Must(view->Outcomes(Id(51), 0, 10)), IsEmpty());
}

TEST_P(StoreContract, AKeyOfAUnitIsGivenOnce) {
  AddUnits({Unit(0, 1, 1)});
  auto write = Write();
  UnitRow again = Unit(Must(write->NextSequence()), 1, 1);
  EXPECT_EQ(write->AddUnit(again).code(), absl::StatusCode::kAlreadyExists);
}

TEST_P(StoreContract, WhatIsHeldIsFoundByWhatItWaitsForUntilItEnds) {
  const Awaited record{Id(100), 0};
  const Awaited change{Id(61), 4};
  UnitRow unit = Unit(1, 5, 3);
  unit.words = {Word::kHeld};
  AddUnits({unit});
  const uint64_t sequence = Must(Read()->UnitOf({Id(60), 5}))->sequence;
  const HeldRow held{sequence, {Id(60), 5}, {kNine, 0xffff'ffff'ffff'fff1, 12}};
  EXPECT_FALSE(Must(Read()->AnyHeld()));
  {
    auto write = Write();
    Must(write->AddHeld(held, {record}));
    Must(write->AddHeld(held, {record, change}));
    Must(write->Commit());
  }
  EXPECT_TRUE(Must(Read()->AnyHeld()));
  EXPECT_TRUE(Must(Read()->UnitOf({Id(60), 6}))->Held());
  EXPECT_THAT(Must(Read()->HeldFor(record)), ElementsAre(held));
  EXPECT_THAT(Must(Read()->HeldFor(change)), ElementsAre(held));
  EXPECT_THAT(Must(Read()->HeldFor({Id(61), 5})), IsEmpty());
  auto write = Write();
  Must(write->EndHeld(sequence));
  EXPECT_FALSE(Must(write->UnitOf({Id(60), 5})).has_value());
  unit.sequence = Must(write->NextSequence());
  unit.words = {Word::kApplied};
  Must(write->AddUnit(unit));
  Must(write->Commit());
  EXPECT_FALSE(Must(Read()->AnyHeld()));
  EXPECT_THAT(Must(Read()->HeldFor(record)), IsEmpty());
  EXPECT_EQ(Must(Read()->UnitOf({Id(60), 7}))->sequence, unit.sequence);
}

TEST_P(StoreContract, RefusedCreationsAreRemembered) {
  auto write = Write();
  Must(write->AddRefusedCreation(Id(100)));
  Must(write->AddRefusedCreation(Id(100)));
  Must(write->Commit());
  EXPECT_TRUE(Must(Read()->CreationRefused(Id(100))));
  EXPECT_FALSE(Must(Read()->CreationRefused(Id(101))));
}

TEST_P(StoreContract, NoticesComeInOrderAfterAPlaceAndForOneDevice) {
  AddUnits({Unit(0, 1, 1)});  // makes the device
  NoticeRow row;
  row.device = Id(50);
  row.record = Id(100);
  row.kind = 7;
  row.field = 3;
  row.what.change = {Id(60), 1};
  row.what.author = "A Khan";
  row.what.by = {Id(61), 9};
  row.what.by_author = "J Price";
  row.what.by_time_ms = kNine;
  row.what.word = Word::kConflict;
  std::vector<NoticeRow> all;
  auto write = Write();
  row.compartment = Must(write->RefOf({Id(1), 0}));
  for (const auto& [sequence, place] :
       std::vector<std::pair<uint64_t, uint32_t>>{{4, 1}, {2, 0}, {4, 0}}) {
    row.sequence = sequence;
    row.place = place;
    Must(write->AddNotice(row));
    all.push_back(row);
  }
  Must(write->Commit());
  auto view = Read();
  EXPECT_THAT(Must(view->Notices(Id(50), {0, 0}, 10)), ElementsAre(all[1], all[2], all[0]));
  EXPECT_THAT(Must(view->Notices(Id(50), {4, 0}, 10)), ElementsAre(all[0]));
  EXPECT_THAT(Must(view->Notices(Id(50), {0, 0}, 1)), ElementsAre(all[1]));
  EXPECT_THAT(Must(view->Notices(Id(51), {0, 0}, 10)), IsEmpty());
}

TEST_P(StoreContract, HistoryKeepsItsEndApart) {
  auto write = Write();
  HistoryRow row;
  row.sequence = 4;
  row.header = "header";
  row.key_file = Id(1);
  row.nonce = "nonce";
  row.body = "body";
  row.body_hash = "hash";
  row.chain = "chain";
  Must(write->AddHistory(row));
  Must(write->AddHistoryOf(Id(100), {4, 0}));
  Must(write->AddHistoryOf(Id(100), {4, 2}));
  Must(write->Commit());
  auto view = Read();
  EXPECT_EQ(Must(view->HistoryEnd()).sequence, 4u);
  EXPECT_EQ(Must(view->HistoryEnd()).chain, "chain");
  EXPECT_EQ(Must(view->History(4))->body, "body");
  EXPECT_FALSE(Must(view->History(3)).has_value());
  EXPECT_THAT(Must(view->HistoryAfter(0, 10)), SizeIs(1));
  EXPECT_THAT(Must(view->HistoryAfter(4, 10)), IsEmpty());
  EXPECT_THAT(Must(view->HistoryOf(Id(100), 0, 10)), SizeIs(2));
  EXPECT_THAT(Must(view->HistoryOf(Id(100), 4, 10)), IsEmpty());
  EXPECT_THAT(Must(view->HistoryOf(Id(101), 0, 10)), IsEmpty());
}

TEST_P(StoreContract, AFileIsKnownOnceItHasAKey) {
  EXPECT_FALSE(Must(Read()->FileKnown(Id(1))));
  auto write = Write();
  Must(write->AddFileKey(Id(1), std::string(32, 'k')));
  EXPECT_EQ(write->AddFileKey(Id(1), "other").code(), absl::StatusCode::kAlreadyExists);
  Must(write->Commit());
  EXPECT_TRUE(Must(Read()->FileKnown(Id(1))));
  EXPECT_EQ(Must(Read()->FileKey(Id(1))), std::string(32, 'k'));
}

TEST_P(StoreContract, SitesPeopleAndDevicesAreListed) {
  AddDevice();
  {
    auto write = Write();
    Must(write->AddPerson({"A Khan", "Aisha Khan"}));
    EXPECT_EQ(write->AddPerson({"A Khan", "Another"}).code(), absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(write->AddSite({"north", "Another", ""}).code(), absl::StatusCode::kAlreadyExists);
    Must(write->AddIncarnation(Id(60), Id(50)));
    Must(write->Commit());
  }
  auto view = Read();
  EXPECT_THAT(Must(view->Sites()),
              ElementsAre(SiteRow{"north", "North", ""}, SiteRow{"south", "South", "care home"}));
  EXPECT_EQ(Must(view->FindSite("south"))->name, "South");
  EXPECT_FALSE(Must(view->FindSite("east")).has_value());
  EXPECT_THAT(Must(view->People()), ElementsAre(PersonRow{"A Khan", "Aisha Khan"}));
  EXPECT_THAT(Must(view->Devices()), ElementsAre(Device()));
  EXPECT_EQ(Must(view->FindDevice(Id(50))), Device());
  EXPECT_FALSE(Must(view->FindDevice(Id(51))).has_value());
  EXPECT_EQ(Must(view->DeviceOf(Id(60))), Id(50));
  EXPECT_FALSE(Must(view->DeviceOf(Id(61))).has_value());
}

TEST_P(StoreContract, TheRegisterOfDevicesIsKept) {
  AddSites();
  InviteRow invite{"12345678", std::string(32, 'h'), "south", "tablet", 5, 9, 0, {}};
  EnrolmentRow device{Id(50), "north", "tablet", "key", 6, 7, 0, ""};
  const EnrolmentRow lost{Id(40), "south", "phone", "other key", 1, 2, 3, "left on a bus"};
  {
    auto write = Write();
    Must(write->PutInvite(invite));
    for (const EnrolmentRow& row : {device, lost}) Must(write->PutEnrolment(row));
    InviteRow nowhere = invite;
    nowhere.site = "east";
    EXPECT_EQ(write->PutInvite(nowhere).code(), absl::StatusCode::kNotFound);
    Must(write->Commit());
  }
  EXPECT_EQ(Must(Read()->FindInvite(invite.id)), invite);
  EXPECT_FALSE(Must(Read()->FindInvite("87654321")).has_value());
  EXPECT_EQ(Must(Read()->FindEnrolment(Id(50))), device);
  EXPECT_FALSE(Must(Read()->FindEnrolment(Id(51))).has_value());
  EXPECT_THAT(Must(Read()->Enrolments()), ElementsAre(lost, device));
  EXPECT_THAT(Must(Read()->RevokedDevices()), ElementsAre(Id(40)));
  invite.used_ms = 8;
  invite.used_by = Id(50);
  device.revoked_ms = 8;
  device.until_ms = 9;
  {
    auto write = Write();
    Must(write->PutInvite(invite));
    Must(write->PutEnrolment(device));
    Must(write->Commit());
  }
  EXPECT_EQ(Must(Read()->FindInvite(invite.id)), invite);
  EXPECT_EQ(Must(Read()->FindEnrolment(Id(50))), device);
  EXPECT_THAT(Must(Read()->RevokedDevices()), ElementsAre(Id(40), Id(50)));
}

TEST_P(StoreContract, AnotherProcessMayWriteInBetween) {
  AddSites();
  std::unique_ptr<Store> other = Open();
  Save(nullptr, 100);
  {
    auto write = Must(other->Write());
    const CompartmentRef ref = Must(write->RefOf({Id(2), 0}));
    EXPECT_EQ(Must(write->Grant("south", ref)), 2u);
    Must(write->Commit());
  }
  auto write = Write();
  EXPECT_EQ(Must(write->NextSequence()), 3u);
  EXPECT_EQ(Must(write->RefOf({Id(2), 0})),
            *Must(Must(other->Read())->FindCompartment({Id(2), 0})));
}

TEST_P(StoreContract, AReferenceOfATransactionThatWasRolledBackIsForgotten) {
  {
    auto write = Write();
    Must(write->RefOf({Id(2), 0}));
  }
  Save(nullptr, 100);  // takes the number that the other had
  auto write = Write();
  EXPECT_NE(Must(write->RefOf({Id(2), 0})), Must(write->RefOf({Id(1), 0})));
}

INSTANTIATE_TEST_SUITE_P(All, StoreContract, ::testing::ValuesIn(Implementations()),
                         [](const auto& implementation) { return implementation.param.name; });

}  // namespace
}  // namespace doorstep::server
