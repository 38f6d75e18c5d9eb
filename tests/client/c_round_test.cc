// doorstep.h with a server in the same process: what each function that only an exchange brings
// about says, and what it does.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/admin.h"
#include "tests/client/c_interface.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A server that tells of three changes to whoever watches.
class TellingTransport : public testing::CoreTransport {
 public:
  using CoreTransport::CoreTransport;
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(uint64_t)>& on_notice) override {
    EXPECT_EQ(request.sender().site(), "north");
    for (const uint64_t head : {7, 8, 9}) {
      if (!on_notice(head)) return absl::OkStatus();
    }
    return absl::UnavailableError("the link is lost");
  }
};

// A tablet behind the C interface, and a colleague's at the same site.
class CRoundTest : public CInterfaceTest {
 protected:
  ~CRoundTest() override { doorstep_link_free(link_); }

  std::unique_ptr<Transport> NewTransport() {
    return std::make_unique<TellingTransport>(&world_.core());
  }
  json Sync() {
    char* text = nullptr;
    doorstep_error* error = nullptr;
    EXPECT_EQ(doorstep_sync(replica_, link_, nullptr, nullptr, &text, &error), DOORSTEP_OK)
        << doorstep_error_message(error);
    return json::parse(Taken(text));
  }
  // What a function gives as JSON.
  json Ask(const std::function<int(char**, doorstep_error**)>& call) {
    char* text = nullptr;
    doorstep_error* error = nullptr;
    EXPECT_EQ(call(&text, &error), DOORSTEP_OK) << doorstep_error_message(error);
    return json::parse(Taken(text));
  }
  json Outbox() {
    return Ask([&](auto** out, auto** error) { return doorstep_outbox(replica_, out, error); });
  }
  json Outcomes(size_t limit = 0) {
    return Ask(
        [&](auto** out, auto** error) { return doorstep_outcomes(replica_, limit, out, error); });
  }
  json History(const std::string& id, doorstep_link* link) {
    return Ask([&](auto** out, auto** error) {
      return doorstep_history(replica_, id.c_str(), link, out, error);
    });
  }
  json Values(const std::string& id) {
    doorstep_record* record = Get(id);
    const json out =
        Ask([&](auto** text, auto** error) { return doorstep_record_json(record, text, error); });
    doorstep_record_free(record);
    return out;
  }
  json Info(const std::string& id) {
    doorstep_record* record = Get(id);
    const json out =
        Ask([&](auto** text, auto** error) { return doorstep_record_info(record, text, error); });
    doorstep_record_free(record);
    return out;
  }
  // Opens the record, has `edit` put its edit into edits_, and commits.
  json Change(const std::string& id, const std::function<int(const doorstep_record*)>& edit) {
    doorstep_record* record = Get(id);
    EXPECT_EQ(edit(record), DOORSTEP_OK);
    doorstep_record_free(record);
    return Commit();
  }
  void Update(const std::string& id, const json& values) {
    Change(id, [&](const auto* record) {
      return doorstep_edits_update_json(edits_, record, values.dump().c_str(), nullptr);
    });
  }

  World world_;
  World::Linked price_ = world_.NewDevice("price");
  doorstep_link* link_ = new doorstep_link{NewTransport()};
};

