// Every command that takes a kind or a record, on a kind that no command knows of; and what the
// programs say of a wrong command line.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A kind is one message in a .proto file. No line of the engine or of the programs names this one.
class HandoverNote : public ::testing::Test {
 protected:
  HandoverNote() {
    server_.AddSite("rose-court");
    server_.Start();
    for (const Device* device : {&price_, &ward_}) device->Init(server_.address());
    id_ = price_.Add("HandoverNote", record_);
  }
  ~HandoverNote() override { server_.Stop(); }

  void SyncAll() {
    for (const Device* device : {&price_, &ward_, &price_}) device->Sync(server_.address());
  }
  std::vector<std::string> Listed(const Device& device, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"list", "HandoverNote"});
    std::vector<std::string> ids;
    for (const json& each : device.Json(options).value("records", json::array()))
      ids.push_back(each.value("id", ""));
    return ids;
  }
  std::vector<std::string> Found(const Device& device, const std::string& words) {
    std::vector<std::string> ids;
    for (const json& hit :
         device.Json({"search", words, "--kind", "HandoverNote"}).value("hits", json::array())) {
      ids.push_back(hit.value("record", ""));
    }
    return ids;
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device price_{dir_.File("price"), "rose-court", "J Price"};
  const Device ward_{dir_.File("ward"), "rose-court", "L Ward"};
  const json record_ = {{"shift", "NIGHT"},
                        {"shift_date", "2026-11-22"},
                        {"tasks", {"Order gloves", "Ring the plumber"}},
                        {"concerns", "The boiler is cold."}};
  std::string id_;
};

TEST_F(HandoverNote, IsRecordedHandedOverAndRead) {
  const json waiting = price_.Json({"outbox"})["changes"];
  ASSERT_THAT(waiting, SizeIs(1));
  EXPECT_EQ(waiting[0]["kind"], "HandoverNote");
  EXPECT_EQ(waiting[0]["record"], id_);
  EXPECT_EQ(waiting[0]["state"], "WAITING");
  EXPECT_EQ(price_.Run({"add", "HandoverNote", "-"}, R"({"shift":"TEATIME"})").exit, 2);

  SyncAll();
  EXPECT_THAT(price_.Json({"outbox"})["changes"], IsEmpty());
  EXPECT_EQ(price_.Json({"outbox", "--all"})["changes"][0]["state"], "APPLIED");
  EXPECT_EQ(price_.Digests(), ward_.Digests());
  EXPECT_EQ(price_.Dump(), ward_.Dump());
  EXPECT_EQ(ward_.Record(id_), record_);
  EXPECT_THAT(ward_.Out({"get", id_}),
              AllOf(HasSubstr("Handover note " + id_), HasSubstr("shift: night"),
                    HasSubstr("concerns: The boiler is cold.")));
  EXPECT_THAT(Listed(ward_), ElementsAre(id_));
  EXPECT_THAT(Listed(ward_, {"--where", "shift_date < '2026-11-22'"}), IsEmpty());
  EXPECT_THAT(Listed(ward_, {"--where", "shift = 'NIGHT'"}), ElementsAre(id_));
  EXPECT_EQ(
      ward_.Json({"sql", "SELECT id, shift, shift_date, concerns FROM handover_note"})["rows"],
      json::array({{id_, "NIGHT", "2026-11-22", "The boiler is cold."}}));
  EXPECT_THAT(Found(ward_, "plumb* boiler"), ElementsAre(id_));
  EXPECT_THAT(Found(ward_, "radiator"), IsEmpty());
  EXPECT_THAT(ward_.Json({"duplicates", id_})["duplicates"], IsEmpty());
  EXPECT_THAT(ward_.Conflicts(), IsEmpty());
  const json history =
      ward_.Json({"history", id_, "--server", server_.address()}).value("history", json::array());
  ASSERT_THAT(history, SizeIs(1));
  EXPECT_EQ(history[0]["author"], "J Price");
  EXPECT_EQ(history[0]["fields"], record_);
}

