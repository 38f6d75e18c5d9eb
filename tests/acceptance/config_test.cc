// The operator's configuration file, and the unit that starts a server with it.
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ConfigTest : public ::testing::Test {
 protected:
  RunResult Check(const std::string& text) {
    WriteAll(file_, text);
    return testing::Run({ProgramPath("doorstep-server"), "config", "check", file_});
  }
  std::vector<std::string> Serve(std::vector<std::string> more = {}) const {
    std::vector<std::string> argv = {ProgramPath("doorstep-server"), "serve", "--config", file_};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }

  TempDir dir_;
  const std::string file_ = dir_.File("doorstep.toml");
};

TEST_F(ConfigTest, TheExampleHasEverySettingAndEachOfThemIsRight) {
  const RunResult example = testing::Run({ProgramPath("doorstep-server"), "config", "example"});
  ASSERT_EQ(example.exit, 0) << example;
  for (const char* line :
       {"# data = ", "[serve]\n", "# listen = \"127.0.0.1:7400\"", "# certificate-days = 90",
        "# name = []", "# dev-loopback = false", "[backup.create]\n", "# rate = 32"}) {
    EXPECT_THAT(example.out, HasSubstr(line));
  }
  for (const char* none : {"help", "# tenant", "# json", "# config ="}) {
    EXPECT_THAT(example.out, Not(HasSubstr(absl::StrCat("\n", none)))) << none;
  }
  EXPECT_EQ(Check(example.out).exit, 0);
  // With every setting as it says.
  std::string said;
  int settings = 0;
  for (const absl::string_view line : absl::StrSplit(example.out, '\n')) {
    const bool setting = absl::StartsWith(line, "# ") && absl::StrContains(line, " = ");
    settings += setting ? 1 : 0;
    absl::StrAppend(&said, setting ? line.substr(2) : line, "\n");
  }
  EXPECT_GT(settings, 10);
  const RunResult all = Check(said);
  EXPECT_EQ(all.exit, 0) << all << said;
  EXPECT_THAT(all.out, HasSubstr(absl::StrCat(": ", settings, " settings")));
}

TEST_F(ConfigTest, WhatIsWrongIsNamedWithFileKeyAndWhatWasWanted) {
  struct Case {
    const char* text;
    std::vector<const char*> words;
  };
  const Case cases[] = {
      {"[serve]\nlisten = \"nowhere\"\n", {"serve.listen: got \"nowhere\", wanted HOST:PORT"}},
      {"[serve]\ncertificate-days = 0\n",
       {"serve.certificate-days: got \"0\", wanted ", "1 - 825"}},
      {"[serve]\nlisten = \"\"\n", {"serve.listen: got \"\", wanted HOST:PORT"}},
      {"[serve]\ncertificate-days = soon\n", {"serve.certificate-days: got \"soon\""}},
      {"[serve]\ndev-loopback = perhaps\n",
       {"serve.dev-loopback: got \"perhaps\", wanted true or false"}},
      {"[serve]\nlissen = \"127.0.0.1:1\"\n",
       {"serve.lissen: got an unknown key, wanted one of", "listen"}},
      {"lissen = 1\n", {"lissen: got an unknown key", "data"}},
      {"json = true\n", {"json: got an unknown key"}},
      {"[server]\nlisten = \"127.0.0.1:1\"\n", {"[server]", "wanted [serve]"}},
      {"[site.add]\nid = \"x\"\n", {"site"}},
      {"[serve]\nlisten 127.0.0.1:1\n", {"unknown key"}},
      {"[serve\nlisten = \"127.0.0.1:1\"\n", {"unknown key"}},
      {"[serve]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n", {"got 2 values, wanted one"}},
      {"[serve]\nlisten = \"127.0.0.1:1\"\naddress = \"a:1\"\nlisten = \"127.0.0.1:2\"\n",
       {"serve.listen: got it twice"}},
      {"[backup.create]\nrate = 0\n", {"backup.create.rate: got \"0\""}},
  };
  for (const Case& each : cases) {
    const RunResult result = Check(each.text);
    EXPECT_EQ(result.exit, 2) << each.text << result;
    EXPECT_THAT(result.err, HasSubstr(file_ + ": ")) << each.text;
    for (const char* word : each.words) EXPECT_THAT(result.err, HasSubstr(word)) << each.text;
    // And no server starts on it.
    const RunResult served = testing::Run(Serve({"--data", dir_.File("data")}));
    EXPECT_EQ(served.exit, 2) << each.text << served;
    EXPECT_THAT(served.err, HasSubstr(each.words[0])) << each.text;
  }
  EXPECT_EQ(
      testing::Run({ProgramPath("doorstep-server"), "config", "check", dir_.File("none")}).exit, 3);
  EXPECT_NE(
      testing::Run({ProgramPath("doorstep-server"), "status", "--config", dir_.File("none")}).exit,
      0);
}

