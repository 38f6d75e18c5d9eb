// Devices that enrol, renew and are taken out of use, with the programs as people have them: a
// server with TLS, and tablets with certificates.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

class EnrolmentTest : public ::testing::Test {
 protected:
  EnrolmentTest() {
    server_.UseTls();
    server_.AddSite("north-team");
  }

  // `device invite --json`.
  json Invite(const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"device", "invite", "--site", "north-team",
                                     "--name", name,     "--json"};
    args.insert(args.end(), more.begin(), more.end());
    const RunResult result = server_.Operator(args);
    EXPECT_EQ(result.exit, 0) << result;
    return json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  }
  void Enrol(const Device& device) {
    const std::string code = Invite(device.user())["code"];
    device.Out({"init", "--enrol", "-", "--user", device.user()}, code);
  }
  json DeviceLine(const std::string& name) {
    const RunResult result = server_.Operator({"device", "list", "--json"});
    const json list = json::parse(result.out, nullptr, /*allow_exceptions=*/false);
    for (const json& each : list.value("devices", json::array())) {
      if (each["name"] == name) return each;
    }
    ADD_FAILURE() << name << " is not in " << result;
    return json::object();
  }
  static void Await(Process& process, const std::string& what, const std::function<bool()>& seen) {
    const auto until = steady_clock::now() + std::chrono::seconds(30);
    while (!seen()) {
      ASSERT_FALSE(process.WaitFor(milliseconds(20))) << what << "\n" << process.Wait();
      ASSERT_LT(steady_clock::now(), until) << what << "\n" << process.out() << process.err();
    }
  }
  // What `openssl s_client` says of a connection.
  RunResult Openssl(const std::string& address, std::vector<std::string> more) {
    std::vector<std::string> args = {"timeout",  "20",    "openssl", "s_client",
                                     "-connect", address, "-brief"};
    args.insert(args.end(), more.begin(), more.end());
    return doorstep::testing::Run(args);
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device osei_{dir_.File("osei"), "north-team", "M Osei"};
};

