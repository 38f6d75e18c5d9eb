// Journeys of people who move, and of tablets at a shift's end: each under its name, with its
// figures, real programs and real files.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/link.h"
#include "tests/support/opened_replica.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CareJourneys : public ::testing::Test {
 protected:
  CareJourneys() { server_.AddSite("north-team"); }

  // Everybody has everybody's.
  void SyncAll(const std::vector<const Device*>& devices) {
    server_.Start();
    for (const Device* device : devices) device->Sync(server_.address());
    for (const Device* device : devices) device->Sync(server_.address());
    server_.Stop();
  }
  Device NewDevice(const std::string& name, const std::string& user,
                   const std::string& site = "north-team") {
    Device device(dir_.File(name), site, user);
    device.Init("127.0.0.1:1");
    return device;
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
};

// What was made before the reallocation counts, under its author's name; what was made after it is
// kept for those who have Peter now; and his old team keeps him until all is handed over, no
// longer.
TEST_F(CareJourneys, Journey10ReallocationWithPendingEdits) {
  constexpr int64_t kHourMs = 3'600'000;
  server_.AddSite("south-team");
  const Device khan = NewDevice("khan", "A Khan");
  Device price = NewDevice("price", "J Price", "south-team");
  const std::string peter = price.Add("Person", {{"name", "Peter Qzxhall"}}, {"--file", "new"});
  const std::string risk =
      price.Add("RiskAssessment", {{"activity", "To the qzxnewsagent"}}, {"--file", peter});
  SyncAll({&price});
  const auto move = [&](const char* how, const char* site) {
    const RunResult done = server_.Operator({"file", how, "--file", peter, "--site", site});
    EXPECT_EQ(done.exit, 0) << done;
  };
  price.Edit(risk, {{"location", "High qzxstreet"}});
  move("share", "north-team");
  move("unshare", "south-team");
  // An hour later, and still without a signal.
  price.Later(kHourMs);
  price.Edit(risk, {{"category", "qzxtraffic"}});
  EXPECT_EQ(price.Record(risk)["location"], "High qzxstreet");
  const auto left = [&] {
    const std::string bytes = DecryptedPages(price.directory());
    return absl::StrContains(bytes, "qzx") || absl::StrContains(bytes, "Qzx");
  };
  EXPECT_TRUE(left());
  EXPECT_NE(price.Run({"sync", "--server", "127.0.0.1:1"}).exit, 0);
  EXPECT_EQ(price.Record(risk)["category"], "qzxtraffic") << "nothing goes before it is received";

  server_.Start();
  const json synced = price.Sync(server_.address());
  EXPECT_EQ(synced["outcomes"]["APPLIED"], 1);
  EXPECT_EQ(synced["outcomes"]["REJECTED"], 1);
  EXPECT_EQ(price.Run({"get", peter}).exit, 3);
  EXPECT_FALSE(left()) << "also in what was written here";
  EXPECT_EQ(price.Number("needs_you"), 0);

  khan.Sync(server_.address());
  EXPECT_EQ(khan.Record(risk)["location"], "High qzxstreet");
  EXPECT_FALSE(khan.Record(risk).contains("category"));
  int64_t refused = 0;
  for (const json& line : khan.Json({"history", risk, "--server", server_.address()})
                              .value("history", json::array())) {
    EXPECT_EQ(line["author"], "J Price");
    refused += line["state"] == "REJECTED" ? 1 : 0;
  }
  EXPECT_EQ(refused, 1);

  const auto ask = [&](std::vector<std::string> args) {
    args.insert(args.begin(), "quarantine");
    args.push_back("--json");
    const RunResult done = server_.Operator(args);
    EXPECT_EQ(done.exit, 0) << done;
    return json::parse(done.out, nullptr, false);
  };
  const json kept = ask({"list", "--site", "north-team"})["quarantine"];
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0]["author"], "J Price");
  EXPECT_EQ(kept[0]["site"], "south-team");
  EXPECT_EQ(kept[0]["held_by"], json({"north-team"}));
  EXPECT_THAT(ask({"list", "--site", "south-team"})["quarantine"], IsEmpty());
  const std::string sequence = absl::StrCat(kept[0]["sequence"].get<uint64_t>());
  const json shown = ask({"show", sequence});
  EXPECT_EQ(shown["content"][0]["record"], risk);
  EXPECT_EQ(shown["content"][0]["fields"], json({{"category", "qzxtraffic"}}));
  EXPECT_EQ(server_.Operator({"quarantine", "show", "1"}).exit, 3);
  EXPECT_EQ(ask({"close", sequence, "--by", "A Khan", "--reason", "recorded again"})["closed"],
            true);
  EXPECT_EQ(
      server_.Operator({"quarantine", "close", sequence, "--by", "A Khan", "--reason", "x"}).exit,
      4);
  EXPECT_THAT(ask({"list"})["quarantine"], IsEmpty());
  EXPECT_EQ(ask({"list", "--all"})["quarantine"][0]["closed"]["by"], "A Khan");
  server_.Stop();
}

