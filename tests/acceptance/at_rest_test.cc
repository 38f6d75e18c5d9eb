// What lies on a device's disk, and on the server's: nothing that anybody wrote, at any time of
// their lives; and keys that change while programs are killed.
#include <signal.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/io_moment.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int kKilled = 128 + SIGKILL;

// Words that stand nowhere but in records. Everybody who writes uses one of these.
const std::vector<std::string>& Canaries() {
  static const auto& words = *new std::vector<std::string>{"qzxaardvark", "qzxbanjo", "qzxcello",
                                                           "qzxdulcimer", "qzxeuphonium"};
  return words;
}

// "path: word" for each file below that shows one.
std::vector<std::string> Shown(const std::string& directory) {
  std::vector<std::string> shown;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string content = ReadAll(entry.path().string());
    for (const std::string& word : Canaries()) {
      if (absl::StrContains(content, word)) {
        shown.push_back(absl::StrCat(entry.path().string(), ": ", word));
      }
    }
  }
  return shown;
}

class AtRest : public ::testing::Test {
 protected:
  void ExpectNothingShown() {
    for (const char* place : {"server", "tablet", "other"}) {
      if (!fs::exists(dir_.File(place))) continue;
      EXPECT_THAT(Shown(dir_.File(place)), IsEmpty());
    }
    EXPECT_THAT(server_.Log(), Not(HasSubstr("qzx")));
  }
  std::string PinFile(const std::string& pin) {
    const std::string file = dir_.File("pin " + pin);
    WriteAll(file, pin + "\n");
    return file;
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device tablet_{dir_.File("tablet"), "north-team", "A Khan"};
  const Device other_{dir_.File("other"), "north-team", "M Osei"};
};

TEST_F(AtRest, NothingThatAnybodyWroteShowsInAnyFile) {
  server_.AddSite("north-team");
  server_.Start();
  tablet_.Init(server_.address());
  other_.Init(server_.address());
  const std::string person =
      tablet_.Add("Person", {{"name", "qzxaardvark"}, {"about_me", "qzxbanjo now"}});
  const std::string risk = tablet_.Add(
      "RiskAssessment",
      {{"hazard", "qzxcello"}, {"residual_rating", {{"likelihood", 2}, {"severity", 3}}}});
  ExpectNothingShown();
  tablet_.Sync(server_.address());
  other_.Sync(server_.address());
  // A conflict, found by its words, and a record that is never sent.
  other_.Edit(risk, {{"residual_rating", {{"likelihood", 4}, {"severity", 3}}}});
  tablet_.Edit(risk, {{"residual_rating", {{"likelihood", 1}, {"severity", 3}}}});
  tablet_.Sync(server_.address());
  other_.Sync(server_.address());
  tablet_.Sync(server_.address());
  EXPECT_THAT(tablet_.Conflicts(), SizeIs(1));
  EXPECT_THAT(tablet_.Out({"search", "qzxbanjo"}), HasSubstr(person));
  ExpectNothingShown();
  // While programs have everything open, and after they were killed.
  {
    Process watch(DoorstepCommand(other_.directory(), {"sync", "--watch"}));
    tablet_.Edit(person, {{"about_me", "qzxdulcimer"}});
    tablet_.Sync(server_.address());
    std::string people;
    for (int i = 0; i < 300; ++i) {
      absl::StrAppend(&people, R"({"kind":"Person","record":{"name":"qzxeuphonium )", i, "\"}}\n");
    }
    WriteAll(dir_.File("people.jsonl"), people);
    IoMoment moment(dir_.File("io"));
    moment.DieAt(40);
    const RunResult killed = testing::Run(WithEnvironment(
        moment.Environment(),
        DoorstepCommand(tablet_.directory(), {"import", dir_.File("people.jsonl")})));
    EXPECT_EQ(killed.exit, kKilled) << killed;
    ExpectNothingShown();
    server_.Kill();
    ExpectNothingShown();
    watch.Signal(SIGKILL);
    watch.Wait();
  }
  ExpectNothingShown();
  tablet_.Out({"import", dir_.File("people.jsonl")});
  EXPECT_EQ(tablet_.Number("records"), 302);
  ExpectNothingShown();
}