TEST_F(CRoundTest, ASyncTellsHowFarItIsAndWhatCameOfEachChange) {
  const std::string id = Add("Person", R"({"name":"Peter Hall","gp":"Dr Lee"})");
  const json waiting = Outbox();
  ASSERT_THAT(waiting, SizeIs(1));
  EXPECT_EQ(waiting[0]["record"], id);
  EXPECT_EQ(waiting[0]["kind"], "Person");
  EXPECT_EQ(waiting[0]["fields"], json({"name", "gp"}));
  EXPECT_EQ(waiting[0]["state"], "WAITING");
  EXPECT_EQ(waiting[0]["sent"], false);

  std::vector<json> told;
  const doorstep_visit progress = [](void* context, const char* text) {
    static_cast<std::vector<json>*>(context)->push_back(json::parse(text));
    return 0;
  };
  char* text = nullptr;
  ASSERT_EQ(doorstep_sync(replica_, link_, progress, &told, &text, nullptr), DOORSTEP_OK);
  const json result = json::parse(Taken(text));
  EXPECT_EQ(result["sent"], 1);
  EXPECT_EQ(result["outcomes"]["APPLIED"], 1);
  EXPECT_EQ(result["waiting"], 0);
  ASSERT_THAT(told, ::testing::Not(IsEmpty()));
  EXPECT_EQ(told.back()["step"], "DONE");
  EXPECT_EQ(told.back()["sent"], 1);

  EXPECT_THAT(Outbox(), IsEmpty());
  Add("Person", R"({"name":"Gwen Evans"})");
  const json all = Outcomes();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0]["change"], waiting[0]["change"]);
  EXPECT_EQ(all[0]["state"], "APPLIED");
  EXPECT_GT(all[0]["sequence"].get<int>(), 0);
  EXPECT_EQ(all[1]["state"], "WAITING");
  EXPECT_EQ(Outcomes(1), json::array({all[0]}));
  Must(price_.Sync());
  EXPECT_EQ(price_->Json(id)["gp"], "Dr Lee");

  // The progress visitor stops it.
  const doorstep_visit stop = [](void*, const char*) { return 1; };
  EXPECT_EQ(doorstep_sync(replica_, link_, stop, nullptr, nullptr, nullptr), DOORSTEP_OK)
      << "over before it was asked";
}

TEST_F(CRoundTest, AWatchTellsOfEachChangeUntilItIsEnough) {
  std::vector<json> told;
  const doorstep_visit two = [](void* context, const char* text) {
    auto& seen = *static_cast<std::vector<json>*>(context);
    seen.push_back(json::parse(text));
    return seen.size() < 2 ? 0 : 1;
  };
  EXPECT_EQ(doorstep_watch(replica_, link_, two, &told, nullptr), DOORSTEP_OK);
  EXPECT_THAT(told, ::testing::ElementsAre(json({{"head", 7}}), json({{"head", 8}})));
  const doorstep_visit all = [](void*, const char*) { return 0; };
  const Failure lost =
      Fails([&](auto** error) { return doorstep_watch(replica_, link_, all, nullptr, error); });
  EXPECT_EQ(lost.code, DOORSTEP_UNAVAILABLE);
  EXPECT_EQ(lost.message, "the link is lost");
}

TEST_F(CRoundTest, AHistoryIsOwnWithoutALinkAndWholeWithOne) {
  const std::string id = Add("Person", R"({"name":"Peter Hall","gp":"Dr Lee"})");
  Sync();
  Must(price_.Sync());
  Must(price_->Edit(id, R"({"gp":"Dr Khan"})"));
  Must(price_.Sync());
  Must(price_->Edit(id, R"({"gp":"Dr Price"})"));
  Must(price_.Sync());
  Sync();
  const json own = History(id, nullptr);
  ASSERT_THAT(own, SizeIs(2)) << "what was written here, and the version that stands";
  const json whole = History(id, link_);
  ASSERT_THAT(whole, SizeIs(3));
  EXPECT_EQ(whole[0]["author"], "A Khan");
  EXPECT_EQ(whole[0]["fields"], json({{"name", "Peter Hall"}, {"gp", "Dr Lee"}}));
  EXPECT_THAT(whole[0]["words"],
              Contains(json({{"field", "gp"}, {"label", "GP"}, {"words", "Dr Lee"}})));
  EXPECT_EQ(whole[1]["fields"]["gp"], "Dr Khan");
  EXPECT_EQ(whole[1]["from_server"], true);
  EXPECT_EQ(whole[2]["device"], "price");

  // An earlier value comes back, by the server's word.
  char* reason = nullptr;
  const std::string version = whole[1]["change"];
  ASSERT_EQ(doorstep_restore(replica_, id.c_str(), "gp", version.c_str(), "M Osei", link_, &reason,
                             nullptr),
            DOORSTEP_OK);
  EXPECT_THAT(Taken(reason), HasSubstr("(" + version + ")"));
  EXPECT_EQ(Values(id)["gp"], "Dr Khan");
  EXPECT_EQ(History(id, link_)[3]["author"], "M Osei");
  EXPECT_EQ(Fails([&](auto** error) {
              return doorstep_restore(replica_, id.c_str(), "gp", "00000000", nullptr, nullptr,
                                      nullptr, error);
            }).code,
            DOORSTEP_NOT_FOUND);
}

