#include "tests/support/io_moment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace doorstep::testing {

std::vector<std::string> WithEnvironment(std::vector<std::string> variables,
                                         std::vector<std::string> command) {
  command.insert(command.begin(), variables.begin(), variables.end());
  command.insert(command.begin(), "env");
  return command;
}

std::vector<std::string> ShimEnvironment() {
  const char* sanitizer = std::getenv("ASAN_OPTIONS");
  return {absl::StrCat("LD_PRELOAD=", DOORSTEP_TEST_SHIM),
          absl::StrCat("ASAN_OPTIONS=", sanitizer == nullptr ? "" : sanitizer,
                       sanitizer == nullptr ? "" : ":", "verify_asan_link_order=0")};
}

IoMoment::IoMoment(std::string file) : file_(std::move(file)) {
  const int fd = open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(IoCount)) != 0) {
    ADD_FAILURE() << "cannot make " << file_;
    return;
  }
  void* shared = mmap(nullptr, sizeof(IoCount), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (shared == MAP_FAILED) {
    ADD_FAILURE() << "cannot map " << file_;
    return;
  }
  count_ = static_cast<IoCount*>(shared);
}

IoMoment::~IoMoment() {
  if (count_ != nullptr) munmap(count_, sizeof(IoCount));
}

std::vector<std::string> IoMoment::Environment() const {
  std::vector<std::string> words = ShimEnvironment();
  words.push_back(absl::StrCat("DOORSTEP_TEST_IO=", file_));
  return words;
}

void IoMoment::DieAt(int64_t io) {
  __atomic_store_n(&count_->died, 0, __ATOMIC_SEQ_CST);
  __atomic_store_n(&count_->left, io, __ATOMIC_SEQ_CST);
}

int64_t IoMoment::Done() const { return __atomic_load_n(&count_->done, __ATOMIC_SEQ_CST); }

bool IoMoment::Died() const { return __atomic_load_n(&count_->died, __ATOMIC_SEQ_CST) != 0; }

}  // namespace doorstep::testing
