// Journey 12: a photograph on a bad link. Records arrive first; the photograph goes on from its
// last acknowledged piece through every cut, kill and lost answer, and never from the beginning.
// (That an older client's edits leave a newer one's fields whole, also of the journey, is in
// evolution_test.cc.) The link is a model (tests/support/bad_link.mjs), scaled: a photograph that
// takes three times as long as the link ever lasts.
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
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
using ::testing::HasSubstr;

class Journey12 : public ::testing::Test {
 protected:
  Journey12() : random_(SeedForTest()) {
    server_.AddSite("north-team");
    server_.Start();
    khan_.Init(server_.address());
    osei_.Init(server_.address());
    peter_ = khan_.Add("Person", {{"name", "Peter"}}, {"--file", "new"});
  }

  // Bytes that do not compress.
  std::string Photo(size_t bytes) {
    std::string out(bytes, '\0');
    random_.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()), out.size()));
    return out;
  }
  std::string Attach(const std::string& photo) {
    WriteAll(dir_.File("photo.jpg"), photo);
    return khan_.Out({"attach", dir_.File("photo.jpg"), "--record",
                      R"({"caption": "the step", "media_type": "image/jpeg"})", "--file", peter_});
  }
  static json Info(const Device& device, const std::string& id) {
    const json all = device.Json({"attachments"});
    for (const json& one : all["attachments"]) {
      if (one["record"] == id) return one;
    }
    ADD_FAILURE() << "no attachment of " << id;
    return {};
  }
  json Shift() {
    const RunResult result = server_.Operator({"shift", "--site", "north-team", "--json"});
    EXPECT_EQ(result.exit, 0) << result;
    return json::parse(result.out, nullptr, false);
  }

  TempDir dir_;
  SeededEntropy random_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device osei_{dir_.File("osei"), "north-team", "M Osei"};
  std::string peter_;
};