TEST_F(CRoundTest, WhoseVersionWasDisplacedIsToldUntilSomebodyHasReadIt) {
  const std::string id = Add("Person", R"({"gp":"Dr Lee"})");
  Sync();
  Must(price_.Sync());
  Update(id, {{"gp", "Dr Khan"}});
  Sync();
  world_.clock().Advance(60'000);
  Must(price_->Edit(id, R"({"gp":"Dr Price"})"));
  Must(price_.Sync());
  Sync();
  const auto notices = [&](int all) {
    return Ask(
        [&](auto** out, auto** error) { return doorstep_notices(replica_, all, out, error); });
  };
  const json told = notices(0);
  ASSERT_THAT(told, SizeIs(1)) << "the later one stands";
  EXPECT_EQ(told[0]["record"], id);
  EXPECT_EQ(told[0]["yours"], "Dr Khan");
  EXPECT_EQ(told[0]["now"], "Dr Price");
  EXPECT_EQ(told[0]["now_words"], "Dr Price");
  EXPECT_EQ(told[0]["label"], "GP");
  const std::string number = "[" + told[0]["notice"].dump() + "]";
  EXPECT_EQ(doorstep_notices_read(replica_, "[4711]", nullptr), DOORSTEP_NOT_FOUND);
  EXPECT_EQ(doorstep_notices_read(replica_, number.c_str(), nullptr), DOORSTEP_OK);
  EXPECT_THAT(notices(0), IsEmpty());
  ASSERT_THAT(notices(1), SizeIs(1));
  EXPECT_EQ(notices(1)[0]["read"], true);
}

TEST_F(CRoundTest, ARecordIsHiddenAndShownAgain) {
  const std::string id = Add("Person", R"({"name":"Peter Hall"})");
  Change(id, [&](const auto* record) {
    return doorstep_edits_hide(edits_, record, "written twice", nullptr);
  });
  EXPECT_EQ(Info(id)["hidden"], "written twice");
  Sync();
  Must(price_.Sync());
  EXPECT_EQ(Must(price_.replica().Get(id)).Info().hidden, "written twice");
  Change(id, [&](const auto* record) { return doorstep_edits_unhide(edits_, record, nullptr); });
  EXPECT_FALSE(Info(id).contains("hidden"));
}

TEST_F(CRoundTest, AnAssessmentIsSignedAndAmended) {
  const std::string id =
      Add("RiskAssessment", R"({"activity":"Walks","harm_of_not_doing":"Loses his morning"})");
  const json made =
      Change(id, [&](const auto* record) { return doorstep_edits_sign(edits_, record, nullptr); });
  ASSERT_THAT(made, SizeIs(1));
  const auto signatures = [&] {
    return Ask([&](auto** out, auto** error) {
      return doorstep_sign_offs(replica_, id.c_str(), out, error);
    });
  };
  ASSERT_THAT(signatures(), SizeIs(1));
  EXPECT_EQ(signatures()[0]["id"], made[0]);
  EXPECT_EQ(signatures()[0]["author"], "A Khan");
  EXPECT_EQ(signatures()[0]["state"], "SIGNED");
  Update(id, {{"hazard", "Cars"}, {"activity", "Walks alone"}});
  EXPECT_EQ(signatures()[0]["state"], "AMENDED");
  EXPECT_EQ(signatures()[0]["amended"], json({"RiskAssessment.activity"}));
  EXPECT_EQ(signatures()[0]["not_covered"], json({"RiskAssessment.hazard"}));
}

TEST_F(CRoundTest, TwoRegistrationsAreSaidToBeOneAndTwo) {
  const std::string first = Add("Person", R"({"name":"Peter Hall","nhs_number":"9434765919"})");
  const std::string second = Add("Person", R"({"name":"P Hall","nhs_number":"9434765919"})");
  const auto pairs = [&](const char* id) {
    return Ask(
        [&](auto** out, auto** error) { return doorstep_duplicates(replica_, id, out, error); });
  };
  ASSERT_THAT(pairs(nullptr), SizeIs(1));
  EXPECT_EQ(pairs(nullptr)[0]["verdict"], "SUGGESTED");
  EXPECT_EQ(pairs(nullptr)[0]["equal"], json({"nhs_number"}));
  EXPECT_THAT(pairs(Add("Person", R"({"name":"Gwen"})").c_str()), IsEmpty());
  for (const int same : {1, 0}) {
    ASSERT_EQ(
        doorstep_edits_same(edits_, first.c_str(), second.c_str(), same, "telephoned", nullptr),
        DOORSTEP_OK);
    Commit();
    const json pair = pairs(second.c_str())[0];
    EXPECT_EQ(pair["verdict"], same != 0 ? "SAME" : "DIFFERENT");
    EXPECT_EQ(pair["reason"], "telephoned");
  }
}

TEST_F(CRoundTest, KindsHaveNames) {
  const json kinds =
      Ask([&](auto** out, auto** error) { return doorstep_kinds(replica_, out, error); });
  EXPECT_THAT(kinds["kinds"], Contains("Mitigation"));
  EXPECT_EQ(kinds["kinds"].size(), Schema::BuiltIn()->kinds().size());
  EXPECT_EQ(kinds["words"]["Mitigation"]["label"], "safeguard");
  const json status = kinds["words"]["Mitigation"]["fields"]["status"];
  EXPECT_EQ(status["label"], "status");
  EXPECT_EQ(status["values"]["WITHDRAWN"], "taken away");
  EXPECT_FALSE(kinds["words"]["Mitigation"]["fields"]["control"].contains("values"));
}

// What is refused because the file is others'.
TEST_F(CRoundTest, ParkedChangesAreShownHandedOutSentAgainAndWithdrawn) {
  World::Linked south = world_.NewDevice("south", "south");
  const std::string theirs = Must(south->Add("Person", R"({"name":"Gwen"})", {.file = "new"}));
  Must(south.Sync());
  const std::string options = json({{"file", theirs}}).dump();
  for (const char* values : {R"({"name":"Mary","gp":"Dr Lee"})", R"({"name":"Ann"})"}) {
    ASSERT_EQ(doorstep_edits_add_json(edits_, "Person", values, options.c_str(), nullptr), 0);
    Commit();
  }
  EXPECT_EQ(Sync()["outcomes"]["REJECTED"], 2);
  const json parked = Outbox();
  ASSERT_THAT(parked, SizeIs(2));
  EXPECT_EQ(parked[0]["needs_you"], true);
  const std::string first = parked[0]["change"];
  const std::string second = parked[1]["change"];
  EXPECT_EQ(Ask([&](auto** out, auto** error) {
              return doorstep_parked_values(replica_, first.c_str(), out, error);
            }),
            json({{"name", "Mary"}, {"gp", "Dr Lee"}}));
  const auto exported = [&](const char* change) {
    return Ask([&](auto** out, auto** error) {
      return doorstep_parked_export(replica_, change, out, error);
    });
  };
  ASSERT_THAT(exported(nullptr), SizeIs(2));
  EXPECT_EQ(exported(second.c_str()), json::array({exported(nullptr)[1]}));
  EXPECT_EQ(exported(second.c_str())[0]["fields"]["name"], "Ann");

  char* text = nullptr;
  ASSERT_EQ(doorstep_parked_fix(replica_, first.c_str(), R"({"name":"Mary","gp":"Dr Khan"})",
                                R"({"file":"new","author":"M Osei"})", &text, nullptr),
            DOORSTEP_OK);
  const std::string again = Taken(text);
  ASSERT_EQ(doorstep_parked_withdraw(replica_, second.c_str(), "said twice", nullptr, nullptr),
            DOORSTEP_OK);
  EXPECT_EQ(Status()["needs_you"], 0);
  EXPECT_THAT(exported(nullptr), IsEmpty());
  EXPECT_EQ(Sync()["outcomes"]["APPLIED"], 2);
  const json all = Outcomes();
  EXPECT_EQ(all[0]["sent_again"], true);
  EXPECT_EQ(all[1]["withdrawn_because"], "said twice");
  EXPECT_EQ(all[2]["change"], again);
  EXPECT_EQ(all[2]["author"], "M Osei");
  EXPECT_EQ(all[2]["resolves"], first);
  EXPECT_EQ(all[2]["state"], "APPLIED");
  EXPECT_EQ(all[3]["withdraws"], true);
  EXPECT_EQ(Values(all[2]["record"].get<std::string>())["gp"], "Dr Khan");
}

TEST_F(CRoundTest, WhatARestoredServerHasLostIsListedUntilSomebodyDismissesIt) {
  const std::string id = Add("CaseStudy", R"({"title":"first"})");
  Sync();
  world_.Backup();
  price_.core->set_core(&world_.core());
  Must(price_.Sync());
  Must(price_->Edit(id, R"({"situation":"He goes every morning."})"));
  Must(price_.Sync());
  const auto relink = [&] {
    doorstep_link_free(link_);
    link_ = new doorstep_link{NewTransport()};
  };
  relink();
  Sync();
  const auto rescued = [&] {
    return Ask([&](auto** out, auto** error) { return doorstep_rescued(replica_, out, error); });
  };
  EXPECT_THAT(rescued(), IsEmpty());
  world_.RestoreBackup();
  relink();
  EXPECT_EQ(Sync()["repaired"], true);
  const json lost = rescued();
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0]["record"], id);
  EXPECT_EQ(lost[0]["author"], "price user");
  EXPECT_EQ(lost[0]["fields"], json({{"situation", "He goes every morning."}}));
  EXPECT_EQ(lost[0]["words"][0]["words"], "He goes every morning.");
  EXPECT_EQ(doorstep_rescued_dismiss(replica_, "00000000-0000-4000-8000-000000000000:1", nullptr),
            DOORSTEP_NOT_FOUND);
  EXPECT_EQ(
      doorstep_rescued_dismiss(replica_, lost[0]["change"].get<std::string>().c_str(), nullptr),
      DOORSTEP_OK);
  EXPECT_THAT(rescued(), IsEmpty());
}