TEST_F(ConfigTest, AServerServesByItAndAFlagWins) {
  const std::string port_file = dir_.File("port"), other_port = dir_.File("other");
  WriteAll(file_, absl::StrCat("data = \"", dir_.File("data"), "\"\n[serve]\n",
                               "listen = \"127.0.0.1:0\"   # any\ndev-loopback = true\n",
                               "port-file = \"", port_file, "\"\n"));
  {
    Process server(Serve());
    EXPECT_TRUE(WaitForFile(port_file, server));
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait().exit, 0);
  }
  std::filesystem::remove(port_file);
  Process server(Serve({"--port-file", other_port, "--data", dir_.File("elsewhere")}));
  EXPECT_TRUE(WaitForFile(other_port, server));
  EXPECT_FALSE(std::filesystem::exists(port_file));
  EXPECT_TRUE(std::filesystem::exists(dir_.File("elsewhere") + "/tenants/default.db"));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait().exit, 0);
}

TEST_F(ConfigTest, OtherCommandsTakeTheDataDirectoryFromIt) {
  WriteAll(file_,
           absl::StrCat("data = \"", dir_.File("data"), "\"\n[serve]\nlisten = \"[::1]:0\"\n"));
  const RunResult made = testing::Run({ProgramPath("doorstep-server"), "site", "add", "--id",
                                       "north", "--name", "North", "--config", file_});
  EXPECT_EQ(made.exit, 0) << made;
  EXPECT_TRUE(std::filesystem::exists(dir_.File("data") + "/tenants/default.db"));
}

TEST_F(ConfigTest, TheUnitIsInstalledAndVerified) {
  const std::string prefix = dir_.File("prefix");
  const RunResult installed = testing::Run({"cmake", "--install", DOORSTEP_BUILD_DIR, "--component",
                                            "doorstep-server", "--prefix", prefix});
  ASSERT_EQ(installed.exit, 0) << installed;
  const std::string unit = prefix + "/lib/systemd/system/doorstep-server.service";
  const std::string text = ReadAll(unit);
  for (const char* line : {"ProtectSystem=strict\n", "NoNewPrivileges=yes\n",
                           "CapabilityBoundingSet=\n", " serve --config /etc/doorstep/"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("@DOORSTEP")));
  EXPECT_TRUE(std::filesystem::exists(prefix + "/bin/doorstep-server"));
  EXPECT_THAT(ReadAll(prefix + "/lib/sysusers.d/doorstep-server.conf"), HasSubstr("u doorstep"));
  if (testing::Run({"sh", "-c", "command -v systemd-analyze"}).exit != 0) {
    GTEST_SKIP() << "systemd-analyze is not here to verify it";
  }
  // With the program where this prefix has it.
  std::string here;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t end = line.find("/doorstep-server ");
    const size_t begin = line.find('=');
    const bool runs = absl::StartsWith(line, "Exec");
    absl::StrAppend(&here, runs ? absl::StrCat(line.substr(0, begin + 1), prefix, "/bin") : "",
                    runs ? line.substr(end) : line, "\n");
  }
  const std::string copy = dir_.File("doorstep-server.service");
  WriteAll(copy, here);
  const RunResult verified = testing::Run({"systemd-analyze", "verify", "--man=no", copy});
  EXPECT_EQ(verified.exit, 0) << verified;
  EXPECT_THAT(verified.err, Not(HasSubstr("doorstep-server.service"))) << verified;
}

}  // namespace
}  // namespace doorstep::testing
