// Input that is wrong, hostile or damaged: each gets a clear error, and nothing is lost.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/opened_replica.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class BadInput : public ::testing::Test {
 protected:
  BadInput() {
    server_.AddSite("north-team");
    device_.Init("127.0.0.1:1");
    peter_ = device_.Add("Person", {{"name", "Peter"}}, {"--file", "new"});
    risk_ = device_.Add("RiskAssessment", {{"value_to_person", 5}}, {"--file", peter_});
  }

  // What must not change.
  json Holdings() const {
    const json status = device_.Json({"status"});
    return {device_.Out({"export"}), status["records"], status["waiting"]};
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device device_{dir_.File("tablet"), "north-team", "A Khan"};
  std::string peter_, risk_;
};

struct Hostile {
  std::string kind;
  std::string json;
  int exit;
  std::string says;  // part of the message
};

TEST_F(BadInput, RecordsThatAreNone) {
  const std::string deep(100'000, '[');
  const std::vector<Hostile> inputs = {
      {"Person", "{\"name\":\"\xc3\x28\"}", 2, "UTF-8"},
      {"Person", R"({"name":"a\u0000b"})", 2, "name"},
      {"Person", R"({"name":"\ud800"})", 2, ""},
      {"NoSuchKind", "{}", 3, "NoSuchKind"},
      {"", "{}", 3, ""},
      {"Person", R"({"naem":"Peter"})", 2, "naem"},
      {"Person", R"({"name":{"first":"Peter"}})", 2, "name"},
      {"Person", R"({"name":["Peter"]})", 2, "name"},
      {"CaseStudy", R"({"barriers":{"STAFFING":1}})", 2, "barriers"},
      {"CaseStudy", R"({"barriers":["NO_SUCH_BARRIER"]})", 2, "barriers"},
      {"CaseStudy", R"({"subjects":["not an id"]})", 2, "subjects"},
      {"CaseStudy", R"({"weekly_cost_before":1.5})", 2, "weekly_cost_before"},
      {"CaseStudy", R"({"weekly_cost_before":-1})", 2, "weekly_cost_before"},
      {"CaseStudy", R"({"weekly_cost_before":99999999999999999999999})", 2, "weekly_cost_before"},
      {"RiskAssessment", R"({"value_to_person":"high"})", 2, "value_to_person"},
      {"RiskAssessment", R"({"value_to_person":9})", 2, "value_to_person"},
      {"RiskAssessment", R"({"residual_rating":{"likelihood":9,"severity":1}})", 2, "likelihood"},
      {"RiskAssessment", R"({"residual_rating":7})", 2, "residual_rating"},
      {"RiskAssessment", R"({"review_due":"2027-02-30"})", 2, "review_due"},
      {"RiskAssessment", R"({"review_due":"soon"})", 2, "review_due"},
      {"Person", R"({"name":"Peter","name":"Paul"})", 2, "name"},
      {"RiskAssessment", R"({"residual_rating":{"likelihood":1,"severity":1,"likelihood":5}})", 2,
       "likelihood"},
      {"Person", "", 2, ""},
      {"Person", "[]", 2, ""},
      {"Person", "null", 2, ""},
      {"Person", R"({"name":"Peter"} trailing)", 2, ""},
      {"Person", R"({"name":"Peter")", 2, ""},
      {"Person", deep, 2, ""},
      {"Person", "{\"name\":" + deep, 2, ""},
      {"Person", "\x1f\x8b\x08 not JSON \xff\xfe", 2, ""},
      {"Person", absl::StrCat(R"({"about_me":")", std::string(2 << 20, 'x'), "\"}"), 2, "about_me"},
  };
  const json before = Holdings();
  for (const Hostile& input : inputs) {
    SCOPED_TRACE(absl::StrCat(input.kind, " ", input.json.substr(0, 100)));
    const RunResult result = device_.Run({"add", input.kind, "-"}, input.json);
    EXPECT_EQ(result.exit, input.exit) << result;
    EXPECT_THAT(result.err, HasSubstr(input.says));
    EXPECT_THAT(result.err, Not(IsEmpty()));
    EXPECT_LT(result.err.size(), 2'000u);
    EXPECT_THAT(result.out, IsEmpty());
  }
  EXPECT_EQ(Holdings(), before);
}

TEST_F(BadInput, EditsThatAreNone) {
  const json before = Holdings();
  const std::vector<std::vector<std::string>> edits = {
      {"edit", risk_, "value_to_person=9"},
      {"edit", risk_, "no_such_field=1"},
      {"edit", risk_, "triggers"},
      {"edit", risk_, "=x"},
      {"edit", risk_, "triggers-=never added"},
      {"edit", risk_, "value_to_person+=1"},
      {"edit", risk_, "--data", "[1]"},
      {"edit", risk_, "--data", "{\"hazard\":\"\xff\"}"},
      {"edit", risk_, "--data", R"({"hazard":"a","hazard":"b"})"},
      {"edit", risk_, "--data", "{}", "hazard=x"},
      {"edit", risk_, "hazard=\xc3\x28"},
      {"edit", "not-an-id", "hazard=x"},
      {"settle", "zz", "--keep", "1", "--reason", "x"},
      {"settle", "00", "--keep", "0", "--reason", "x"},
  };
  for (const auto& edit : edits) {
    const RunResult result = device_.Run(edit);
    EXPECT_THAT(result.exit, AnyOf(2, 3)) << edit.back() << "\n" << result;
    EXPECT_THAT(result.err, Not(IsEmpty())) << edit.back();
  }
  EXPECT_EQ(Holdings(), before);
}

TEST_F(BadInput, HugeInput) {
  const json before = Holdings();
  const std::string huge(70u << 20, ' ');
  const RunResult added = device_.Run({"add", "Person", "-"}, huge);
  EXPECT_THAT(added.exit, AnyOf(1, 2)) << added;
  EXPECT_THAT(added.err, HasSubstr("64 MiB"));
  WriteAll(dir_.File("huge.jsonl"),
           R"({"kind":"Person","record":{"name":")" + std::string(70u << 20, 'x') + "\"}}\n");
  const RunResult imported = device_.Run({"import", dir_.File("huge.jsonl")});
  EXPECT_THAT(imported.exit, AnyOf(1, 2)) << imported;
  EXPECT_THAT(imported.err, HasSubstr("huge.jsonl:1"));
  EXPECT_LT(imported.err.size(), 2'000u);
  EXPECT_EQ(Holdings(), before);
}

TEST_F(BadInput, ImportLines) {
  const std::string good = R"({"kind":"Person","record":{"name":"Good"}})";
  const std::vector<std::string> bad = {
      "not JSON",
      "[]",
      "{}",
      R"({"kind":"Person"})",
      R"({"kind":5,"record":{}})",
      R"({"kind":"NoSuchKind","record":{}})",
      R"({"kind":"Person","record":"x"})",
      R"({"kind":"Person","record":{"naem":"x"}})",
      R"({"kind":"Person","record":{"name":"a","name":"b"}})",
      R"({"kind":"Person","kind":"CaseStudy","record":{}})",
      R"({"kind":"Person","id":"short","record":{}})",
      R"({"kind":"Person","id":7,"record":{}})",
      R"({"kind":"Person","file":"nowhere","record":{}})",
      R"({"kind":"Person","tier":"SECRET","record":{}})",
      R"({"kind":"Person","record":{"name":")" + std::string("\xff\xfe") + R"("}})",
      std::string("\0\0\0\0", 4),
  };
  const json before = Holdings();
  for (const std::string& line : bad) {
    WriteAll(dir_.File("lines.jsonl"), absl::StrCat(good, "\n\n", line, "\n", good, "\n"));
    const RunResult result = device_.Run({"import", dir_.File("lines.jsonl")});
    EXPECT_THAT(result.exit, AnyOf(2, 3)) << line << "\n" << result;
    EXPECT_THAT(result.err, HasSubstr("lines.jsonl:3")) << line;
  }
  EXPECT_EQ(device_.Run({"import", dir_.File("no such file")}).exit, 3);
  EXPECT_EQ(Holdings(), before);  // the good first line did not go in without the rest

  WriteAll(dir_.File("lines.jsonl"), absl::StrCat(good, "\r\n\n", good));
  EXPECT_EQ(device_.Json({"import", dir_.File("lines.jsonl")})["imported"], 2);
}

TEST_F(BadInput, ExportImportsAgain) {
  const std::string exported = device_.Out({"export"});
  WriteAll(dir_.File("all.jsonl"), exported);
  // Here all of it is there; elsewhere it is not.
  const json before = Holdings();
  const json again = device_.Json({"import", dir_.File("all.jsonl")});
  EXPECT_EQ(again["imported"], 0);
  EXPECT_EQ(again["here_already"], 2);
  EXPECT_EQ(Holdings(), before);
  WriteAll(dir_.File("other.jsonl"), absl::StrReplaceAll(exported, {{"Peter", "Petra"}}));
  const RunResult other_name = device_.Run({"import", dir_.File("other.jsonl")});
  EXPECT_EQ(other_name.exit, 2) << other_name;
  EXPECT_THAT(other_name.err, HasSubstr("Person.name: got \"Petra\", wanted \"Peter\""));
  EXPECT_EQ(Holdings(), before);
  const Device other(dir_.File("other"), "north-team", "J Price");
  other.Init("");
  const RunResult dry = other.Run({"import", dir_.File("all.jsonl"), "--dry-run"});
  EXPECT_THAT(dry.out, HasSubstr("2 records would be saved; nothing was changed"));
  EXPECT_EQ(other.Out({"export"}), "");
  other.Out({"import", dir_.File("all.jsonl")});
  EXPECT_EQ(other.Out({"export"}), exported);
}

TEST_F(BadInput, SpreadsheetsImportAgain) {
  const std::string people = dir_.File("people.csv");
  EXPECT_EQ(device_.Json({"export", "--csv", "--kind", "Person", "--to", people})["exported"], 1);
  const Device other(dir_.File("other"), "north-team", "J Price");
  other.Init("");
  EXPECT_EQ(other.Json({"import", people})["imported"], 1);
  EXPECT_EQ(other.Out({"export"}), device_.Out({"export", "--kind", "Person"}));
  EXPECT_EQ(device_.Run({"export", "--csv"}).exit, 2);
  EXPECT_EQ(device_.Run({"export", "--to", dir_.File("no such directory/x")}).exit, 8);
  // From standard input, with an error that names file, line, field, what was got and wanted.
  const RunResult wrong =
      other.Run({"import", "-", "--csv", "--kind", "Person"}, "name,date_of_birth\nX,1.2.1930\n");
  EXPECT_EQ(wrong.exit, 2) << wrong;
  EXPECT_THAT(wrong.err, HasSubstr("-:2: Person.date_of_birth: got \"1.2.1930\", wanted YYYY"));
  EXPECT_THAT(wrong.err, HasSubstr("nothing was imported"));
}

TEST_F(BadInput, QueriesThatWrite) {
  const json before = Holdings();
  const std::vector<std::string> statements = {
      "DELETE FROM k_person",
      "UPDATE person SET name = 'x'",
      "INSERT INTO k_person(id) VALUES (x'00')",
      "DROP TABLE k_person",
      "CREATE TABLE mine(a)",
      "PRAGMA user_version = 7",
      "PRAGMA writable_schema = 1",
      "PRAGMA synchronous = OFF",
      "ATTACH '" + dir_.File("attached.db") + "' AS a",
      "VACUUM",
      "VACUUM INTO '" + dir_.File("stolen.db") + "'",
      "BEGIN IMMEDIATE",
      "SELECT 1; DELETE FROM k_person",
      "REINDEX",
      "SELECT load_extension('x')",
      "SELECT writefile('" + dir_.File("w") + "', 'x')",
      "SELECT",
      "",
      "SELECT no_such_column FROM person",
  };
  for (const std::string& sql : statements) {
    const RunResult result = device_.Run({"sql", sql});
    EXPECT_NE(result.exit, 0) << sql << "\n" << result;
    EXPECT_LT(result.exit, 126) << sql << "\n" << result;
    EXPECT_THAT(result.err, Not(IsEmpty())) << sql;
  }
  EXPECT_FALSE(std::filesystem::exists(dir_.File("attached.db")));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("stolen.db")));
  EXPECT_EQ(Holdings(), before);
}

