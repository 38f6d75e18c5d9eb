#include "server/notifier.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sync/base/limits.h"

namespace doorstep::server {

struct Notifier::Registration::Watcher {
  Uuid device;
  std::string site;

  Mutex mu;  // held while the callback runs
  Callback callback ABSL_GUARDED_BY(mu);
  bool gone ABSL_GUARDED_BY(mu) = false;

  void Wake(uint64_t head) {
    MutexLock lock(mu);
    if (!gone) callback(head);
  }
};

Notifier::Registration::Registration(Notifier* notifier, uint64_t id,
                                     std::shared_ptr<Watcher> watcher)
    : notifier_(notifier), id_(id), watcher_(std::move(watcher)) {}

Notifier::Registration::~Registration() {
  notifier_->Remove(id_);
  MutexLock lock(watcher_->mu);
  watcher_->gone = true;
}

std::unique_ptr<Notifier::Registration> Notifier::Register(const Uuid& device, std::string site,
                                                           Callback callback) {
  auto watcher = std::make_shared<Watcher>();
  watcher->device = device;
  watcher->site = std::move(site);
  {
    MutexLock lock(watcher->mu);
    watcher->callback = std::move(callback);
  }
  MutexLock lock(mu_);
  if (watchers_.size() >= kMaxWatchers) return nullptr;
  const uint64_t id = next_id_++;
  watchers_.emplace(id, watcher);
  by_site_[watcher->site].insert(id);
  by_device_[device].insert(id);
  return std::unique_ptr<Registration>(new Registration(this, id, std::move(watcher)));
}

void Notifier::Remove(uint64_t id) {
  MutexLock lock(mu_);
  const auto it = watchers_.find(id);
  if (it == watchers_.end()) return;
  const auto site = by_site_.find(it->second->site);
  site->second.erase(id);
  if (site->second.empty()) by_site_.erase(site);
  const auto device = by_device_.find(it->second->device);
  device->second.erase(id);
  if (device->second.empty()) by_device_.erase(device);
  watchers_.erase(it);
}

std::vector<std::shared_ptr<Notifier::Watcher>> Notifier::Concerned(const CommitSummary& summary) {
  std::vector<std::shared_ptr<Watcher>> concerned;
  if (summary.everyone) {
    for (const auto& [id, watcher] : watchers_) concerned.push_back(watcher);
    return concerned;
  }
  Ids ids;
  for (const std::string& site : summary.sites) {
    const auto it = by_site_.find(site);
    if (it != by_site_.end()) ids.insert(it->second.begin(), it->second.end());
  }
  for (const Uuid& device : summary.devices) {
    const auto it = by_device_.find(device);
    if (it != by_device_.end()) ids.insert(it->second.begin(), it->second.end());
  }
  for (const uint64_t id : ids) concerned.push_back(watchers_.at(id));
  return concerned;
}

void Notifier::Committed(const CommitSummary& summary) {
  std::vector<std::shared_ptr<Watcher>> concerned;
  {
    MutexLock lock(mu_);
    head_ = std::max(head_, summary.head);
    concerned = Concerned(summary);
  }
  for (const auto& watcher : concerned) watcher->Wake(summary.head);
}

void Notifier::Seen(uint64_t head) {
  CommitSummary summary;
  {
    MutexLock lock(mu_);
    const bool foreign = known_ && head > head_;
    known_ = true;
    head_ = std::max(head_, head);
    if (!foreign) return;
  }
  summary.head = head;
  summary.everyone = true;
  Committed(summary);
}

size_t Notifier::watchers() const {
  MutexLock lock(mu_);
  return watchers_.size();
}

}  // namespace doorstep::server
