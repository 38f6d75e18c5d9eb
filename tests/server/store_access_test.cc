// The contract of store.h about withdrawn records, and about who held and was sent what.
#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store.h"
#include "sync/tables/record_tables.h"
#include "tests/server/store_contract.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StoreAccess : public StoreContract {};

TEST_P(StoreAccess, WithdrawalsAreToldToWhoHoldsTheirPlace) {
  AddSites();
  auto write = Write();
  WithdrawalRow row;
  row.record = Id(9);
  row.compartment = {Id(1), 1};
  row.ref = Must(write->RefOf(row.compartment));
  row.withdrawn = {kNine, "L Ward", "about Gwen"};
  Must(write->Grant("north", row.ref).status());
  row.sequence = Must(write->NextSequence());
  Must(write->PutWithdrawal(row));
  Must(write->Commit());
  {
    auto view = Read();
    EXPECT_THAT(Must(view->Withdrawals("north", 0)), ElementsAre(row));
    EXPECT_THAT(Must(view->Withdrawals("north", row.sequence)), IsEmpty());
    EXPECT_THAT(Must(view->Withdrawals("south", 0)), IsEmpty());
    EXPECT_THAT(Must(view->WithdrawalsOf(Id(9))), ElementsAre(row));
    EXPECT_THAT(Must(view->WithdrawalsOf(Id(8))), IsEmpty());
  }
  write = nullptr;
  write = Write();
  row.restored_sequence = Must(write->NextSequence());
  row.restored = {kNine + 1, "M Osei", "it was his"};
  Must(write->PutWithdrawal(row));
  Must(write->Commit());
  auto view = Read();
  EXPECT_THAT(Must(view->Withdrawals("north", 0)), IsEmpty());
  EXPECT_THAT(Must(view->WithdrawalsOf(Uuid())), ElementsAre(row));
}

// Nobody may hold the tier at which withdrawn records stand.
TEST_P(StoreAccess, TheTierOfWhatWasWithdrawnIsNobodys) {
  auto write = Write();
  Must(write->RefOf({Id(1), 0}).status());
  Must(write->RefOf({Id(1), kWithdrawnTier}).status());
  EXPECT_THAT(Must(write->CompartmentsOf(Id(1))), SizeIs(1));
}

TEST_P(StoreAccess, WhoHeldWhatAndWhenIsKept) {
  AddSites();
  auto write = Write();
  const CompartmentRef ref = Must(write->RefOf({Id(1), 0}));
  const uint64_t one = Must(write->Grant("south", ref));
  const uint64_t two = Must(write->Grant("north", ref));
  const uint64_t three = Must(write->Revoke("south", ref, kNine));
  const uint64_t four = Must(write->Grant("south", ref));
  Must(write->Commit());
  auto view = Read();
  const std::vector<AccessSpan> spans = Must(view->AccessLog(ref));
  EXPECT_THAT(spans, ElementsAre(AccessSpan{"north", two, 0}, AccessSpan{"south", one, three},
                                 AccessSpan{"south", four, 0}));
  EXPECT_FALSE(spans[1].Holds(one - 1));
  EXPECT_TRUE(spans[1].Holds(one));
  EXPECT_FALSE(spans[1].Holds(three));
  EXPECT_TRUE(spans[2].Holds(100));
}

TEST_P(StoreAccess, WhatADeviceWasSentIsNotedOnce) {
  AddDevice();
  auto write = Write();
  const SentRow begun{Id(50), 7, 7, kNine, true};
  Must(write->AddSent(begun));
  Must(write->AddSent({Id(50), 6, 7, kNine + 1, true}));
  const SentRow part{Id(50), 5, 7, kNine + 2, false};
  Must(write->AddSent(part));
  Must(write->AddSent({Id(50), 5, 6, kNine + 3, false}));
  const SentRow whole{Id(50), 7, 7, kNine + 4, false};
  Must(write->AddSent(whole));
  Must(write->AddSent({Id(50), 7, 7, kNine + 5, true}));
  Must(write->AddSent({Id(51), 7, 7, kNine, false}));  // nobody knows it
  Must(write->Commit());
  auto view = Read();
  EXPECT_THAT(Must(view->SentTo(Id(50))), ElementsAre(begun, part, whole));
  EXPECT_THAT(Must(view->SentTo(Id(51))), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, StoreAccess, ::testing::ValuesIn(Implementations()),
                         [](const auto& implementation) { return implementation.param.name; });

}  // namespace
}  // namespace doorstep::server