TEST_F(BadInput, WhereIsAnExpressionAndNothingElse) {
  const json before = Holdings();
  const std::vector<std::string> expressions = {
      "1; DELETE FROM k_person",
      "1) UNION SELECT * FROM _state --",
      "1) --",
      "1 /*",
      "name = 'x' ORDER BY (SELECT 1) LIMIT 0",
      "(DELETE FROM k_person)",
      "no_such_column = 1",
      "(SELECT load_extension('x')) IS NULL",
      "length(zeroblob(2000000000)) > 0 AND length(hex(zeroblob(1000000000))) > 0",
      "'",
      "\xff",
      std::string(50'000, '('),
  };
  for (const std::string& where : expressions) {
    const RunResult result = device_.Run({"list", "Person", "--where", where});
    EXPECT_NE(result.exit, 0) << where << "\n" << result;
    EXPECT_LT(result.exit, 126) << where << "\n" << result;
    EXPECT_THAT(result.out, Not(HasSubstr("A Khan"))) << where;
  }
  EXPECT_THAT(device_.Out({"list", "Person", "--where", "name = 'Peter' -- a comment"}),
              HasSubstr(peter_));
  EXPECT_EQ(Holdings(), before);
}

// --- Servers ---

TEST_F(BadInput, AServerThatDoesNotKnowTheTenantOrTheSite) {
  const Device stranger(dir_.File("stranger"), "no-such-site", "S Tranger");
  const Device foreigner(dir_.File("foreigner"), "north-team", "F Oreigner");
  stranger.Init("");
  foreigner.Init("", "another-council");
  server_.Start();
  for (const auto& [device, name] :
       {std::pair{&stranger, "no-such-site"}, std::pair{&foreigner, "another-council"}}) {
    device->Add("Person", {{"name", "Kept"}});
    const RunResult result = device->Run({"sync", "--server", server_.address()});
    EXPECT_EQ(result.exit, 3) << result;
    EXPECT_THAT(result.err, HasSubstr(name));
    EXPECT_EQ(device->Number("waiting"), 1);
  }
  // Made good by the operator, the same records arrive.
  server_.AddSite("no-such-site");
  EXPECT_EQ(stranger.Sync(server_.address())["waiting"], 0);
  server_.Stop();
}

// The same name on another server is another organisation's database: a replica never mixes two.
// What it holds and has not handed over stays for the right server.
TEST_F(BadInput, AReplicaOfAnotherServersTenant) {
  server_.Start();
  device_.Sync(server_.address());
  server_.Stop();
  ServerProcess other(dir_.File("other-server"));
  other.AddSite("north-team");
  other.Start();
  device_.Add("Person", {{"name", "Kept"}});
  const json before = Holdings();
  const RunResult result = device_.Run({"sync", "--server", other.address()});
  EXPECT_THAT(result.exit, AnyOf(1, 8)) << result;
  EXPECT_THAT(result.err, HasSubstr("another server")) << result;
  EXPECT_EQ(Holdings(), before);
  other.Stop();
  server_.Start();
  EXPECT_EQ(device_.Sync(server_.address())["waiting"], 0);
  server_.Stop();
}

TEST_F(BadInput, SomethingElseListensThere) {
  Process other({"node", "-e",
                 "const s=require('http').createServer((q,r)=>r.end('no')).listen(0,'127.0.0.1',"
                 "()=>require('fs').writeFileSync(process.argv[1],String(s.address().port)))",
                 dir_.File("http")},
                std::nullopt);
  ASSERT_TRUE(WaitForFile(dir_.File("http"), other));
  const json before = Holdings();
  const RunResult result =
      device_.Run({"sync", "--server", "127.0.0.1:" + ReadAll(dir_.File("http"))});
  EXPECT_EQ(result.exit, 5) << result;
  EXPECT_EQ(device_.Run({"sync", "--server", "203.0.113.7:7400"}).exit, 1);
  EXPECT_NE(device_.Run({"sync", "--server", "no port"}).exit, 0);
  EXPECT_EQ(Holdings(), before);
}

// --- Ids and copies ---

TEST_F(BadInput, ARecordIdThatBelongsToAnotherFile) {
  const Device other(dir_.File("other"), "north-team", "J Price");
  other.Init("");
  const std::string gwen = other.Add("Person", {{"name", "Gwen"}}, {"--file", "new"});
  WriteAll(dir_.File("same.jsonl"), json{{"kind", "RiskAssessment"},
                                         {"id", risk_},
                                         {"file", gwen},
                                         {"record", {{"hazard", "Written on the wrong file"}}}}
                                        .dump());
  other.Out({"import", dir_.File("same.jsonl")});
  server_.Start();
  device_.Sync(server_.address());
  other.Sync(server_.address());
  device_.Sync(server_.address());
  server_.Stop();
  // The first keeps the record; the second is told, and what was written stays to be read.
  const json changes = other.Json({"outbox"})["changes"];
  ASSERT_EQ(changes.size(), 1u) << changes.dump(1);
  EXPECT_EQ(changes[0]["state"], "REJECTED");
  EXPECT_EQ(changes[0]["record"], risk_);
  EXPECT_THAT(changes[0].value("reason", ""), HasSubstr("in use"));
  EXPECT_THAT(changes[0].value("what_to_do", ""), Not(IsEmpty()));
  EXPECT_EQ(other.Number("needs_you"), 1);
  EXPECT_THAT(other.Out({"history", risk_, "--offline"}), HasSubstr("Written on the wrong file"));
  EXPECT_EQ(device_.Dump()[risk_]["meta"]["file"], peter_);
  EXPECT_EQ(device_.Dump(), other.Dump());
  EXPECT_EQ(device_.Digests(), other.Digests());
}

// A backup copied to a second tablet, or a virtual machine started twice: two lives, one identity.
TEST_F(BadInput, AClonedReplicaForksAndNothingIsLost) {
  server_.Start();
  device_.Sync(server_.address());
  const std::string pending = device_.Add("Person", {{"name", "Before the copy"}});
  const std::string clone_dir = dir_.File("clone");
  std::filesystem::copy(device_.directory(), clone_dir, std::filesystem::copy_options::recursive);
  const Device clone(clone_dir, "north-team", "J Price");
  const std::string one = device_.Add("Person", {{"name", "On the tablet"}});
  const std::string two = clone.Add("Person", {{"name", "On the copy"}});
  // An edit on top of an own pending record must follow it to its new id.
  clone.Edit(two, {{"preferred_name", "Copy"}});
  // And one on the other's: both use the same ids for it, and neither may bury the other.
  device_.Edit(risk_, {{"hazard", "Seen from the tablet"}});
  clone.Edit(risk_, {{"hazard", "Seen from the copy"}});
  clone.Edit(risk_, {{"hazard", "Seen from the copy, twice"}});
  device_.Sync(server_.address());
  clone.Sync(server_.address());
  device_.Sync(server_.address());
  const Device third(dir_.File("third"), "north-team", "M Osei");
  third.Init("");
  third.Sync(server_.address());
  server_.Stop();
  const auto dump = third.Dump();
  EXPECT_EQ(dump.size(), 5u);  // Peter, his risk, and three
  for (const Device* device : {&device_, &clone}) {
    SCOPED_TRACE(device->directory());
    EXPECT_EQ(device->Dump(), dump);
    EXPECT_EQ(device->Digests(), third.Digests());
    EXPECT_THAT(device->Json({"outbox"})["changes"], IsEmpty());
    const json outbox = device->Json({"outbox", "--all"});
    for (const json& change : outbox["changes"]) {
      EXPECT_THAT(change.value("state", ""), AnyOf("APPLIED", "CONFLICT")) << change;
    }
    std::vector<std::string> versions;
    for (const json& conflict : device->Conflicts()) {
      for (const json& version : conflict["versions"]) versions.push_back(version["value"]);
    }
    EXPECT_THAT(versions,
                UnorderedElementsAre("Seen from the tablet", "Seen from the copy, twice"));
    EXPECT_EQ(device->Record(pending)["name"], "Before the copy");
    EXPECT_EQ(device->Record(one)["name"], "On the tablet");
    EXPECT_EQ(device->Record(two)["preferred_name"], "Copy");
  }
  // Both go on.
  device_.Add("Person", {{"name", "Later"}});
  clone.Add("Person", {{"name", "Later too"}});
  server_.Start();
  for (const Device* device : {&device_, &clone, &device_}) device->Sync(server_.address());
  server_.Stop();
  EXPECT_EQ(device_.Dump().size(), 7u);
  EXPECT_EQ(device_.Dump(), clone.Dump());
}

// --- Files ---

// As nobody, when the test runs as root, whom permissions do not stop.
RunResult RunUnprivileged(const std::string& replica, std::vector<std::string> args,
                          absl::string_view in = "") {
  std::vector<std::string> command = DoorstepCommand(replica, std::move(args));
  if (geteuid() == 0) {
    command.insert(command.begin(),
                   {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
  }
  return Run(command, in);
}

TEST_F(BadInput, AReadOnlyDirectory) {
  const json before = Holdings();
  ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(device_.directory().c_str(), 0555), 0);
  for (const auto& entry : std::filesystem::directory_iterator(device_.directory())) {
    ASSERT_EQ(chmod(entry.path().c_str(), 0444), 0);
  }
  const RunResult added =
      RunUnprivileged(device_.directory(), {"add", "Person", "-"}, R"({"name":"x"})");
  EXPECT_EQ(added.exit, 8) << added;
  EXPECT_THAT(added.err, HasSubstr(device_.directory()));
  EXPECT_EQ(RunUnprivileged(device_.directory(), {"sync"}).exit, 8);
  const RunResult made =
      RunUnprivileged(dir_.File("new"), {"init", "--site", "s", "--device", "d", "--user", "u"});
  EXPECT_EQ(made.exit, 8) << made;
  ASSERT_EQ(chmod(device_.directory().c_str(), 0755), 0);
  for (const auto& entry : std::filesystem::directory_iterator(device_.directory())) {
    ASSERT_EQ(chmod(entry.path().c_str(), 0644), 0);
  }
  EXPECT_EQ(Holdings(), before);
}

class Damaged : public BadInput {
 protected:
  Damaged() : file_(device_.directory() + "/replica.db") {
    for (int i = 0; i < 200; ++i) {
      absl::StrAppend(&people_, R"({"kind":"Person","record":{"name":"Person )", i,
                      R"(","about_me":")", std::string(500, 'm'), "\"}}\n");
    }
    WriteAll(dir_.File("people.jsonl"), people_);
    device_.Out({"import", dir_.File("people.jsonl")});
    server_.Start();
    device_.Sync(server_.address());
    device_.Add("Person", {{"name", "Never sent"}});
  }

  // The command says what happened, where the file is and what to do; the bytes are kept; and
  // doing it brings back what the server has.
  void ExpectSetAside(const std::string& content) {
    WriteAll(file_, content);
    const RunResult result = device_.Run({"list", "Person"});
    EXPECT_EQ(result.exit, 7) << result.exit << result.err;
    EXPECT_THAT(result.err, HasSubstr("damaged"));
    EXPECT_THAT(result.err, HasSubstr("doorstep init"));
    std::string kept;
    for (const auto& entry : std::filesystem::directory_iterator(device_.directory())) {
      if (absl::StrContains(entry.path().string(), "damaged") &&
          ReadAll(entry.path().string()) == content) {
        kept = entry.path().string();
      }
    }
    EXPECT_THAT(kept, Not(IsEmpty())) << result.err;
    EXPECT_THAT(result.err, HasSubstr(kept));
    EXPECT_FALSE(std::filesystem::exists(file_));
    EXPECT_EQ(device_.Run({"list", "Person"}).exit, 3);

    device_.Init("");
    device_.Sync(server_.address());
    EXPECT_EQ(device_.Number("records"), 202);
    EXPECT_EQ(ReadAll(kept), content);
    server_.Stop();
  }

  const std::string file_;
  std::string people_;
};

TEST_F(Damaged, TheHeader) {
  std::string content = ReadAll(file_);
  content.replace(0, 64, std::string(64, '\x5a'));
  ExpectSetAside(content);
}

TEST_F(Damaged, EverythingButTheFirstPages) {
  std::string content = ReadAll(file_);
  for (size_t i = 3 * 4096; i < content.size(); ++i) {
    content[i] = static_cast<char>((i * 2'654'435'761u) >> 13);
  }
  ExpectSetAside(content);
}

// Found when a record is read, not when the replica is opened.
TEST_F(Damaged, OnlyTheRecords) {
  std::string content = ReadAll(file_);
  const std::string plain = DecryptedPages(device_.directory());
  ASSERT_EQ(plain.size(), content.size());
  const std::string filler(40, 'm');
  int pages = 0;
  for (size_t page = 4096; page + 4096 <= content.size(); page += 4096) {
    if (!absl::StrContains(absl::string_view(plain).substr(page, 4096), filler)) continue;
    content.replace(page, 64, std::string(64, '\xa5'));
    ++pages;
  }
  ASSERT_GT(pages, 10);
  ExpectSetAside(content);
}

TEST_F(Damaged, CutShort) { ExpectSetAside(ReadAll(file_).substr(0, 3 * 4096 + 100)); }
TEST_F(Damaged, NotADatabase) { ExpectSetAside("This is not a replica.\n"); }

}  // namespace
}  // namespace doorstep::testing