// A note is corrected by another, never changed: every way to change it says so, and nothing waits.
TEST_F(HandoverNote, IsNeverChanged) {
  SyncAll();
  const std::vector<std::vector<std::string>> refused = {
      {"edit", id_, "concerns=The boiler is warm."},
      {"edit", id_, "tasks+=Ring again"},
      {"edit", id_, "--data", R"({"shift":null})"},
      {"sign", id_},
  };
  for (const std::vector<std::string>& command : refused) {
    const RunResult result = price_.Run(command);
    EXPECT_EQ(result.exit, 2) << command.back() << "\n" << result;
  }
  const RunResult edit = price_.Run({"edit", id_, "concerns=The boiler is warm.", "--json"});
  EXPECT_EQ(edit.exit, 2) << edit;
  const json error = json::parse(edit.err, nullptr, false)["error"];
  EXPECT_EQ(error["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(error["exit"], 2);
  EXPECT_THAT(error.value("message", ""), HasSubstr("wanted a new HandoverNote that corrects it"));
  const std::string change = price_.Json({"outbox", "--all"})["changes"][0].value("change", "");
  const RunResult restored = price_.Run({"restore", id_, "shift", "--version", change});
  EXPECT_EQ(restored.exit, 2) << restored;
  EXPECT_EQ(price_.Number("waiting"), 0);
  EXPECT_EQ(price_.Record(id_), record_);

  const std::string correction =
      price_.Add("HandoverNote",
                 {{"shift", "NIGHT"}, {"concerns", "The boiler is mended."}, {"corrects", id_}});
  SyncAll();
  EXPECT_EQ(ward_.Record(correction)["corrects"], id_);
  EXPECT_EQ(ward_.Record(id_), record_);
}

TEST_F(HandoverNote, IsHiddenAndShownAgain) {
  SyncAll();
  ward_.Out({"hide", id_, "--reason", "written twice"});
  SyncAll();
  EXPECT_THAT(Listed(price_), IsEmpty());
  EXPECT_THAT(Found(price_, "boiler"), IsEmpty());
  EXPECT_THAT(Listed(price_, {"--hidden"}), ElementsAre(id_));
  EXPECT_THAT(price_.Out({"get", id_}), HasSubstr("written twice"));
  price_.Out({"unhide", id_});
  SyncAll();
  EXPECT_THAT(Listed(ward_), ElementsAre(id_));
  EXPECT_THAT(Found(ward_, "boiler"), ElementsAre(id_));
}

TEST_F(HandoverNote, IsExportedAndImported) {
  const std::string lines = price_.Out({"export", "--kind", "HandoverNote"});
  EXPECT_EQ(json::parse(lines, nullptr, false)["record"], record_);
  EXPECT_THAT(price_.Out({"export", "--kind", "HandoverLine"}), IsEmpty());
  WriteAll(dir_.File("notes.jsonl"), lines);
  const json again = price_.Json({"import", dir_.File("notes.jsonl")});
  EXPECT_EQ(again["imported"], 0);
  EXPECT_EQ(again["here_already"], 1);
  WriteAll(dir_.File("other.jsonl"), absl::StrReplaceAll(lines, {{"cold", "warm"}}));
  EXPECT_EQ(price_.Run({"import", dir_.File("other.jsonl")}).exit, 2) << "it never changes";
  EXPECT_EQ(price_.Record(id_), record_);
  ward_.Json({"import", dir_.File("notes.jsonl")});
  EXPECT_EQ(ward_.Record(id_), record_);
  EXPECT_EQ(ward_.Out({"export", "--kind", "HandoverNote"}), lines);
}

// --- A wrong command line ---

json ErrorOf(const RunResult& result) {
  EXPECT_EQ(result.out, "");
  const json parsed = json::parse(result.err, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(parsed.is_object() && parsed.contains("error")) << result;
  return parsed.is_object() ? parsed.value("error", json::object()) : json::object();
}

RunResult RunProgram(const std::string& program, std::vector<std::string> args) {
  args.insert(args.begin(), ProgramPath(program));
  return Run(args);
}

TEST(CommandLine, ErrorsAreJsonForPrograms) {
  TempDir dir;
  struct Wrong {
    std::string program;
    std::vector<std::string> args;
    std::string says;
  };
  const std::vector<Wrong> wrong = {
      {"doorstep", {"edit"}, "edit: ID is required"},
      {"doorstep", {"outbox", "withdraw", "7"}, "outbox withdraw: --reason is required"},
      {"doorstep", {"status", "--no-such-option"}, "--no-such-option"},
      {"doorstep", {"history", "x", "--server"}, "--server"},
      {"doorstep", {"no-such-command"}, "subcommand"},
      {"doorstep", {}, "subcommand"},
      {"doorstep-server", {"site", "add", "--id", "x"}, "--name is required"},
      {"doorstep-server", {"no-such-command"}, "subcommand"},
      {"doorstep-server", {"status"}, "--data: got none"},
      {"doorstep-server", {"serve", "--data", dir.path(), "--listen", "nowhere"}, "--listen: got"},
  };
  for (const Wrong& each : wrong) {
    SCOPED_TRACE(absl::StrCat(each.program, ": ", each.says));
    for (const bool before : {true, false}) {
      std::vector<std::string> command = each.args;
      command.insert(before ? command.begin() : command.end(), "--json");
      // An option that lacks its value takes what comes next.
      if (!before && each.says == "--server") continue;
      const RunResult result = RunProgram(each.program, command);
      EXPECT_EQ(result.exit, 2) << result;
      const json error = ErrorOf(result);
      EXPECT_EQ(error.value("code", ""), "INVALID_ARGUMENT");
      EXPECT_EQ(error.value("exit", 0), 2);
      EXPECT_THAT(error.value("message", ""), HasSubstr(each.says));
    }
    const RunResult result = RunProgram(each.program, each.args);
    EXPECT_EQ(result.exit, 2) << result;
    EXPECT_THAT(result.err, AllOf(Not(IsEmpty()), Not(HasSubstr("{"))));
  }
  const RunResult missing =
      RunProgram("doorstep-server", {"status", "--data", dir.path(), "--json"});
  EXPECT_EQ(missing.exit, 3) << missing;
  EXPECT_EQ(ErrorOf(missing).value("code", ""), "NOT_FOUND");
  EXPECT_EQ(ErrorOf(missing).value("exit", 0), 3);
}

}  // namespace
}  // namespace doorstep::testing
