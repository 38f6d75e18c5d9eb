// Who is woken by what.
#include "server/notifier.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kStudy[] = R"({"title": "To the newsagent"})";

TEST(Notifier, WakesOnlyWhomItConcerns) {
  Notifier notifier;
  std::vector<std::string> woken;
  auto watch = [&](uint64_t device, const char* site, const char* name) {
    return notifier.Register(Id(device), site,
                             [&woken, name](uint64_t) { woken.emplace_back(name); });
  };
  auto a = watch(1, "north", "a");
  auto b = watch(2, "south", "b");
  CommitSummary summary;
  summary.head = 5;
  summary.sites = {"north"};
  notifier.Committed(summary);
  EXPECT_THAT(woken, ElementsAre("a"));
  woken.clear();
  summary.sites.clear();
  summary.devices = {Id(2)};
  notifier.Committed(summary);
  EXPECT_THAT(woken, ElementsAre("b"));
  woken.clear();
  summary.sites = {"north", "south"};
  b.reset();
  notifier.Committed(summary);
  EXPECT_THAT(woken, ElementsAre("a"));
  a.reset();
  EXPECT_EQ(notifier.watchers(), 0u);
}

TEST(Notifier, OneWhoIsConcernedTwiceIsWokenOnce) {
  Notifier notifier;
  int woken = 0;
  auto a = notifier.Register(Id(1), "north", [&](uint64_t) { ++woken; });
  CommitSummary summary;
  summary.sites = {"north"};
  summary.devices = {Id(1)};
  notifier.Committed(summary);
  EXPECT_EQ(woken, 1);
}

TEST(Notifier, ForeignCommitsWakeEveryone) {
  Notifier notifier;
  std::vector<uint64_t> heads;
  auto a = notifier.Register(Id(1), "north", [&](uint64_t head) { heads.push_back(head); });
  notifier.Seen(10);  // how it was when the server started
  notifier.Seen(10);
  EXPECT_THAT(heads, IsEmpty());
  CommitSummary own;
  own.head = 11;
  notifier.Committed(own);
  notifier.Seen(11);
  EXPECT_THAT(heads, IsEmpty());
  notifier.Seen(12);
  notifier.Seen(12);
  EXPECT_THAT(heads, ElementsAre(12));
}

class Watching : public ::testing::Test {
 protected:
  std::unique_ptr<Notifier::Registration> Watch(const TestDevice& device, uint64_t cursor,
                                                std::vector<uint64_t>* heads) {
    v1::WatchRequest request;
    *request.mutable_sender() = device.Sender();
    request.set_cursor(cursor);
    return Must(world_.core().Watch(request, [heads](uint64_t head) { heads->push_back(head); }));
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> other_ = world_.NewDevice("south");
};

TEST_F(Watching, ACommitWakesTheMembersOfItsCompartment) {
  std::vector<uint64_t> b, other;
  auto watch_b = Watch(*b_, world_.Head(), &b);
  auto watch_other = Watch(*other_, world_.Head(), &other);
  a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
  EXPECT_THAT(b, ElementsAre(world_.Head()));
  EXPECT_THAT(other, IsEmpty());
  a_->Do(Id(1), {Edit("CaseStudy", Id(999), R"({"title": "refused"})", {})});
  EXPECT_THAT(b, SizeIs(1));
}

TEST_F(Watching, ARefusalWakesItsAuthorsDevice) {
  std::vector<uint64_t> a;
  auto watch = Watch(*a_, world_.Head(), &a);
  a_->Do(Id(1), {Edit("CaseStudy", Id(999), R"({"title": "refused"})", {})});
  EXPECT_THAT(a, SizeIs(1));
}

TEST_F(Watching, ARepeatWakesNobody) {
  const Unit unit = a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
  std::vector<uint64_t> a;
  auto watch = Watch(*a_, world_.Head(), &a);
  Must(a_->Push({unit}));
  EXPECT_THAT(a, IsEmpty());
}

TEST_F(Watching, WhatHappenedBeforeIsToldAtOnce) {
  a_->Pull();
  a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
  std::vector<uint64_t> a;
  auto watch = Watch(*a_, a_->cursor(), &a);
  EXPECT_THAT(a, ElementsAre(world_.Head()));
}

TEST_F(Watching, AnOperatorsCommandIsNoticed) {
  a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
  std::vector<uint64_t> other;
  auto watch = Watch(*other_, world_.Head(), &other);
  Must(world_.tenant().NoticeForeignCommits());
  EXPECT_THAT(other, IsEmpty());
  Tenants another_process(world_.Options());
  Must(Share(*Must(another_process.Find("default")), Id(1), "south"));
  Must(world_.tenant().NoticeForeignCommits());
  EXPECT_THAT(other, ElementsAre(world_.Head()));
}

}  // namespace
}  // namespace doorstep::server
