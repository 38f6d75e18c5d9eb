#include "tests/acceptance/device.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/support/io_moment.h"

namespace doorstep::testing {

using nlohmann::json;

RunResult Device::Run(std::vector<std::string> args, absl::string_view in) const {
  std::vector<std::string> command = DoorstepCommand(directory_, std::move(args));
  if (!clock_.empty()) {
    // Only the wall clock: no tablet's monotonic clock goes by years.
    command.insert(command.begin(), {"env", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                                     "FAKETIME_DONT_RESET=1", "faketime", "-m", clock_});
  }
  if (later_ms_ != 0) {
    std::vector<std::string> variables = ShimEnvironment();
    variables.push_back(absl::StrCat("DOORSTEP_TEST_LATER_MS=", later_ms_));
    command = WithEnvironment(std::move(variables), std::move(command));
  }
  return testing::Run(command, in);
}

void Device::Init(const std::string& server, const std::string& tenant) const {
  Out({"init", "--server", server, "--tenant", tenant, "--site", site_, "--device",
       user_ + "'s tablet", "--user", user_});
}

std::string Device::Out(std::vector<std::string> args, absl::string_view in) const {
  const std::string what = absl::StrJoin(args, " ");
  const RunResult result = Run(std::move(args), in);
  EXPECT_EQ(result.exit, 0) << user_ << ": doorstep " << what << "\n" << result;
  return std::string(absl::StripAsciiWhitespace(result.out));
}

json Device::Json(std::vector<std::string> args, absl::string_view in) const {
  const std::string what = absl::StrJoin(args, " ");
  args.emplace_back("--json");
  const std::string out = Out(std::move(args), in);
  json parsed = json::parse(out, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(parsed.is_object()) << user_ << ": doorstep " << what << "\n" << out;
  return parsed.is_object() ? parsed : json::object();
}

std::string Device::Add(const std::string& kind, const json& record,
                        std::vector<std::string> args) const {
  args.insert(args.begin(), {"add", kind, "-"});
  return Out(std::move(args), record.dump());
}

void Device::Edit(const std::string& id, const json& fields) const {
  Out({"edit", id, "--data", fields.dump()});
}

json Device::Sync(const std::string& server) const { return Json({"sync", "--server", server}); }

json Device::Record(const std::string& id) const {
  return Json({"get", id}).value("record", json::object());
}

json Device::Conflicts() const { return Json({"conflicts"}).value("conflicts", json::array()); }

int64_t Device::Number(const std::string& key) const {
  return Json({"status"}).value(key, int64_t{-1});
}

std::map<std::string, json> Device::Dump() const {
  std::map<std::string, json> dump;
  for (absl::string_view line : absl::StrSplit(Out({"export"}), '\n', absl::SkipEmpty())) {
    const json exported = json::parse(line, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(exported.is_object()) << line;
    if (!exported.is_object()) continue;
    const std::string id = exported.value("id", "");
    json whole = Json({"get", id});
    EXPECT_EQ(whole["record"], exported["record"]) << id;
    EXPECT_TRUE(dump.emplace(id, std::move(whole)).second) << id << " stands twice";
  }
  return dump;
}

std::map<std::string, json> Device::Digests() const {
  const json stored = Json({"digest"});
  const json computed = Json({"digest", "--verify"});
  EXPECT_EQ(stored, computed) << user_;
  std::map<std::string, json> digests;
  for (const json& each : computed.value("compartments", json::array())) {
    digests[each.value("file", "") + " " + each.value("tier", "")] = {each["digest"],
                                                                      each["records"]};
  }
  return digests;
}

int ExpectSameWhereShared(const std::map<std::string, json>& a,
                          const std::map<std::string, json>& b) {
  int shared = 0;
  for (const auto& [key, value] : a) {
    const auto found = b.find(key);
    if (found == b.end()) continue;
    ++shared;
    EXPECT_EQ(value, found->second) << key;
  }
  return shared;
}

}  // namespace doorstep::testing