// The same with a photograph: taken before the end it arrives, although its record is gone from the
// tablet by then; taken after it nowhere.
TEST_F(CareJourneys, Journey10ReallocationWithAPhotograph) {
  constexpr int64_t kHourMs = 3'600'000;
  server_.AddSite("south-team");
  const Device khan = NewDevice("khan", "A Khan");
  Device price = NewDevice("price", "J Price", "south-team");
  const std::string peter = price.Add("Person", {{"name", "Peter Hall"}}, {"--file", "new"});
  SyncAll({&price});
  const std::string photo(300'000, 'p');
  const auto attach = [&](const std::string& bytes) {
    WriteAll(dir_.File("photo.jpg"), bytes);
    return price.Out({"attach", dir_.File("photo.jpg"), "--file", peter});
  };
  const std::string before = attach(photo);
  const auto move = [&](const char* how, const char* site) {
    const RunResult done = server_.Operator({"file", how, "--file", peter, "--site", site});
    EXPECT_EQ(done.exit, 0) << done;
  };
  move("share", "north-team");
  move("unshare", "south-team");
  price.Later(kHourMs);
  const std::string after = attach("taken an hour later");
  const auto missing = [&] {
    const RunResult shift = server_.Operator({"shift", "--site", "north-team", "--json"});
    EXPECT_EQ(shift.exit, 0) << shift;
    return json::parse(shift.out, nullptr, false).value("attachments_missing", -1);
  };

  server_.Start();
  json synced = price.Json({"sync", "--server", server_.address(), "--no-attachments"});
  EXPECT_EQ(synced["outcomes"]["APPLIED"], 1);
  EXPECT_EQ(synced["outcomes"]["REJECTED"], 1);
  const auto expect_unreadable = [&] {
    for (const std::string& id : {before, after}) {
      EXPECT_EQ(price.Run({"attachment", "get", id, "--out", dir_.File("kept")}).exit, 3);
    }
    EXPECT_THAT(price.Json({"attachments"})["attachments"], IsEmpty());
  };
  expect_unreadable();
  EXPECT_EQ(price.Number("attachments_waiting"), 1) << "the one that was in time";
  EXPECT_EQ(missing(), 1);
  synced = price.Sync(server_.address());
  EXPECT_EQ(synced["attachment_bytes_sent"], photo.size());
  EXPECT_EQ(missing(), 0);
  expect_unreadable();
  EXPECT_EQ(price.Number("attachments_waiting"), 0);

  khan.Sync(server_.address());
  khan.Out({"attachment", "get", before, "--out", dir_.File("got.jpg")});
  EXPECT_EQ(ReadAll(dir_.File("got.jpg")), photo);
  server_.Stop();
}

TEST_F(CareJourneys, Journey6HomeHospitalHome) {
  const Device ward = NewDevice("ward", "J Price");
  const Device home = NewDevice("home", "M Osei");
  const Device lead = NewDevice("lead", "R Lead");
  const std::vector<const Device*> all = {&ward, &home, &lead};
  const std::string gwen = home.Add("Person", {{"name", "Gwen Evans"}}, {"--file", "new"});
  const std::string study =
      home.Add("CaseStudy", {{"subjects", {gwen}}, {"title", "Meals together"}}, {"--file", gwen});
  std::map<std::string, std::string> arrangements;  // what: id
  for (const char* what : {"Dial-a-ride", "Shopping and cooking support", "Takeaway"}) {
    arrangements[what] =
        home.Add("Arrangement", {{"case_study", study}, {"what", what}, {"status", "ACTIVE"}});
  }
  const std::string transfer = home.Add("CareTransfer", {{"person", gwen},
                                                         {"from_place", "HOME"},
                                                         {"to_place", "HOSPITAL"},
                                                         {"location_status", "ON_THE_WAY"}});
  SyncAll(all);

  // The ward admits her and stops her support; at home somebody who has heard nothing sees a light.
  ward.Edit(transfer, {{"location_status", "IN_HOSPITAL"}});
  for (const auto& [what, id] : arrangements) ward.Edit(id, {{"status", "SUSPENDED"}});
  home.Edit(transfer, {{"location_status", "AT_HOME"}});
  SyncAll(all);
  for (const Device* device : all) {
    const json open = device->Conflicts();
    ASSERT_THAT(open, SizeIs(1)) << device->user();
    EXPECT_EQ(open[0]["field"], "location_status");
    EXPECT_EQ(open[0]["safety"], true);
    EXPECT_EQ(open[0]["advice"], "unconfirmed – telephone");
    EXPECT_TRUE(open[0]["until_decided"].is_null());
    EXPECT_FALSE(device->Record(transfer).contains("location_status")) << device->user();
    EXPECT_THAT(device->Json({"sql", "SELECT DISTINCT status FROM arrangement"})["rows"],
                ElementsAre(json{"SUSPENDED"}));
    const json why = device->Json({"why", transfer});
    EXPECT_THAT(why["reasons"].dump(), HasSubstr("UNDECIDED"));
  }
  // Somebody telephones, and decides; who said either may not need to.
  const std::string open_case = lead.Conflicts()[0]["case"];
  lead.Out({"settle", open_case, "--value", "\"IN_HOSPITAL\"", "--reason", "Ward 5 says so"});
  SyncAll(all);
  EXPECT_THAT(home.Conflicts(), IsEmpty());
  EXPECT_EQ(home.Record(transfer)["location_status"], "IN_HOSPITAL");

  // Home again: each arrangement has a clock of its own, and runs again when it runs.
  const int64_t returned_ms = 1'795'338'000'000;
  std::map<std::string, std::string> clocks;  // arrangement: item
  int64_t hours = 24;
  for (const auto& [what, id] : arrangements) {
    clocks[id] = ward.Add("ReinstatementItem", {{"transfer", transfer},
                                                {"arrangement", id},
                                                {"what", absl::StrCat(what, " again")},
                                                {"due_ms", returned_ms + hours * 3'600'000},
                                                {"status", "WAITING"}});
    hours += 24;
  }
  SyncAll(all);
  const std::string ride = arrangements["Dial-a-ride"];
  home.Edit(ride, {{"status", "REINSTATED"}});
  home.Edit(clocks[ride], {{"status", "RUNNING"}});
  // Two bring the same clock forward unseen: the earlier counts.
  const std::string meals = clocks[arrangements["Takeaway"]];
  home.Edit(meals, {{"due_ms", returned_ms + 7'200'000}});
  ward.Edit(meals, {{"due_ms", returned_ms + 3'600'000}});
  SyncAll(all);
  for (const Device* device : all) {
    EXPECT_THAT(device->Conflicts(), IsEmpty());
    const json rows = device->Json({"sql",
                                    "SELECT a.what, a.status, i.status, (i.due_ms - 1795338000000) "
                                    "/ 3600000 FROM reinstatement_item AS i JOIN arrangement AS a "
                                    "ON a.id = i.arrangement ORDER BY a.what"})["rows"];
    EXPECT_THAT(rows,
                ElementsAre(json({"Dial-a-ride", "REINSTATED", "RUNNING", 24}),
                            json({"Shopping and cooking support", "SUSPENDED", "WAITING", 48}),
                            json({"Takeaway", "SUSPENDED", "WAITING", 1})));
    // And every device lists the clocks that still run, by their moments.
    const json due = device->Json({"due", "--until", "2026-12-31"})["due"];
    ASSERT_THAT(due, SizeIs(2)) << device->user();
    EXPECT_EQ(due[0]["record"], meals);
    EXPECT_EQ(due[0]["at"], "2026-11-22T10:00:00.000Z");
    EXPECT_EQ(due[1]["at"], "2026-11-24T09:00:00.000Z");
  }
}

// 61 changes from two tablets, 17 from the third, by six people.
TEST_F(CareJourneys, Journey7EndOfShift) {
  const std::map<std::string, Device> tablets = {{"one", NewDevice("one", "Tablet One")},
                                                 {"two", NewDevice("two", "Tablet Two")},
                                                 {"three", NewDevice("three", "Tablet Three")}};
  const auto capture = [&](const std::string& tablet, const std::string& worker, int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const json line = {
          {"kind", "Observation"},
          {"record",
           {{"measure", "fluids"}, {"value", i}, {"unit", absl::StrCat(worker, " cups")}}}};
      absl::StrAppend(&lines, line.dump(), "\n");
    }
    const json imported =
        json::parse(tablets.at(tablet).Out({"import", "-", "--user", worker, "--json"}, lines));
    EXPECT_EQ(imported["imported"], count);
  };
  const std::map<std::string, int> work = {{"A Khan", 16},   {"J Price", 15}, {"M Osei", 15},
                                           {"R Hughes", 15}, {"S Lee", 9},    {"T Ward", 8}};
  capture("one", "A Khan", 16);
  capture("one", "J Price", 15);
  capture("two", "M Osei", 15);
  capture("two", "R Hughes", 15);
  capture("three", "S Lee", 9);
  capture("three", "T Ward", 8);
  const auto ledger = [&] {
    const RunResult result = server_.Operator({"shift", "--site", "north-team", "--json"});
    EXPECT_EQ(result.exit, 0) << result;
    return json::parse(result.out, nullptr, false);
  };
  EXPECT_EQ(ledger()["tablets_expected"], 0);

  server_.Start();
  for (const char* in : {"one", "two"}) tablets.at(in).Sync(server_.address());
  // The third says hello, and its link dies before it has handed anything over.
  Link link("cut_proxy.mjs", server_.address(), {"--answer-of", "Hello", "--cuts", "1000"});
  const RunResult cut = tablets.at("three").Run({"sync", "--server", link.address()});
  EXPECT_EQ(cut.exit, 5) << cut;
  EXPECT_GE(link.Stop().value("cuts", 0), 1);
  json now = ledger();
  EXPECT_EQ(now["tablets_in"], 2);
  EXPECT_EQ(now["tablets_expected"], 3);
  EXPECT_EQ(now["pending"], 17);
  EXPECT_EQ(now["received"], 61);
  EXPECT_EQ(now["people"], 4);
  const json third = now["tablets"][0];
  EXPECT_EQ(third["name"], "Tablet Three's tablet");
  EXPECT_EQ(third["in"], false);
  EXPECT_EQ(third["pending"], 17);
  EXPECT_EQ(third["received"], 0);
  const RunResult text = server_.Operator({"shift", "--site", "north-team"});
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("2 of 3 tablets in, 17 changes pending"),
                    HasSubstr("61 changes received from 4 people"),
                    HasSubstr(absl::StrCat("last seen ", third["last_seen"].get<std::string>(),
                                           ", 17 pending"))));

  // On reconnect exactly 17 apply, each its author's.
  const json done = tablets.at("three").Sync(server_.address());
  EXPECT_EQ(done["outcomes"]["APPLIED"], 17) << done;
  now = ledger();
  EXPECT_EQ(now["tablets_in"], 3);
  EXPECT_EQ(now["pending"], 0);
  EXPECT_EQ(now["received"], 78);
  EXPECT_EQ(now["people"], 6);
  tablets.at("one").Sync(server_.address());
  server_.Stop();
  std::map<std::string, int> authors;
  for (const auto& [id, record] : tablets.at("one").Dump()) {
    ++authors[record["meta"]["fields"]["unit"]["versions"][0]["author"]];
  }
  EXPECT_EQ(authors, work);
  EXPECT_EQ(server_.Operator({"shift", "--site", "nowhere"}).exit, 3);
  EXPECT_EQ(server_.Operator({"shift", "--site", "north-team", "--within", "0"}).exit, 2);
}