// What was attached: neither its bytes nor which ones they are; and with other keys it is there.
TEST_F(AtRest, AttachmentsShowNothingAndOutliveOtherKeys) {
  server_.AddSite("north-team");
  server_.Start();
  tablet_.Init(server_.address());
  other_.Init(server_.address());
  const std::string person = tablet_.Add("Person", {{"name", "qzxaardvark"}}, {"--file", "new"});
  std::string photo;
  for (int i = 0; i < 10'000; ++i) absl::StrAppend(&photo, "qzxbanjo ", i, "\n");
  WriteAll(dir_.File("photo"), photo);
  const std::string id = tablet_.Out(
      {"attach", dir_.File("photo"), "--record", R"({"caption":"qzxcello"})", "--file", person});
  tablet_.Sync(server_.address());
  other_.Sync(server_.address());
  const std::string hash =
      absl::HexStringToBytes(tablet_.Json({"attachments"})["attachments"][0].value("sha256", ""));
  ASSERT_EQ(hash.size(), 32u);
  const auto names = [&](const std::string& directory) {
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file() && absl::StrContains(ReadAll(entry.path().string()), hash)) {
        return entry.path().string();
      }
    }
    return std::string();
  };
  const auto expect_nothing = [&] {
    ExpectNothingShown();
    for (const char* place : {"server", "tablet", "other"}) {
      EXPECT_EQ(names(dir_.File(place)), "");
    }
  };
  expect_nothing();
  server_.Stop();
  const std::string old_key = std::getenv("DOORSTEP_KEY_FILE");
  const std::string new_key = dir_.File("new.key");
  WriteAll(new_key, std::string(64, 'a'));
  fs::permissions(new_key, fs::perms::owner_read);
  EXPECT_EQ(server_.Operator({"rekey", "--new-key-file", new_key}).exit, 0);
  const std::vector<std::string> back = {"--key-file", new_key, "rekey", "--new-key-file", old_key};
  EXPECT_EQ(server_.Operator(back).exit, 0);
  tablet_.Out({"rekey"});
  expect_nothing();
  server_.StartAgain();
  const Device third(dir_.File("third"), "north-team", "J Ward");
  third.Init(server_.address());
  third.Sync(server_.address());
  for (const Device* device : {&tablet_, &third}) {
    device->Out({"attachment", "get", id, "--out", dir_.File("got")});
    EXPECT_EQ(ReadAll(dir_.File("got")), photo);
  }
}

// The test above sees what there is to see.
TEST_F(AtRest, TheCanariesAreSeenInAFileThatShowsThem) {
  fs::create_directories(dir_.File("tablet"));
  WriteAll(dir_.File("tablet/leak"), "…qzxcello…");
  EXPECT_THAT(Shown(dir_.File("tablet")), SizeIs(1));
}

TEST_F(AtRest, ProgramsLeaveNoCoreDumps) {
  server_.AddSite("north-team");
  server_.Start();
  EXPECT_THAT(server_.Limits(), HasSubstr("Max core file size        0                    0"));
}

TEST_F(AtRest, PeopleOpenItWithTheirPinsAndNobodyElse) {
  tablet_.Init("");
  EXPECT_EQ(tablet_.Json({"status"})["opens_with"], "DEVICE");
  EXPECT_THAT(tablet_.Out({"status"}), HasSubstr("this device alone"));
  const std::string khan = PinFile("123456"), osei = PinFile("654321"), wrong = PinFile("000000");
  tablet_.Out({"people", "add", "A Khan", "--new-pin-file", khan});
  EXPECT_EQ(tablet_.Run({"status"}).exit, 8) << "no terminal to ask at";
  EXPECT_EQ(tablet_.Run({"--pin-file", wrong, "status"}).exit, 8);
  tablet_.Out({"--pin-file", khan, "people", "add", "M Osei", "--new-pin-file", osei});
  EXPECT_EQ(tablet_.Json({"--user", "M Osei", "--pin-file", osei, "status"})["people"],
            json({"A Khan", "M Osei"}));
  const std::string id =
      tablet_.Out({"--user", "M Osei", "--pin-file", "-", "add", "Person", "-", "--file", "new"},
                  "654321\n{\"name\":\"Peter\"}");
  EXPECT_EQ(
      tablet_.Json({"--user", "A Khan", "--pin-file", khan, "outbox"})["changes"][0]["author"],
      "M Osei");
  const RunResult locked = tablet_.Run({"--user", "M Osei", "--pin-file", khan, "list", "Person"});
  EXPECT_EQ(locked.exit, 8);
  EXPECT_THAT(locked.err, HasSubstr("9 tries left"));
  EXPECT_TRUE(fs::exists(tablet_.directory() + "/replica.db"));
  tablet_.Out({"--user", "A Khan", "--pin-file", khan, "rekey"});
  EXPECT_EQ(tablet_.Json({"--user", "M Osei", "--pin-file", osei, "get", id})["record"]["name"],
            "Peter");
  tablet_.Out({"--user", "A Khan", "--pin-file", khan, "people", "remove", "M Osei"});
  EXPECT_EQ(tablet_.Run({"--user", "M Osei", "--pin-file", osei, "get", id}).exit, 8);
  EXPECT_EQ(tablet_.Json({"people", "list"})["people"].size(), 1u);
}

