#include "tests/support/power_cut_machine.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace doorstep::testing {

using Machine = PowerCutVfs::Machine;

Machine::Verdict Machine::NextIo(const Handle* handle, bool change) {
  if (handle != nullptr && handle->boot != boot_) return Verdict::kFail;
  ++io_count_;
  if (change) ++change_count_;
  if (change && change_count_ == cut_at_) return Verdict::kCut;
  return io_count_ >= fail_from_ && io_count_ < fail_until_ ? Verdict::kFail : Verdict::kGo;
}

void Machine::CutLocked(Survivors survivors) {
  SeededEntropy* const tear = survivors == Survivors::kTorn ? &entropy_ : nullptr;
  Directory after;
  const auto keep = [&](const std::string& path, const Node& node) {
    auto kept = std::make_shared<Node>();
    kept->file = ForgetfulFile(survivors == Survivors::kAll ? node.file.content()
                                                            : node.file.AfterPowerCut(tear));
    after.emplace(path, std::move(kept));
  };
  Directory all = names_;  // and those whose removal may be forgotten
  all.insert(durable_names_.begin(), durable_names_.end());
  for (const auto& [path, unused] : all) {
    const auto seen = names_.find(path);
    const auto durable = durable_names_.find(path);
    const Node* const new_node = seen == names_.end() ? nullptr : seen->second.get();
    const Node* const old_node = durable == durable_names_.end() ? nullptr : durable->second.get();
    const bool take_new = new_node == old_node || survivors == Survivors::kAll ||
                          (tear != nullptr && tear->Below(2) == 0);
    if (const Node* const node = take_new ? new_node : old_node; node != nullptr) keep(path, *node);
  }
  names_ = after;
  durable_names_ = std::move(after);
  ++boot_;
  fail_from_ = fail_until_ = cut_at_ = 0;
}

int64_t Machine::UsedBytes() {
  int64_t used = 0;
  for (const auto& [path, node] : names_) used += static_cast<int64_t>(node->file.content().size());
  return used;
}

int Machine::Open(const char* path, int flags, Handle** out) {
  MutexLock lock(mu_);
  auto handle = std::make_unique<Handle>();
  handle->machine = this;
  handle->boot = boot_;
  handle->level = SQLITE_LOCK_NONE;
  handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  if (path == nullptr) {
    handle->node = std::make_shared<Node>();
  } else {
    handle->path = path;
    const auto found = names_.find(handle->path);
    const bool create = (flags & SQLITE_OPEN_CREATE) != 0;
    const bool exclusive = (flags & SQLITE_OPEN_EXCLUSIVE) != 0;
    if (found == names_.end() ? !create : create && exclusive) return SQLITE_CANTOPEN;
    if (found != names_.end()) {
      handle->node = found->second;
    } else {
      constexpr int kJournals =
          SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
      handle->node = std::make_shared<Node>();
      handle->node->names_unsynced = (flags & kJournals) != 0;
      names_.emplace(handle->path, handle->node);
    }
  }
  handle->node->handles.insert(handle.get());
  *out = handle.release();
  return SQLITE_OK;
}