// A note about Gwen is written in Peter's record. It is recorded again where it belongs, with a
// link, hidden where it stood, and then taken off every device that should not hold it, with what
// it was written with there; who has seen it, and which devices still have it, is reported; what a
// tablet writes in it that had not heard is kept; and in a mistake about the mistake it is given
// back.
TEST_F(CareJourneys, Journey13WrongPersonsRecord) {
  const Device khan = NewDevice("khan", "A Khan");
  const Device osei = NewDevice("osei", "M Osei");
  const std::string peter = khan.Add("Person", {{"name", "Peter Hall"}}, {"--file", "new"});
  const std::string gwen = khan.Add("Person", {{"name", "Gwen Evans"}}, {"--file", "new"});
  const std::string note = "Her knee is worse; she asked for the morning visit.";
  const std::string wrong =
      khan.Add("Visit", {{"person", peter}, {"outcome", "SEEN"}, {"note", note}});
  SyncAll({&khan, &osei});
  EXPECT_EQ(osei.Json({"get", wrong})["meta"]["file"], peter);

  const std::string right = khan.Add(
      "Visit", {{"person", gwen}, {"outcome", "SEEN"}, {"note", note}, {"corrects", wrong}},
      {"--file", gwen});
  khan.Out({"hide", wrong, "--reason", "about somebody else; recorded where it belongs"});
  SyncAll({&khan, &osei});
  for (const Device* device : {&khan, &osei}) {
    const json list = device->Json({"list", "Visit"})["records"];
    ASSERT_THAT(list, SizeIs(1)) << device->user();
    EXPECT_EQ(list[0]["id"], right);
    EXPECT_EQ(list[0]["record"]["corrects"], wrong);
    const json meta = device->Json({"get", right})["meta"];
    EXPECT_EQ(meta["file"], gwen);
    // Kept, attributable, and nobody finds it by its words without asking for hidden ones.
    EXPECT_EQ(device->Record(wrong)["note"], note);
    EXPECT_THAT(device->Json({"search", "knee"})["hits"], SizeIs(1));
    const json why = device->Json({"why", wrong});
    EXPECT_THAT(why["reasons"].dump(),
                AllOf(HasSubstr("hidden by A Khan"), HasSubstr("recorded where it belongs")));
  }
  const std::string task = khan.Add("Task", {{"what", "Tell the team"}});
  EXPECT_THAT(khan.Out({"why", task}), HasSubstr("in the site's file"));
  // A site that holds Gwen's file and not Peter's receives the right one alone.
  server_.AddSite("rose-court");
  const RunResult shared =
      server_.Operator({"file", "share", "--file", gwen, "--site", "rose-court"});
  EXPECT_EQ(shared.exit, 0) << shared;
  const Device home = NewDevice("home", "R Court", "rose-court");
  SyncAll({&home});
  EXPECT_EQ(home.Record(right)["note"], note);
  const RunResult absent = home.Run({"why", wrong});
  EXPECT_EQ(absent.exit, 3);
  EXPECT_THAT(absent.out, AllOf(HasSubstr("is not here"), HasSubstr(right)));

  // Who has seen it: the two of north-team, Khan who wrote it; not the home.
  const auto record = [&](const std::vector<std::string>& args) {
    std::vector<std::string> all = {"record"};
    all.insert(all.end(), args.begin(), args.end());
    all.emplace_back("--json");
    const RunResult result = server_.Operator(all);
    EXPECT_EQ(result.exit, 0) << result;
    return json::parse(result.out, nullptr, false);
  };
  const auto holds = [&] {
    std::map<std::string, bool> by_name;
    const json now = record({"seen", wrong});
    for (const json& device : now["devices"]) {
      by_name[device["name"].get<std::string>()] = device["holds"].get<bool>();
    }
    return by_name;
  };
  json seen = record({"seen", wrong});
  ASSERT_THAT(seen["devices"], SizeIs(2));
  EXPECT_THAT(seen["versions"], SizeIs(2));  // the note, and that it was hidden
  for (const json& device : seen["devices"]) {
    const bool wrote = device["name"] == "A Khan's tablet";
    EXPECT_EQ(device["wrote"], wrote);
    EXPECT_EQ(device["people"], wrote ? json({"A Khan"}) : json::array());
    EXPECT_EQ(device["version"]["sequence"], seen["versions"][1]["sequence"]);
    EXPECT_EQ(device["removed"], nullptr);
    EXPECT_GT(device["first"].get<std::string>(), "2026");
  }
  EXPECT_EQ(server_.Operator({"record", "seen", task + "0"}).exit, 2);

  // Whoever answers for information governance takes it off; what is in use is not taken so.
  const std::vector<std::string> why = {"--by", "L Ward", "--reason", "about Gwen Evans"};
  const auto with_why = [&](std::vector<std::string> args) {
    args.insert(args.end(), why.begin(), why.end());
    return args;
  };
  EXPECT_EQ(server_.Operator(with_why({"record", "withdraw", right})).exit, 1);
  EXPECT_EQ(server_.Operator({"record", "withdraw", wrong, "--by", "L Ward"}).exit, 2);
  // Osei's tablet is away meanwhile, and somebody shows the note again on it.
  osei.Out({"unhide", wrong});
  EXPECT_EQ(record(with_why({"withdraw", wrong}))["withdrawn"], true);
  EXPECT_THAT(record({"list"})["withdrawals"], SizeIs(1));
  const std::map<std::string, bool> nobody_yet = {{"A Khan's tablet", true},
                                                  {"M Osei's tablet", true}};
  EXPECT_EQ(holds(), nobody_yet);
  SyncAll({&khan});
  const std::map<std::string, bool> one = {{"A Khan's tablet", false}, {"M Osei's tablet", true}};
  EXPECT_EQ(holds(), one);
  server_.Start();
  EXPECT_EQ(osei.Sync(server_.address())["outcomes"]["REJECTED"], 1);
  server_.Stop();
  const std::map<std::string, bool> none = {{"A Khan's tablet", false}, {"M Osei's tablet", false}};
  EXPECT_EQ(holds(), none);
  const auto left = [](const Device& device, const std::string& words) {
    return absl::StrContains(DecryptedPages(device.directory()), words);
  };
  for (const Device* device : {&khan, &osei}) {
    EXPECT_EQ(device->Run({"get", wrong}).exit, 3) << device->user();
    const RunResult gone = device->Run({"why", wrong});
    EXPECT_THAT(gone.out, HasSubstr("taken off all devices"));
    EXPECT_EQ(device->Record(right)["note"], note);
    EXPECT_EQ(device->Record(peter)["name"], "Peter Hall");
    EXPECT_FALSE(left(*device, "about somebody else")) << "the reason for which it was hidden";
    EXPECT_EQ(device->Number("needs_you"), 0);
  }
  // Osei's edit is kept, for whoever deals with it.
  const RunResult kept = server_.Operator({"quarantine", "list", "--json"});
  const json quarantine = json::parse(kept.out, nullptr, false)["quarantine"];
  ASSERT_THAT(quarantine, SizeIs(1));
  EXPECT_EQ(quarantine[0]["author"], "M Osei");
  EXPECT_THAT(quarantine[0]["reason"].get<std::string>(), HasSubstr("withdrawn"));
  // A new tablet, and a site that is given the file, do not receive it. The history is whole.
  const Device fresh = NewDevice("fresh", "R Hughes");
  EXPECT_EQ(server_.Operator({"file", "share", "--file", peter, "--site", "rose-court"}).exit, 0);
  SyncAll({&fresh, &home});
  for (const Device* device : {&fresh, &home}) {
    EXPECT_EQ(device->Run({"get", wrong}).exit, 3) << device->user();
    EXPECT_EQ(device->Record(peter)["name"], "Peter Hall");
  }
  EXPECT_EQ(server_.Operator({"history", "verify"}).exit, 0);
  seen = record({"seen", wrong});
  EXPECT_THAT(seen["devices"], SizeIs(2));
  EXPECT_EQ(seen["withdrawn"]["by"], "L Ward");

  // It was his after all: given back, it is as it was, on every device that holds his file.
  record(with_why({"restore", wrong}));
  SyncAll({&khan, &osei, &fresh, &home});
  const std::map<std::string, json> khans = khan.Dump();
  for (const Device* device : {&khan, &osei, &fresh, &home}) {
    EXPECT_EQ(device->Record(wrong)["note"], note) << device->user();
    EXPECT_EQ(device->Dump().at(wrong), khans.at(wrong));
  }
  EXPECT_EQ(ExpectSameWhereShared(khan.Digests(), osei.Digests()), 3);
  EXPECT_THAT(record({"list"})["withdrawals"], IsEmpty());
  EXPECT_THAT(record({"list", "--all"})["withdrawals"], SizeIs(1));
}

}  // namespace
}  // namespace doorstep::testing