// The secret that the device keeps is not in the directory: a stolen copy of it opens nothing.
TEST_F(AtRest, ACopyOnAnotherMachineOpensNothing) {
  tablet_.Init("");
  const RunResult elsewhere = testing::Run(WithEnvironment(
      {"DOORSTEP_KEYS=" + dir_.File("no keys")}, DoorstepCommand(tablet_.directory(), {"status"})));
  EXPECT_EQ(elsewhere.exit, 8) << elsewhere;
  EXPECT_THAT(elsewhere.err, HasSubstr("secret of this device"));
  tablet_.Out({"status"});
}

// kill -9 at every write of a rekey: afterwards it opens, and holds the same.
TEST_F(AtRest, ARekeyThatIsKilledLeavesAReplicaThatOpens) {
  tablet_.Init("");
  const std::string id = tablet_.Add("Person", {{"name", "Peter"}}, {"--file", "new"});
  IoMoment moment(dir_.File("io"));
  const auto rekey = [&] {
    return testing::Run(
        WithEnvironment(moment.Environment(), DoorstepCommand(tablet_.directory(), {"rekey"})));
  };
  const int64_t before = moment.Done();
  ASSERT_EQ(rekey().exit, 0);
  const int64_t all = moment.Done() - before;
  ASSERT_GT(all, 100);
  int killed = 0;
  // All of what begins and ends it, and some of the many pages in between.
  const int64_t step = all / 60 + 1;
  for (int64_t at = 1; at <= all; at += at < 12 || all - at < 24 ? 1 : step) {
    moment.DieAt(at);
    const RunResult result = rekey();
    killed += result.exit == kKilled ? 1 : 0;
    moment.DieAt(0);
    EXPECT_EQ(tablet_.Json({"get", id})["record"]["name"], "Peter") << at << " of " << all;
  }
  EXPECT_GT(killed, 40);
  for (const auto& entry : fs::directory_iterator(tablet_.directory())) {
    EXPECT_FALSE(absl::StrContains(entry.path().string(), "damaged")) << entry.path();
  }
}

TEST_F(AtRest, TheServersDatabasesOpenWithTheirKeyOnly) {
  server_.AddSite("north-team");
  const std::vector<std::string> none = {"env", "-u", "DOORSTEP_KEY_FILE"};
  const auto operate = [&](std::vector<std::string> before, std::vector<std::string> args) {
    before.push_back(ProgramPath("doorstep-server"));
    before.insert(before.end(), args.begin(), args.end());
    before.insert(before.end(), {"--data", server_.data_dir()});
    return testing::Run(before);
  };
  RunResult result = operate(none, {"site", "list"});
  EXPECT_EQ(result.exit, 1) << result;
  EXPECT_THAT(result.err, HasSubstr("--key-file"));
  const std::string key = dir_.File("new.key");
  WriteAll(key, std::string(64, 'a') + "\n");
  fs::permissions(key, fs::perms::owner_all | fs::perms::group_read);
  result = operate({}, {"rekey", "--new-key-file", key});
  EXPECT_EQ(result.exit, 1) << result;
  EXPECT_THAT(result.err, HasSubstr("0600"));
  fs::permissions(key, fs::perms::owner_read);
  server_.Start();
  EXPECT_THAT(operate({}, {"rekey", "--new-key-file", key}).err, HasSubstr("a server runs"));
  server_.Stop();
  EXPECT_EQ(operate({}, {"rekey", "--new-key-file", key}).exit, 0);
  EXPECT_THAT(operate({}, {"rekey", "--new-key-file", key}).out, HasSubstr("already"));
  EXPECT_EQ(operate({}, {"site", "list"}).exit, 1) << "that is the old key";
  EXPECT_EQ(operate(none, {"--key-file", key, "site", "list"}).exit, 0);
  EXPECT_THAT(operate(none, {"--key-file", key, "audit", "list"}).out, HasSubstr("rekey"));
  EXPECT_EQ(operate(none, {"--key-command", "cat '" + key + "'", "measure"}).exit, 0);
  result = operate(none, {"--key-command", "false", "site", "list"});
  EXPECT_EQ(result.exit, 2) << result;
  // A pipe says it once; a command's words are nobody's business.
  result = testing::Run({"bash", "-c",
                         "exec env -u DOORSTEP_KEY_FILE \"$1\" --data \"$2\" --key-file <(cat "
                         "\"$3\") site add --id south --name South",
                         "bash", ProgramPath("doorstep-server"), server_.data_dir(), key});
  EXPECT_EQ(result.exit, 0) << result;
  EXPECT_EQ(operate(none, {"--key-file", key, "rekey", "--new-key-command",
                           "cat '" + key + "' # qzxaardvark"})
                .exit,
            0);
  result = operate(none, {"--key-file", key, "audit", "list"});
  EXPECT_THAT(result.out, HasSubstr("--new-key-command"));
  EXPECT_THAT(result.out, Not(HasSubstr("qzxaardvark")));
}

