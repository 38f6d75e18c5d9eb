// A bad link with real sockets and programs: 32 kbit/s, 800 ms to the other end, one packet in ten
// lost, cut every 20 seconds. Twelve records get through, and to another device, without sending
// again what has arrived. The link is a model (tests/support/bad_link.mjs); DOORSTEP_SEED=N repeats
// its losses.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/entropy.h"
#include "tests/acceptance/device.h"
#include "tests/support/link.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kRecords = 12;
// More of a record than one packet or one exchange, so that cuts fall into the middle of things.
constexpr size_t kProseBytes = 6'000;

class BadLinkTest : public ::testing::Test {
 protected:
  BadLinkTest() : seed_(SeedForTest()), random_(seed_) {
    server_.AddSite("north-team");
    server_.Start();
  }

  // Text that hardly compresses, so that its length counts on the link.
  std::string Prose(size_t bytes) {
    std::string text;
    while (text.size() < bytes) absl::StrAppend(&text, absl::Hex(random_.Next()), " ");
    return text;
  }

  // Syncs until one is complete, as a device does that tries again whenever there is a link.
  // Returns how many found the link gone.
  int SyncThrough(const Device& device, const std::string& link, seconds limit) {
    int cut = 0;
    const auto begin = steady_clock::now();
    while (true) {
      const RunResult result = device.Run({"sync", "--server", link, "--json"});
      const auto took = std::chrono::duration_cast<seconds>(steady_clock::now() - begin).count();
      std::cout << device.user() << ": exit " << result.exit << " after " << took << " s, "
                << device.Number("waiting") << " waiting, " << device.Number("records")
                << " records: " << absl::StripAsciiWhitespace(result.err) << std::endl;
      if (result.exit == 0) return cut;
      EXPECT_EQ(result.exit, 5) << result;
      ++cut;
      if (result.exit != 5 || steady_clock::now() - begin > limit) {
        ADD_FAILURE() << device.user() << " did not get through in " << limit.count() << " s";
        return cut;
      }
    }
  }

  const uint64_t seed_;
  SeededEntropy random_;
  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
};

TEST_F(BadLinkTest, TwelveRecordsGetThrough) {
  const Device khan(dir_.File("khan"), "north-team", "A Khan");
  khan.Init("");
  size_t payload = 0;
  for (int i = 0; i < kRecords; ++i) {
    const std::string prose = Prose(kProseBytes);
    khan.Add("Person", {{"name", absl::StrCat("Person ", i)}, {"communication_needs", prose}},
             {"--file", "new"});
    payload += prose.size();
  }

  Link link("bad_link.mjs", server_.address(),
            {"--kbit", "32", "--delay", "800", "--loss", "10", "--cut-every", "20", "--seed",
             absl::StrCat(seed_ % 1'000'000)});
  constexpr seconds kLimit(300);
  const int sending_cut = SyncThrough(khan, link.address(), kLimit);
  const Device osei(dir_.File("osei"), "north-team", "M Osei");
  osei.Init("");
  const int receiving_cut = SyncThrough(osei, link.address(), kLimit);
  const json through = link.Stop();
  std::cout << through << ", prose " << payload << std::endl;

  // Without cuts and losses it was a test of nothing.
  EXPECT_GE(sending_cut + receiving_cut, 2);
  EXPECT_GT(through.value("lost", 0), 0);
  // Half of the prose is left after compression. It goes up once and comes down twice, because a
  // device receives its own records too. Beside it stand what was under way at a cut, and a hello
  // each time.
  EXPECT_LT(through.value("up", int64_t{0}), static_cast<int64_t>(payload) * 3 / 2) << through;
  EXPECT_LT(through.value("down", int64_t{0}), static_cast<int64_t>(payload) * 5 / 2) << through;

  EXPECT_EQ(khan.Number("waiting"), 0);
  EXPECT_EQ(osei.Number("records"), kRecords);
  khan.Sync(server_.address());
  osei.Sync(server_.address());
  EXPECT_EQ(khan.Digests(), osei.Digests());
  EXPECT_EQ(khan.Out({"export"}), osei.Out({"export"}));
  server_.Stop();
}

// Nobody is told that the link is gone: the device must notice by itself, within a time that people
// wait, and go on later.
TEST_F(BadLinkTest, ASilentLinkIsNoticed) {
  const Device khan(dir_.File("khan"), "north-team", "A Khan");
  khan.Init("");
  for (int i = 0; i < kRecords; ++i) {
    khan.Add("Person", {{"name", absl::StrCat("P ", i)}, {"communication_needs", Prose(20'000)}},
             {"--file", "new"});
  }
  // 120 KB at 64 kbit/s take 15 s, so the cut falls into the sending.
  Link link("bad_link.mjs", server_.address(),
            {"--kbit", "64", "--delay", "50", "--cut-every", "7", "--cuts", "1", "--silent"});
  const auto begin = steady_clock::now();
  const int cut = SyncThrough(khan, link.address(), seconds(150));
  EXPECT_EQ(cut, 1);
  EXPECT_LT(steady_clock::now() - begin, seconds(110));
  EXPECT_EQ(link.Stop().value("cuts", 0), 1);
  EXPECT_EQ(khan.Number("waiting"), 0);
  server_.Stop();
}

}  // namespace
}  // namespace doorstep::testing
