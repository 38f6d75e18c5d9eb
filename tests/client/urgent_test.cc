// What is safety-critical goes before what was written earlier, with everything that it stands on.
#include "client-lib/urgent.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/outbox.h"
#include "client-lib/session.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/epoch.h"
#include "sync/base/limits.h"
#include "sync/base/link_limits.h"
#include "sync/change/pack.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using testing::Fault;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A link that carries so many bytes of pushes, and is then lost for good.
class ShortLink : public testing::CoreTransport {
 public:
  ShortLink(server::SyncCore* core, size_t bytes) : CoreTransport(core), left_(bytes) {}
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    if (request.ByteSizeLong() > left_) return absl::UnavailableError("the link is lost");
    left_ -= request.ByteSizeLong();
    return CoreTransport::Push(request);
  }

 private:
  size_t left_;
};

class UrgentTest : public ::testing::Test {
 protected:
  std::string Person(const std::string& name) {
    return Must(a_->Add("Person", absl::StrCat(R"({"name":")", name, "\"}"), {.file = "new"}));
  }
  // About nobody's safety. Each is of its own bytes.
  void Notes(int count) {
    for (int i = 0; i < count; ++i) {
      ++notes_;
      Must(a_->Add("HandoverNote",
                   absl::StrCat(R"({"concerns":"note )", notes_, " ", notes_ * 7919, "\"}")));
    }
  }
  // Places in the outbox.
  std::vector<int64_t> With(client::Urgency urgency) {
    std::vector<int64_t> places;
    for (const auto& row : a_->Rows(absl::StrCat("SELECT unit FROM _outbox WHERE urgent IS ",
                                                 static_cast<int>(urgency), " ORDER BY unit"))) {
      places.push_back(row[0]);
    }
    return places;
  }
  std::vector<int64_t> First() { return With(client::Urgency::kFirst); }
  // Of the last push, in its order.
  std::vector<uint64_t> LastPushed() {
    v1::PushUnits units;
    Must(Unpack(a_.link->last_push().units(), kMaxPushRawBytes, &units));
    std::vector<uint64_t> counters;
    for (const v1::Envelope& envelope : units.units()) counters.push_back(envelope.counter());
    return counters;
  }
  void ExpectInStep() {
    for (World::Linked* each : {&a_, &b_}) {
      Must(each->Sync());
      EXPECT_EQ(World::DeviceRows(*each->device), world_.ServerRows("north"));
      EXPECT_THAT(Must(each->replica().Outbox()), IsEmpty());
    }
    EXPECT_THAT(a_->Rows("SELECT unit FROM _outbox WHERE urgent IS NOT NULL"), IsEmpty());
  }

  World world_;
  World::Linked a_ = world_.NewDevice("a");
  World::Linked b_ = world_.NewDevice("b");
  int notes_ = 0;
};

TEST_F(UrgentTest, OverALinkThatIsCutAnAllergyIsThereBeforeFiveHundredNotes) {
  const std::string mary = Person("Mary");
  Notes(500);
  Must(a_->Edit(mary, R"({"allergies":["nuts"]})"));
  ShortLink link(&world_.core(), 2'000);
  EXPECT_TRUE(absl::IsUnavailable(a_.replica().Sync(link, {}).status()));
  // The server has given both their outcome; a colleague works by it, and has none of the notes.
  Must(b_.Sync());
  EXPECT_EQ(b_->Json(mary)["allergies"], nlohmann::json({"nuts"}));
  EXPECT_EQ(world_.ServerRows("north").size(), 1u);
  const std::vector<OwnChange> waiting = Must(a_.replica().Outbox());
  ASSERT_THAT(waiting, SizeIs(502));
  for (size_t i = 0; i < waiting.size(); ++i) {
    EXPECT_EQ(waiting[i].sent, i == 0 || i == 501) << i;
  }
  // Its device hears of it with the first pull, before the notes have all gone.
  ExpectInStep();
  EXPECT_THAT(Must(a_.replica().Outcomes()), SizeIs(502));
  EXPECT_EQ(a_->Rows("SELECT count(*) FROM handover_note")[0][0], 500);
}

TEST_F(UrgentTest, WhatItStandsOnGoesWithItInItsOrder) {
  const std::string peter = Person("Peter");  // 1
  Notes(1);
  const std::string study = Must(a_->Add(
      "CaseStudy", absl::StrCat(R"({"subjects":[")", peter, R"("],"title":"To the newsagent"})")));
  Notes(1);
  const std::string risk =
      Must(a_->Add("RiskAssessment",
                   absl::StrCat(R"({"case_study":")", study, R"(","activity":"Walks"})")));  // 5
  Notes(1);
  Must(a_->Edit(study, R"({"title":"To the newsagent, alone"})"));  // 7: later than what is named
  Must(a_->Edit(risk, R"({"activity":"Walks alone"})"));            // 8
  EXPECT_THAT(First(), IsEmpty());
  // Names the assessment as its own, and what was seen of it.
  Must(a_->Add("Mitigation",
               absl::StrCat(R"({"assessment":")", risk, R"(","control":"A telephone"})")));  // 9
  EXPECT_THAT(First(), ElementsAre(1, 3, 5, 8, 9));
  // What comes later is not beneath it.
  Must(a_->Edit(risk, R"({"category":"getting lost"})"));  // 10
  EXPECT_THAT(First(), ElementsAre(1, 3, 5, 8, 9));
  a_.link->Script({Fault::kNone, Fault::kNone, Fault::kDropRequest});
  EXPECT_FALSE(a_.Sync().ok());
  EXPECT_THAT(LastPushed(), ElementsAre(2, 4, 6, 7, 10));
  EXPECT_EQ(world_.ServerRows("north").size(), 4u);
  ExpectInStep();
}

// Of two files of one transaction, the one may refer to what the other brings.
TEST_F(UrgentTest, WhatComesLaterInOneTransactionGoesWithIt) {
  const std::string peter = Person("Peter");
  Must(a_.Sync());
  Notes(1);
  const std::string wife = "0190a7c2-7f30-7c1e-9d2b-3a5f6c7d8e9f";
  Must(a_.replica().Transact({}, [&](Edits& edits) -> absl::Status {
    const auto relation =
        edits.AddJson("Relationship",
                      absl::StrCat(R"({"person":")", peter, R"(","other_person":")", wife,
                                   R"(","contact_permission":"REFUSED"})"),
                      {.file = peter});
    if (!relation.ok()) return relation.status();
    return edits.AddJson("Person", R"({"name":"Ann"})", {.file = "new", .id = wife}).status();
  }));
  EXPECT_THAT(First(), ElementsAre(3, 4));
  ExpectInStep();
}