TEST_F(AtRest, ABackupIsUnderTheSameKeyAndReplacesWhatIsDamaged) {
  ASSERT_EQ(server_.Operator({"site", "add", "--id", "north-team", "--name", "qzxaardvark"}).exit,
            0);
  const std::string secret = dir_.File("backup.key");
  const std::string backup = dir_.File("b.backup");
  ASSERT_EQ(server_.Operator({"backup", "keygen", secret}).exit, 0);
  const RunResult made =
      server_.Operator({"backup", "create", backup, "--public-key", secret + ".pub"});
  ASSERT_EQ(made.exit, 0) << made;
  // Of all tenants, whichever is named: nobody gets around the audit by a wrong name.
  EXPECT_EQ(server_
                .Operator({"backup", "create", backup + "2", "--public-key", secret + ".pub",
                           "--tenant", "nowhere"})
                .exit,
            0);
  EXPECT_THAT(server_.Operator({"audit", "list"}).out, HasSubstr("b.backup2"));
  EXPECT_THAT(Shown(dir_.path()), IsEmpty());
  const RunResult without =
      testing::Run({"env", "-u", "DOORSTEP_KEY_FILE", ProgramPath("doorstep-server"), "backup",
                    "verify", backup, "--secret-key", secret, "--temp", dir_.path()});
  EXPECT_EQ(without.exit, 1) << without;
  EXPECT_THAT(without.err, HasSubstr("--key-file"));
  EXPECT_EQ(server_.Operator({"backup", "verify", backup, "--secret-key", secret}).exit, 0);

  WriteAll(server_.data_dir() + "/tenants/default.db", std::string(8192, 'x'));
  EXPECT_EQ(server_.Operator({"site", "list"}).exit, 1);
  const std::vector<std::string> restore = {"backup", "restore", backup, "--secret-key", secret};
  EXPECT_EQ(server_.Operator(restore).exit, 4);
  std::vector<std::string> replace = restore;
  replace.emplace_back("--replace");
  const RunResult restored = server_.Operator(replace);
  EXPECT_EQ(restored.exit, 0) << restored;
  EXPECT_THAT(restored.out, HasSubstr("cannot be read"));
  EXPECT_THAT(server_.Operator({"site", "list"}).out, HasSubstr("qzxaardvark"));
  EXPECT_THAT(server_.Operator({"audit", "list"}).out, HasSubstr("backup restore"));
}

// A server that was killed has acknowledged what stands in the log alone. To a wrong key the log
// looks empty.
TEST_F(AtRest, AWrongKeyTakesNothingFromAServerThatWasKilled) {
  server_.AddSite("north-team");
  server_.Start();
  tablet_.Init(server_.address());
  const std::string id = tablet_.Add("Person", {{"name", "Peter"}}, {"--file", "new"});
  tablet_.Sync(server_.address());
  server_.Kill();
  const std::string wrong = dir_.File("wrong.key");
  WriteAll(wrong, std::string(64, 'b'));
  fs::permissions(wrong, fs::perms::owner_read);
  EXPECT_EQ(server_.Operator({"--key-file", wrong, "site", "list"}).exit, 1);
  EXPECT_EQ(server_.Operator({"--key-file", wrong, "rekey", "--new-key-file", wrong}).exit, 1);
  server_.StartAgain();
  other_.Init(server_.address());
  other_.Sync(server_.address());
  EXPECT_EQ(other_.Record(id)["name"], "Peter");
}

