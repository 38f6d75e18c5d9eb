#include "sync/base/mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace doorstep {
namespace {

class Tickets {
 public:
  void Put(int count) {
    MutexLock lock(mu_);
    left_ += count;
    put_.NotifyAll();
  }
  void Take() {
    MutexLock lock(mu_);
    while (left_ == 0) put_.Wait(mu_);
    --left_;
  }
  int left() {
    MutexLock lock(mu_);
    return left_;
  }

 private:
  Mutex mu_;
  CondVar put_;
  int left_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST(CondVar, EveryWaiterGetsItsTicket) {
  Tickets tickets;
  std::vector<std::thread> takers;
  for (int i = 0; i < 8; ++i) {
    takers.emplace_back([&tickets] {
      for (int n = 0; n < 100; ++n) tickets.Take();
    });
  }
  for (int n = 0; n < 100; ++n) tickets.Put(8);
  for (std::thread& taker : takers) taker.join();
  EXPECT_EQ(tickets.left(), 0);
}

TEST(CondVar, WaitForEndsByItself) {
  Mutex mu;
  CondVar never;
  MutexLock lock(mu);
  // A spurious wake is allowed; for ever is not.
  while (never.WaitFor(mu, 1)) {
  }
  EXPECT_FALSE(never.WaitFor(mu, -1));
}

TEST(Mutex, TryLockFailsWhileHeld) {
  Mutex mu;
  mu.Lock();
  std::thread other([&mu] {
    const bool taken = mu.TryLock();
    EXPECT_FALSE(taken);
    if (taken) mu.Unlock();
  });
  other.join();
  mu.Unlock();
  const bool taken = mu.TryLock();
  EXPECT_TRUE(taken);
  if (taken) mu.Unlock();
}

}  // namespace
}  // namespace doorstep