int Machine::Delete(const std::string& path, bool sync_names) {
  MutexLock lock(mu_);
  const Verdict verdict = NextIo(nullptr, /*change=*/true);
  if (verdict == Verdict::kFail) return SQLITE_IOERR_DELETE;
  const bool found = names_.erase(path) > 0;
  if (verdict == Verdict::kCut) {
    CutLocked(cut_survivors_);
    return SQLITE_IOERR_DELETE;
  }
  if (sync_names) durable_names_ = names_;
  return found ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

bool Machine::Exists(const std::string& path) {
  MutexLock lock(mu_);
  return names_.contains(path);
}

void Machine::Close(Handle* handle) {
  UnmapShared(*handle);
  MutexLock lock(mu_);
  handle->node->handles.erase(handle);
  if (handle->delete_on_close && handle->boot == boot_) names_.erase(handle->path);
  delete handle;
}

int Machine::Read(Handle& handle, size_t offset, absl::Span<char> out) {
  MutexLock lock(mu_);
  if (NextIo(&handle, /*change=*/false) == Verdict::kFail) return SQLITE_IOERR_READ;
  const std::string& content = handle.node->file.content();
  const size_t there = offset < content.size() ? std::min(out.size(), content.size() - offset) : 0;
  std::memset(out.data(), 0, out.size());
  if (there > 0) std::memcpy(out.data(), content.data() + offset, there);
  return there == out.size() ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int Machine::Write(Handle& handle, size_t offset, absl::string_view bytes) {
  MutexLock lock(mu_);
  const Verdict verdict = NextIo(&handle, /*change=*/true);
  if (verdict == Verdict::kFail) return SQLITE_IOERR_WRITE;
  ForgetfulFile& file = handle.node->file;
  if (capacity_ >= 0 && offset + bytes.size() > file.content().size()) {
    const size_t growth = offset + bytes.size() - file.content().size();
    if (UsedBytes() + static_cast<int64_t>(growth) > capacity_) return SQLITE_FULL;
  }
  file.Write(offset, bytes);
  if (verdict == Verdict::kGo) return SQLITE_OK;
  CutLocked(cut_survivors_);
  return SQLITE_IOERR_WRITE;
}

int Machine::Truncate(Handle& handle, size_t size) {
  MutexLock lock(mu_);
  const Verdict verdict = NextIo(&handle, /*change=*/true);
  if (verdict == Verdict::kFail) return SQLITE_IOERR_TRUNCATE;
  handle.node->file.Truncate(size);
  if (verdict == Verdict::kGo) return SQLITE_OK;
  CutLocked(cut_survivors_);
  return SQLITE_IOERR_TRUNCATE;
}

int Machine::Sync(Handle& handle) {
  MutexLock lock(mu_);
  const Verdict verdict = NextIo(&handle, /*change=*/true);
  if (verdict == Verdict::kCut) CutLocked(cut_survivors_);
  if (verdict != Verdict::kGo) return SQLITE_IOERR_FSYNC;
  handle.node->file.Sync();
  const auto named = names_.find(handle.path);
  if (named == names_.end() || named->second != handle.node) return SQLITE_OK;  // deleted since
  if (std::exchange(handle.node->names_unsynced, false)) {
    durable_names_ = names_;
  } else {
    durable_names_[handle.path] = handle.node;
  }
  return SQLITE_OK;
}

int Machine::Size(Handle& handle, int64_t* size) {
  MutexLock lock(mu_);
  if (handle.boot != boot_) return SQLITE_IOERR_FSTAT;
  *size = static_cast<int64_t>(handle.node->file.content().size());
  return SQLITE_OK;
}

// The five levels of https://www.sqlite.org/lockingv3.html. PENDING keeps new readers out while a
// writer waits for the old ones to leave.
int Machine::Lock(Handle& handle, int level) {
  MutexLock lock(mu_);
  if (handle.boot != boot_) return SQLITE_IOERR_LOCK;
  if (level <= handle.level) return SQLITE_OK;
  int highest = SQLITE_LOCK_NONE;
  for (const Handle* other : handle.node->handles) {
    if (other != &handle) highest = std::max(highest, other->level);
  }
  if (level == SQLITE_LOCK_SHARED) {
    if (highest >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
  } else if (highest >= SQLITE_LOCK_RESERVED) {
    return SQLITE_BUSY;
  } else if (level == SQLITE_LOCK_EXCLUSIVE && highest >= SQLITE_LOCK_SHARED) {
    handle.level = SQLITE_LOCK_PENDING;
    return SQLITE_BUSY;
  }
  handle.level = level;
  return SQLITE_OK;
}

int Machine::Unlock(Handle& handle, int level) {
  MutexLock lock(mu_);
  handle.level = std::min(handle.level, level);
  return SQLITE_OK;
}

int Machine::IsReserved(Handle& handle, bool* reserved) {
  MutexLock lock(mu_);
  if (handle.boot != boot_) return SQLITE_IOERR_CHECKRESERVEDLOCK;
  *reserved = std::any_of(handle.node->handles.begin(), handle.node->handles.end(),
                          [](const Handle* h) { return h->level >= SQLITE_LOCK_RESERVED; });
  return SQLITE_OK;
}

int Machine::MapShared(Handle& handle, size_t region, size_t bytes, bool extend,
                       volatile void** out) {
  MutexLock lock(mu_);
  *out = nullptr;
  if (handle.boot != boot_) return SQLITE_IOERR_SHMMAP;
  std::shared_ptr<Regions>& regions = handle.node->shared;
  if (regions == nullptr) regions = std::make_shared<Regions>();
  handle.shared = regions;
  while (extend && regions->size() <= region) {
    regions->push_back(std::make_unique<char[]>(bytes));  // zeros
  }
  if (region < regions->size()) *out = (*regions)[region].get();
  return SQLITE_OK;
}

int Machine::LockShared(Handle& handle, int first, int count, int flags) {
  MutexLock lock(mu_);
  if (handle.boot != boot_) return SQLITE_IOERR_SHMLOCK;
  const unsigned slots = ((1u << count) - 1) << first;
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  unsigned& held = exclusive ? handle.exclusive_locks : handle.shared_locks;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    held &= ~slots;
    return SQLITE_OK;
  }
  for (const Handle* other : handle.node->handles) {
    if (other == &handle) continue;
    const unsigned in_the_way = other->exclusive_locks | (exclusive ? other->shared_locks : 0);
    if ((in_the_way & slots) != 0) return SQLITE_BUSY;
  }
  held |= slots;
  return SQLITE_OK;
}

void Machine::UnmapShared(Handle& handle) {
  MutexLock lock(mu_);
  handle.shared_locks = handle.exclusive_locks = 0;
  handle.shared.reset();
  // Nobody but the node has it: the next to map it starts from the files, as after a restart.
  if (handle.node->shared.use_count() == 1) handle.node->shared.reset();
}

void Machine::Barrier() { MutexLock lock(mu_); }

void Machine::PowerCut(Survivors survivors) {
  MutexLock lock(mu_);
  CutLocked(survivors);
}

int64_t Machine::power_cuts() {
  MutexLock lock(mu_);
  return static_cast<int64_t>(boot_);
}

int64_t Machine::io_count() {
  MutexLock lock(mu_);
  return io_count_;
}

int64_t Machine::change_count() {
  MutexLock lock(mu_);
  return change_count_;
}

void Machine::FailIo(int64_t nth, int64_t count) {
  MutexLock lock(mu_);
  fail_from_ = io_count_ + nth;
  fail_until_ = nth == 0 ? 0 : fail_from_ + count;
}

void Machine::CutPowerAtChange(int64_t nth, Survivors survivors) {
  MutexLock lock(mu_);
  cut_at_ = nth == 0 ? 0 : change_count_ + nth;
  cut_survivors_ = survivors;
}

void Machine::SetFreeBytes(int64_t bytes) {
  MutexLock lock(mu_);
  capacity_ = bytes < 0 ? -1 : UsedBytes() + bytes;
}

std::vector<std::string> Machine::Names() {
  MutexLock lock(mu_);
  std::vector<std::string> names;
  for (const auto& [path, node] : names_) names.push_back(path);
  return names;
}

std::string Machine::Content(absl::string_view path) {
  MutexLock lock(mu_);
  const auto found = names_.find(std::string(path));
  return found == names_.end() ? "" : found->second->file.content();
}

void Machine::SetContent(absl::string_view path, std::string content) {
  MutexLock lock(mu_);
  auto node = std::make_shared<Node>();
  node->file = ForgetfulFile(std::move(content));
  names_[std::string(path)] = node;
  durable_names_[std::string(path)] = std::move(node);
}

}  // namespace doorstep::testing