TEST_F(EnrolmentTest, TabletsEnrolSyncAndOneIsLost) {
  server_.Start();
  Enrol(khan_);
  Enrol(osei_);
  EXPECT_EQ(DeviceLine("A Khan")["standing"], "enrolled");
  EXPECT_EQ(DeviceLine("A Khan")["last_seen"], "never");
  const std::string id = khan_.Add("Person", {{"name", "Peter"}}, {"--file", "new"});
  khan_.Json({"sync"});
  osei_.Json({"sync"});
  EXPECT_EQ(osei_.Record(id)["name"], "Peter");
  const json identity = khan_.Json({"identity"});
  EXPECT_EQ(identity["enrolled"], true);
  EXPECT_EQ(identity["certificate_until"], DeviceLine("A Khan")["certificate_until"]);

  // Khan's tablet is on, and watches, when it is reported lost.
  Process watcher(DoorstepCommand(khan_.directory(), {"sync", "--watch"}), std::nullopt);
  Await(watcher, "the first sync", [&] { return !watcher.out().empty(); });
  const std::string device = DeviceLine("A Khan")["id"];
  const RunResult revoked =
      server_.Operator({"device", "revoke", device, "--reason", "left on a bus"});
  EXPECT_EQ(revoked.exit, 0) << revoked;
  ASSERT_TRUE(watcher.WaitFor(std::chrono::seconds(10))) << "still on";
  const RunResult ended = watcher.Wait();
  EXPECT_EQ(ended.exit, 8) << ended;
  EXPECT_THAT(ended.err, HasSubstr("this device was taken out of use"));
  EXPECT_THAT(ended.err, Not(HasSubstr("bus")));

  khan_.Add("Person", {{"name", "Recorded after"}}, {"--file", "new"});
  const RunResult refused = khan_.Run({"sync"});
  EXPECT_EQ(refused.exit, 8) << refused;
  EXPECT_THAT(refused.err, HasSubstr("this device was taken out of use"));
  EXPECT_EQ(khan_.Number("waiting"), 1);
  EXPECT_EQ(DeviceLine("A Khan")["standing"], "revoked");
  EXPECT_EQ(DeviceLine("A Khan")["revoked_reason"], "left on a bus");
  osei_.Json({"sync"});
  const RunResult exposure = server_.Operator({"device", "exposure", device, "--json"});
  const json had = json::parse(exposure.out, nullptr, false);
  EXPECT_EQ(had["files"][0]["people"], json::array({"Peter"})) << exposure;
  EXPECT_EQ(had["files"][0]["records"][0]["record"], id);
  EXPECT_EQ(had["people"], json::array({"A Khan"}));
  EXPECT_EQ(had["pending"], 0);
  EXPECT_TRUE(had["revoked"].is_string());
  EXPECT_EQ(server_.Operator({"device", "exposure", id}).exit, 3) << "no device";

  // Found again, and it was never out of the team's hands.
  EXPECT_EQ(server_.Operator({"device", "reinstate", device}).exit, 0);
  khan_.Json({"sync"});
  EXPECT_EQ(khan_.Number("waiting"), 0);

  // All of it can be read afterwards, what did not succeed too, and nobody changes it unseen.
  EXPECT_EQ(server_.Operator({"device", "reinstate", device}).exit, 4);
  const json audit =
      json::parse(server_.Operator({"audit", "list", "--json"}).out, nullptr, false)["audit"];
  std::vector<std::string> verbs;
  for (const json& entry : audit) {
    if (entry.value("device", device) == device) verbs.push_back(entry["verb"]);
  }
  EXPECT_THAT(verbs, IsSupersetOf({"device invite", "device enrolled", "device revoke",
                                   "call refused", "device exposure", "device reinstate"}));
  EXPECT_EQ(audit.back()["verb"], "device reinstate");
  EXPECT_EQ(audit.back()["outcome"], "ALREADY_EXISTS");
  const std::string head = server_.Operator({"audit", "head"}).out;
  EXPECT_EQ(
      server_
          .Operator({"audit", "verify", "--expect", std::string(absl::StripAsciiWhitespace(head))})
          .exit,
      0);
  const std::string file = dir_.File("head");
  EXPECT_EQ(server_.Operator({"audit", "head", "--out", file}).exit, 0);
  const RunResult key = doorstep::testing::Run(
      {"openssl", "x509", "-in", file + ".pem", "-pubkey", "-noout", "-out", file + ".key"});
  EXPECT_EQ(key.exit, 0) << key;
  const std::vector<std::string> check = {"openssl",     "dgst",       "-sha256",     "-verify",
                                          file + ".key", "-signature", file + ".sig", file};
  EXPECT_EQ(doorstep::testing::Run(check).exit, 0);
  std::ofstream(file, std::ios::app) << "more";
  EXPECT_NE(doorstep::testing::Run(check).exit, 0);
  server_.Stop();
}

// By the server's clock the tablet has lain in a drawer for months; its own clock is another.
TEST_F(EnrolmentTest, AnExpiredCertificateIsRenewedBySync) {
  server_.Start();
  Enrol(khan_);
  const std::string before = khan_.Json({"identity"})["certificate_until"];
  server_.Stop();
  server_.StartWith(DaysLater(200));
  server_.StartAgain();
  khan_.Add("Person", {{"name", "From the drawer"}}, {"--file", "new"});
  khan_.Json({"sync"});
  EXPECT_EQ(khan_.Number("waiting"), 0);
  EXPECT_NE(khan_.Json({"identity"})["certificate_until"], before);
  // Revoked and expired at once: what counts is said.
  server_.Stop();
  server_.StartWith(DaysLater(400));
  server_.StartAgain();
  const std::string device = khan_.Json({"identity"})["device"];
  EXPECT_EQ(server_.Operator({"device", "revoke", device}).exit, 0);
  const RunResult refused = khan_.Run({"sync"});
  EXPECT_EQ(refused.exit, 8) << refused;
  EXPECT_THAT(refused.err, HasSubstr("this device was taken out of use"));
}

TEST_F(EnrolmentTest, ATabletWhoseClockIsYearsOffEnrolsAndSyncs) {
  server_.Start();
  const Device wrong(dir_.File("wrong"), "north-team", "W Rong", "2019-01-01 08:00:00");
  Enrol(wrong);
  wrong.Add("Person", {{"name", "In 2019"}}, {"--file", "new"});
  wrong.Json({"sync"});
  EXPECT_EQ(wrong.Number("waiting"), 0);
}