TEST_F(CRoundTest, ACaseWithALinkAndDigestsFromRows) {
  const std::string id =
      Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})");
  Sync();
  Must(price_.Sync());
  Update(id, {{"residual_rating", {{"likelihood", 1}, {"severity", 3}}}});
  Must(price_->Edit(id, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  Sync();
  Must(price_.Sync());
  Sync();
  const json cases =
      Ask([&](auto** out, auto** error) { return doorstep_conflicts(replica_, out, error); });
  ASSERT_THAT(cases, SizeIs(1));
  const std::string begins = cases[0]["case"].get<std::string>().substr(0, 13);
  const auto one = [&](doorstep_link* link) {
    return Ask([&](auto** out, auto** error) {
      return doorstep_conflict(replica_, begins.c_str(), link, out, error);
    });
  };
  EXPECT_EQ(one(nullptr)["case"], cases[0]["case"]);
  const auto with_device_time = [&](doorstep_link* link) {
    const json versions = one(link)["versions"];
    return std::count_if(versions.begin(), versions.end(),
                         [](const json& version) { return version.contains("device_time"); });
  };
  EXPECT_EQ(with_device_time(nullptr), 1) << "of its own";
  EXPECT_EQ(with_device_time(link_), 2) << "the server knows both";
  EXPECT_EQ(one(link_)["until_decided_words"], "Until decided, work to 12 high.");

  const auto digest = [&](int recompute) {
    return Ask(
        [&](auto** out, auto** error) { return doorstep_digest(replica_, recompute, out, error); });
  };
  EXPECT_EQ(digest(0), digest(1));
  EXPECT_EQ(digest(0)["digest"], Must(price_.replica().Digest()).digest);
  EXPECT_GT(digest(0)["checkpoint"].get<int>(), 0);
}

}  // namespace
}  // namespace doorstep