TEST_F(AtRest, AServerWithoutAKeyWantsDevLoopback) {
  const RunResult result =
      testing::Run({"env", "-u", "DOORSTEP_KEY_FILE", ProgramPath("doorstep-server"), "serve",
                    "--data", server_.data_dir(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(result.exit, 2) << result;
}

// A plain database of an earlier release gets a key.
TEST_F(AtRest, AServersPlainDatabaseIsEncrypted) {
  const auto plain = [&](std::vector<std::string> args) {
    std::vector<std::string> all = {"env", "-u", "DOORSTEP_KEY_FILE",
                                    ProgramPath("doorstep-server")};
    all.insert(all.end(), args.begin(), args.end());
    all.insert(all.end(), {"--data", server_.data_dir()});
    return testing::Run(all);
  };
  ASSERT_EQ(plain({"site", "add", "--id", "north-team", "--name", "qzxaardvark"}).exit, 0);
  EXPECT_THAT(Shown(server_.data_dir()), Not(IsEmpty()));
  const RunResult refused = server_.Operator({"site", "list"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("rekey"));
  const RunResult done =
      plain({"rekey", "--new-key-file", std::string(std::getenv("DOORSTEP_KEY_FILE"))});
  EXPECT_EQ(done.exit, 0) << done;
  EXPECT_THAT(Shown(server_.data_dir()), IsEmpty());
  EXPECT_THAT(server_.Operator({"site", "list"}).out, HasSubstr("qzxaardvark"));
}

TEST_F(AtRest, TheOperatorOpensWhatNobodyCanOpenAnyMore) {
  server_.AddSite("north-team");
  const std::string private_key = dir_.File("safe.key");
  EXPECT_EQ(server_.Operator({"recovery", "show"}).exit, 3);
  EXPECT_EQ(server_.Operator({"recovery", "make", "--private", private_key}).exit, 0);
  EXPECT_EQ(server_.Operator({"recovery", "make", "--private", private_key}).exit, 4);
  server_.Start();
  const std::string pin = PinFile("123456");
  tablet_.Out({"--pin-file", pin, "init", "--server", server_.address(), "--site", "north-team",
               "--device", "tablet", "--user", "A Khan"});
  EXPECT_EQ(tablet_.Run({"keys", "sealed"}).exit, 1) << "it knows no recovery key yet";
  tablet_.Out({"--pin-file", pin, "sync"});
  tablet_.Out({"--pin-file", pin, "add", "Person", "-", "--file", "new"},
              R"({"name":"Never sent"})");
  EXPECT_EQ(tablet_.Json({"--pin-file", pin, "status"})["recovery"], true);
  // Forgotten.
  const json asked = tablet_.Json({"keys", "sealed"});
  WriteAll(dir_.File("request"), asked.value("request", ""));
  const RunResult answer =
      server_.Operator({"recovery", "open", dir_.File("request"), "--private", private_key});
  ASSERT_EQ(answer.exit, 0) << answer;
  WriteAll(dir_.File("answer"), answer.out);
  const std::string next = PinFile("222222");
  const std::vector<std::string> recover = {
      "--user", "A Khan", "keys", "recover", dir_.File("answer"), "--new-pin-file", next};
  tablet_.Out(recover);
  EXPECT_EQ(tablet_.Run(recover).exit, 8) << "it works once";
  EXPECT_THAT(tablet_.Json({"--pin-file", next, "outbox"})["changes"], SizeIs(1));
  // Somebody else's key does not open it.
  EXPECT_EQ(server_.Operator({"tenant", "add", "south"}).exit, 0);
  EXPECT_EQ(server_.Operator({"recovery", "make", "--tenant", "south"}).exit, 0);
  EXPECT_EQ(server_.Operator({"recovery", "open", dir_.File("request"), "--tenant", "south"}).exit,
            1);
}

}  // namespace
}  // namespace doorstep::testing
