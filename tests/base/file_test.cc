#include "sync/base/file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string pattern = (fs::temp_directory_path() / "doorstep-file-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~FileTest() override { fs::remove_all(directory_); }

  std::string Path(absl::string_view name) const { return absl::StrCat(directory_, "/", name); }

  size_t EntryCount() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  static mode_t ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  std::string directory_;
};

TEST_F(FileTest, ReadsWhatItWrites) {
  const std::string content = std::string("a\0b", 3) + std::string(200'000, 'x');
  ASSERT_TRUE(WriteFileAtomically(Path("f"), content).ok());
  EXPECT_EQ(*ReadFile(Path("f")), content);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "").ok());
  EXPECT_EQ(*ReadFile(Path("f")), "");
  EXPECT_EQ(EntryCount(), 1u);  // no temporary file stays
}

TEST_F(FileTest, WritesTheModeThatWasAskedFor) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "1").ok());
  EXPECT_EQ(ModeOf(Path("f")), 0600u);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "2", 0664).ok());
  EXPECT_EQ(ModeOf(Path("f")), 0664u);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "3").ok());
  EXPECT_EQ(ModeOf(Path("f")), 0600u);
}

TEST_F(FileTest, ReplacesALinkAndNotWhatItPointsTo) {
  ASSERT_TRUE(WriteFileAtomically(Path("target"), "kept").ok());
  fs::create_symlink("target", Path("link"));
  ASSERT_TRUE(WriteFileAtomically(Path("link"), "new").ok());
  EXPECT_EQ(*ReadFile(Path("target")), "kept");
  EXPECT_FALSE(fs::is_symlink(Path("link")));
}

TEST_F(FileTest, ReadsUpToItsLimit) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "12345").ok());
  EXPECT_EQ(*ReadFile(Path("f"), 5), "12345");
  EXPECT_TRUE(absl::IsOutOfRange(ReadFile(Path("f"), 4).status()));
  EXPECT_TRUE(absl::IsOutOfRange(ReadFile("/dev/zero", 1000).status()));
}

TEST_F(FileTest, ErrorsSayWhatCanBeDone) {
  const absl::Status missing = ReadFile(Path("none")).status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()), HasSubstr(Path("none")));
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadFile(directory_).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(WriteFileAtomically(directory_, "x")));
  EXPECT_TRUE(absl::IsNotFound(WriteFileAtomically(Path("no/f"), "x")));
  EXPECT_TRUE(absl::IsNotFound(SyncDirectory(Path("none"))));
}

TEST_F(FileTest, MakesDirectoriesWithTheirParents) {
  EXPECT_TRUE(EnsureDirectory(Path("a/b//c/")).ok());
  EXPECT_TRUE(fs::is_directory(Path("a/b/c")));
  EXPECT_EQ(ModeOf(Path("a/b/c")), 0700u);
  EXPECT_TRUE(EnsureDirectory(Path("a/b/c")).ok());
  EXPECT_TRUE(EnsureDirectory("/").ok());
  EXPECT_TRUE(absl::IsNotFound(EnsureDirectory("")));
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "x").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(EnsureDirectory(Path("f"))));
  EXPECT_TRUE(absl::IsFailedPrecondition(EnsureDirectory(Path("f/below"))));
}

TEST_F(FileTest, ManyMayMakeOneDirectoryAtOnce) {
  std::vector<std::thread> makers;
  for (int i = 0; i < 8; ++i) {
    makers.emplace_back([this] { EXPECT_TRUE(EnsureDirectory(Path("x/y/z")).ok()); });
  }
  for (std::thread& maker : makers) maker.join();
}

TEST_F(FileTest, ALockHasOneHolder) {
  auto held = FileLock::TryAcquire(Path("lock"));
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(absl::IsAborted(FileLock::TryAcquire(Path("lock")).status()));
  {
    const FileLock moved = *std::move(held);
    EXPECT_TRUE(absl::IsAborted(FileLock::TryAcquire(Path("lock")).status()));
  }
  auto again = FileLock::TryAcquire(Path("lock"));
  ASSERT_TRUE(again.ok());
  auto other = FileLock::TryAcquire(Path("other"));
  ASSERT_TRUE(other.ok());
  *again = *std::move(other);  // lets go of "lock"
  EXPECT_TRUE(FileLock::TryAcquire(Path("lock")).ok());
  EXPECT_TRUE(absl::IsAborted(FileLock::TryAcquire(Path("other")).status()));
}

TEST_F(FileTest, ALockIsSharedOrExclusive) {
  using Mode = FileLock::Mode;
  const auto one = FileLock::TryAcquire(Path("lock"), Mode::kShared);
  auto two = FileLock::TryAcquire(Path("lock"), Mode::kShared);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_TRUE(absl::IsAborted(FileLock::Acquire(Path("lock"), Mode::kExclusive, 30).status()));
  *two = *FileLock::TryAcquire(Path("other"));
  EXPECT_TRUE(absl::IsAborted(FileLock::TryAcquire(Path("other"), Mode::kShared).status()));
}

TEST_F(FileTest, ACopyIsNewAndPrivate) {
  const std::string content(200'000, 'c');
  ASSERT_TRUE(WriteFileAtomically(Path("a"), content, 0644).ok());
  ASSERT_TRUE(CopyFileDurably(Path("a"), Path("b")).ok());
  EXPECT_EQ(*ReadFile(Path("b")), content);
  struct stat info;
  ASSERT_EQ(stat(Path("b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(absl::IsAlreadyExists(CopyFileDurably(Path("a"), Path("b"))));
  EXPECT_TRUE(absl::IsNotFound(CopyFileDurably(Path("none"), Path("c"))));
}

TEST_F(FileTest, OldContentIsOverwrittenAfterItWasReplaced) {
  const std::string old(100'000, 'o');
  ASSERT_TRUE(WriteFileAtomically(Path("a"), old).ok());
  ASSERT_EQ(link(Path("a").c_str(), Path("old").c_str()), 0);
  auto held = OldContent::Hold(Path("a"));
  ASSERT_TRUE(held.ok());
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "new").ok());
  ASSERT_TRUE(held->Overwrite().ok());
  EXPECT_EQ(*ReadFile(Path("a")), "new");
  EXPECT_EQ(*ReadFile(Path("old")), std::string(old.size(), '\0'));
  EXPECT_TRUE(absl::IsNotFound(OldContent::Hold(Path("none")).status()));
}

TEST_F(FileTest, ALockEndsWithItsProcess) {
  int ready[2], leave[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(leave), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto held = FileLock::TryAcquire(Path("lock"));
    char byte = held.ok() ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1 || read(leave[0], &byte, 1) != 1) _exit(1);
    _exit(0);  // without destructors, as a crash
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  EXPECT_TRUE(absl::IsAborted(FileLock::TryAcquire(Path("lock")).status()));
  ASSERT_EQ(write(leave[1], "x", 1), 1);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(FileLock::TryAcquire(Path("lock")).ok());
  for (const int fd : {ready[0], ready[1], leave[0], leave[1]}) close(fd);
}

}  // namespace
}  // namespace doorstep