TEST_F(UrgentTest, WithTooMuchBeneathItGoesInItsTurn) {
  const std::string risk = Must(a_->Add("RiskAssessment", R"({"activity":"Walks"})"));
  for (size_t i = 0; i <= kMaxUnitsBeneath; ++i) {
    Must(a_->Edit(risk, absl::StrCat(R"({"category":"no. )", i, "\"}")));
  }
  Must(a_->Edit(risk, R"({"residual_rating":{"likelihood":4,"severity":4}})"));
  EXPECT_THAT(First(), IsEmpty());
  EXPECT_THAT(With(client::Urgency::kInTurn), SizeIs(1));
  EXPECT_TRUE(Must(client::Outbox(a_->store()).AnyUrgent())) << "a sync is hurried all the same";
  ExpectInStep();
}

// While notes are under way over a slow link, somebody saves an allergy.
TEST_F(UrgentTest, WhatIsSavedWhileTheRestIsUnderWayGoesNext) {
  const std::string mary = Person("Mary");
  Must(a_.Sync());
  Notes(600);  // several pushes
  auto session = Must(
      client::Session::Start(a_->store(), a_->directory(), a_->clock(), a_->entropy(), *a_.link));
  const auto push = [&] {
    const int before = a_.link->pushes();
    while (a_.link->pushes() == before) EXPECT_TRUE(Must(session->Step()));
    return LastPushed();
  };
  EXPECT_EQ(push().front(), 2u);
  Must(a_->Edit(mary, R"({"allergies":["nuts"]})"));  // 602
  EXPECT_THAT(push(), ElementsAre(602));
  Must(a_->Edit(mary, R"({"allergies":["nuts","eggs"]})"));  // 603
  // Not twice in a row: who saves faster than the link must not keep the notes from going.
  EXPECT_LT(push().front(), 602u);
  EXPECT_THAT(push(), ElementsAre(603));
  Notes(1);
  while (Must(session->Step())) {
  }
  session.reset();
  EXPECT_THAT(Must(a_.replica().Outbox()), SizeIs(1)) << "the last note waits for the next sync";
  ExpectInStep();
}

// A server that was restored has lost the creation and the allergy: they come again in their order,
// and nothing is held for want of the other.
TEST_F(UrgentTest, AfterARestoreTheOrderIsMadeAnew) {
  Must(a_.Sync());
  Must(b_.Sync());
  world_.Backup();
  a_.core->set_core(&world_.core());
  const std::string mary = Person("Mary");
  Must(a_.Sync());
  Must(a_->Edit(mary, R"({"allergies":["nuts"]})"));
  Must(a_.Sync());
  EXPECT_THAT(First(), IsEmpty());
  world_.RestoreBackup();
  SeededEntropy entropy(77);
  Must(server::BeginEpoch(world_.tenant().store(), entropy));
  for (World::Linked* each : {&a_, &b_}) each->core->set_core(&world_.core());
  Notes(3);
  const SyncResult result = Must(a_.Sync());
  EXPECT_EQ(result.held, 0u);
  EXPECT_EQ(result.applied, 5u);
  ExpectInStep();
}

// What goes first leaves a gap, into which another life of the replica may write.
TEST_F(UrgentTest, NothingIsLostWhenACopyFillsTheGap) {
  const std::string mary = Person("Mary");
  Must(a_.Sync());
  auto copy = world_.Copy(a_, "copy");
  Notes(1);
  Must(a_->Edit(mary, R"({"allergies":["nuts"]})"));
  a_.link->Script({Fault::kNone, Fault::kNone, Fault::kDropRequest});
  EXPECT_FALSE(a_.Sync().ok());
  Must(copy->Add("HandoverNote", R"({"concerns":"of the other life"})"));
  Must(copy.Sync());
  Must(copy->Edit(mary, R"({"allergies":["eggs","nuts"]})"));
  Must(copy.Sync());
  Must(a_.Sync());
  Must(copy.Sync());
  ExpectInStep();
  EXPECT_EQ(World::DeviceRows(*copy.device), world_.ServerRows("north"));
  EXPECT_EQ(a_->Json(mary)["allergies"], nlohmann::json({"eggs", "nuts"}));
  EXPECT_EQ(a_->Rows("SELECT count(*) FROM handover_note")[0][0], 2);
}

}  // namespace
}  // namespace doorstep