TEST_F(Journey12, RecordsFirstAndThePhotographInPieces) {
  // 64 kbit/s for ten seconds are 80,000 bytes at best: from the beginning it would never arrive.
  const std::string photo = Photo(180'000);
  const std::string id = Attach(photo);
  EXPECT_EQ(khan_.Number("attachments_waiting"), 1);
  EXPECT_EQ(khan_.Number("attachment_bytes_waiting"), 180'000);

  Link link("bad_link.mjs", server_.address(),
            {"--kbit", "64", "--delay", "100", "--cut-every", "10"});
  int cuts = 0;
  int64_t sent = 0;
  const auto begin = steady_clock::now();
  RunResult result = khan_.Run({"sync", "--server", link.address(), "--json"});
  for (; result.exit != 0; result = khan_.Run({"sync", "--server", link.address(), "--json"})) {
    ASSERT_EQ(result.exit, 5) << result;
    ASSERT_LT(steady_clock::now() - begin, seconds(170));
    EXPECT_EQ(khan_.Number("waiting"), 0) << "records first";
    const auto now = Info(khan_, id).value("bytes_sent", int64_t{0});
    EXPECT_GE(now, sent) << "after cut " << cuts;
    sent = now;
    if (++cuts > 1) continue;
    // A colleague sees the record now, and that its photograph is on its way; so does the manager.
    osei_.Sync(server_.address());
    EXPECT_EQ(osei_.Record(id)["caption"], "the step");
    EXPECT_EQ(Info(osei_, id)["state"], "ON_ITS_WAY");
    EXPECT_EQ(Info(osei_, id)["bytes_here"], 0);
    EXPECT_THAT(osei_.Out({"why", id}), HasSubstr("on its way"));
    const json shift = Shift();
    EXPECT_EQ(shift["pending"], 0) << shift;
    EXPECT_EQ(shift["attachments_missing"], 1) << shift;
    // The server may have a chunk whose answer fell to the cut.
    EXPECT_LE(shift["attachment_bytes_missing"], 180'000 - sent) << shift;
    EXPECT_GT(shift["attachment_bytes_missing"], 0) << shift;
  }
  const json through = link.Stop();
  std::cout << through << ", " << cuts << " cuts seen, "
            << std::chrono::duration_cast<seconds>(steady_clock::now() - begin).count() << " s"
            << std::endl;
  EXPECT_GE(cuts, 2);
  // Once, and at each cut the chunk that was under way, with a hello and what else a sync says.
  EXPECT_LT(through.value("up", int64_t{0}), 180'000 + (cuts + 1) * (32'768 + 8'000)) << through;
  EXPECT_EQ(Shift()["attachments_missing"], 0);
  EXPECT_EQ(khan_.Number("attachments_waiting"), 0);

  osei_.Sync(server_.address());
  EXPECT_EQ(Info(osei_, id)["state"], "HERE");
  osei_.Out({"attachment", "get", id, "--out", dir_.File("got.jpg")});
  EXPECT_EQ(ReadAll(dir_.File("got.jpg")), photo);
  server_.Stop();
}

// The whole nine megabytes, over a link that loses answers, with the device killed in the sending
// and the server killed after it.
TEST_F(Journey12, NineMegabytesThroughLostAnswersAndKills) {
  constexpr size_t kBytes = 9'000'000;
  constexpr int kCuts = 4;
  const std::string photo = Photo(kBytes);
  const std::string id = Attach(photo);
  Link link("cut_proxy.mjs", server_.address(),
            {"--answer-of", "PutChunk", "--cuts", absl::StrCat(kCuts)});
  int64_t sent_before = 0;
  for (int i = 0; i < kCuts; ++i) {
    const RunResult cut = khan_.Run({"sync", "--server", link.address(), "--json"});
    EXPECT_EQ(cut.exit, 5) << cut;
    EXPECT_EQ(khan_.Number("waiting"), 0);
    // The answer was lost; the next sync asks, and hears that the bytes are there.
    EXPECT_GE(Info(khan_, id).value("bytes_sent", int64_t{0}), sent_before);
    sent_before = Info(khan_, id).value("bytes_sent", int64_t{0});
  }
  link.Stop();
  {
    // Late answers, so that there is something to kill.
    Link late("bad_link.mjs", server_.address(), {"--kbit", "0", "--delay", "100"});
    Process sync(DoorstepCommand(khan_.directory(), {"sync", "--server", late.address()}));
    while (Info(khan_, id).value("bytes_sent", int64_t{0}) < 1'000'000) {
      ASSERT_FALSE(sync.WaitFor(std::chrono::milliseconds(1))) << "nothing was left to kill";
    }
    sync.Signal(SIGKILL);
    sync.Wait();
  }
  const auto acknowledged = Info(khan_, id).value("bytes_sent", int64_t{0});
  EXPECT_GE(acknowledged, 1'000'000);
  server_.Kill();
  server_.StartAgain();
  json result = khan_.Sync(server_.address());
  EXPECT_LE(result.value("attachment_bytes_sent", int64_t{0}),
            static_cast<int64_t>(kBytes) - acknowledged);
  EXPECT_TRUE(Info(khan_, id).value("at_server", false));

  // Nine megabytes come when somebody asks.
  result = osei_.Sync(server_.address());
  EXPECT_EQ(result["attachment_bytes_received"], 0);
  EXPECT_EQ(Info(osei_, id)["state"], "NOT_ASKED");
  EXPECT_EQ(osei_.Run({"attachment", "get", id, "--out", dir_.File("got.jpg")}).exit, 5);
  EXPECT_EQ(Info(osei_, id)["state"], "ON_ITS_WAY");
  osei_.Sync(server_.address());
  osei_.Out({"attachment", "get", id, "--out", dir_.File("got.jpg")});
  EXPECT_EQ(ReadAll(dir_.File("got.jpg")), photo);
  server_.Stop();
}

// What somebody pays for: limits of one sync, and of one that stays.
TEST_F(Journey12, LimitsOfASyncAndOfAWatch) {
  const std::string photo = Photo(30'000);
  const std::string id = Attach(photo);
  const auto watch_until = [&](std::vector<std::string> limits, const auto& seen) {
    limits.insert(limits.begin(), {"sync", "--watch", "--json"});
    Process watcher(DoorstepCommand(khan_.directory(), limits), std::nullopt);
    const auto until = steady_clock::now() + seconds(30);
    while (!seen(watcher)) {
      ASSERT_FALSE(watcher.WaitFor(std::chrono::milliseconds(20))) << watcher.Wait();
      ASSERT_LT(steady_clock::now(), until) << watcher.out() << watcher.err();
    }
    watcher.Signal(SIGINT);
    EXPECT_EQ(watcher.Wait().exit, 0);
  };
  const auto has_synced = [](Process& watcher) { return !watcher.out().empty(); };
  for (const char* limit : {"--no-attachments", "--asked-attachments"}) {
    watch_until({limit}, has_synced);
    EXPECT_EQ(khan_.Number("waiting"), 0);
    EXPECT_EQ(khan_.Number("attachment_bytes_waiting"), 30'000) << limit;
  }
  watch_until({"--budget", "10kB"}, has_synced);
  EXPECT_EQ(khan_.Number("attachment_bytes_waiting"), 20'000);
  watch_until({}, [&](Process&) { return khan_.Number("attachments_waiting") == 0; });

  osei_.Json({"sync", "--unasked", "29KiB", "--server", server_.address()});
  EXPECT_EQ(Info(osei_, id)["state"], "NOT_ASKED");
  osei_.Json({"sync", "--unasked", "30KiB", "--budget", "5000", "--server", server_.address()});
  EXPECT_EQ(Info(osei_, id)["state"], "ON_ITS_WAY");
  EXPECT_EQ(Info(osei_, id)["bytes_here"], 5000);
  osei_.Sync(server_.address());
  EXPECT_EQ(Info(osei_, id)["state"], "HERE");
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--unasked", "many"}, {"--budget", "-1"}, {"--no-attachments", "--budget", "5"}}) {
    std::vector<std::string> words = {"sync"};
    words.insert(words.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(osei_.Run(words).exit, 2) << wrong.back();
  }
  server_.Stop();
}

}  // namespace
}  // namespace doorstep::testing