TEST_F(EnrolmentTest, OnlyTls13IsSpoken) {
  server_.Start();
  const std::string enrolment = Invite("tablet")["address"];
  for (const std::string& address : {server_.address(), enrolment}) {
    const RunResult old = Openssl(address, {"-tls1_2"});
    EXPECT_NE(old.exit, 0) << old;
    EXPECT_THAT(old.err, AnyOf(HasSubstr("alert protocol version"), HasSubstr("unexpected eof")));
    EXPECT_THAT(Openssl(address, {"-tls1_3"}).err, HasSubstr("Protocol version: TLSv1.3"));
  }
}

// An organisation's own authority, of another sort of key than the server would make.
TEST_F(EnrolmentTest, AGivenAuthorityIsUsed) {
  const std::string key = dir_.File("org.key");
  const std::string certificate = dir_.File("org.pem");
  const RunResult made = doorstep::testing::Run(
      {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
       "/CN=Example County", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", key,
       "-out", certificate});
  ASSERT_EQ(made.exit, 0) << made;
  server_.UseTls({"--ca-cert", certificate, "--ca-key", key});
  server_.Start();
  Enrol(khan_);
  khan_.Add("Person", {{"name", "Peter"}}, {"--file", "new"});
  khan_.Json({"sync"});
  EXPECT_EQ(khan_.Number("waiting"), 0);
  std::string fingerprint = doorstep::testing::Run({"openssl", "x509", "-in", certificate, "-noout",
                                                    "-fingerprint", "-sha256"})
                                .out;
  fingerprint = fingerprint.substr(fingerprint.find('=') + 1);
  fingerprint.erase(std::remove(fingerprint.begin(), fingerprint.end(), ':'), fingerprint.end());
  EXPECT_EQ(absl::AsciiStrToLower(absl::StripAsciiWhitespace(fingerprint)),
            khan_.Json({"identity"})["authority_sha256"]);
  EXPECT_FALSE(std::filesystem::exists(dir_.File("server") + "/identity/ca.key"));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("server") + "/identity/ca.pem"));
}

// A server on this machine that has certificates answers nobody without.
TEST_F(EnrolmentTest, ATabletThatHasNotEnrolledHearsNothing) {
  server_.Start();
  khan_.Init(server_.address());
  khan_.Add("Person", {{"name", "Peter"}}, {"--file", "new"});
  const RunResult plain = khan_.Run({"sync"});
  EXPECT_EQ(plain.exit, 5) << plain;
  EXPECT_EQ(khan_.Number("waiting"), 1);
  EXPECT_THAT(khan_.Out({"identity"}), HasSubstr("Not enrolled"));
  // It may enrol afterwards, with what it has recorded.
  const std::string code = Invite("tablet")["code"];
  khan_.Out({"enrol", code});
  khan_.Json({"sync"});
  EXPECT_EQ(khan_.Number("waiting"), 0);
}

TEST_F(EnrolmentTest, ACodeIsGoodOnceAndShownAsAPicture) {
  EXPECT_EQ(server_.Operator({"device", "invite", "--site", "north-team", "--name", "x"}).exit, 1)
      << "no server has served yet";
  server_.Start();
  const RunResult shown =
      server_.Operator({"device", "invite", "--site", "north-team", "--name", "x"});
  EXPECT_THAT(shown.out, HasSubstr("DOORSTEP-"));
  EXPECT_THAT(shown.out, HasSubstr("\u2588\u2580"));
  EXPECT_EQ(server_.Operator({"device", "invite", "--site", "nowhere", "--name", "x"}).exit, 3);
  const std::string code = Invite("tablet")["code"];
  khan_.Out({"init", "--enrol", code, "--user", "A Khan"});
  const RunResult again = osei_.Run({"init", "--enrol", code, "--user", "M Osei"});
  EXPECT_EQ(again.exit, 8) << again;
  EXPECT_THAT(again.err, HasSubstr("ask your administrator for a new one"));
  // The replica is there, and takes another code.
  osei_.Out({"enrol", Invite("tablet")["code"]});
  EXPECT_EQ(osei_.Run({"enrol", "DOORSTEP-NONSENSE"}).exit, 2);
  server_.Stop();
  const std::string late = Invite("late")["code"];
  const Device off(dir_.File("off"), "north-team", "O Ff");
  const RunResult no_link = off.Run({"init", "--enrol", late, "--user", "O Ff"});
  EXPECT_EQ(no_link.exit, 5) << no_link;
  EXPECT_THAT(no_link.err, HasSubstr("The code is not used up"));
}

}  // namespace
}  // namespace doorstep::testing
