// The bytes of attachments at rest: what is written is read back from anywhere in it, is never in
// the clear, opens nowhere else, and survives a power cut at every moment as a beginning of itself.
#include "sync/blobs/blobs.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/entropy.h"
#include "sync/base/limits.h"
#include "tests/sqlite/database_fixture.h"
#include "tests/support/power_cut_vfs.h"

namespace doorstep {
namespace {

constexpr int64_t kNow = 1'000;

std::string HashOf(absl::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes);
  return hash.Finish();
}

class BlobsTest : public DatabaseTest {
 protected:
  BlobsTest() {
    Must(db_->Exec(kBlobTablesSql));
    for (int i = 0; i < 20'000; ++i) absl::StrAppend(&bytes_, i, " ");
    id_ = {NewUuidV4(entropy_), HashOf(bytes_)};
  }

  // In chunks of so many bytes.
  BlobRow Put(size_t chunk) {
    BlobRow row = Must(blobs_.Begin(id_, bytes_.size(), key_, kNow));
    for (size_t at = 0; at < bytes_.size(); at += chunk) {
      Must(blobs_.Append(&row, absl::string_view(bytes_).substr(at, chunk), key_, kNow));
    }
    return row;
  }

  SeededEntropy entropy_{1};
  std::unique_ptr<Database> db_ = InMemory();
  Blobs blobs_{db_.get(), &entropy_};
  const std::string key_ = NewChunkKey(entropy_);
  std::string bytes_;
  BlobId id_;
};

TEST(Sha256Test, IsTheStandardOne) {
  EXPECT_EQ(ToHex(HashOf("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  pieces.Add("a");
  pieces.Add("");
  pieces.Add("bc");
  EXPECT_EQ(pieces.Finish(), HashOf("abc"));
}

TEST_F(BlobsTest, ReadsFromAnywhere) {
  for (const size_t chunk : {size_t{1000}, size_t{4096}, bytes_.size()}) {
    const BlobRow row = Put(chunk);
    for (const size_t offset : {size_t{0}, size_t{1}, chunk - 1, chunk, bytes_.size() - 1}) {
      for (const size_t max : {size_t{1}, size_t{999}, size_t{70'000}}) {
        EXPECT_EQ(Must(blobs_.Read(row, offset, max, key_)), bytes_.substr(offset, max))
            << chunk << " " << offset << " " << max;
      }
    }
    EXPECT_EQ(Must(blobs_.Read(row, bytes_.size(), 10, key_)), "");
    EXPECT_EQ(Must(blobs_.Read(row, bytes_.size() + 7, 10, key_)), "");
    EXPECT_EQ(Must(blobs_.Read(row, 0, 0, key_)), "");
    Must(blobs_.Remove(row.ref));
    EXPECT_EQ(Must(db_->QueryInt("SELECT count(*) FROM chunk")), 0);
  }
}

TEST_F(BlobsTest, KnowsHowFarItIs) {
  BlobRow row = Must(blobs_.Begin(id_, bytes_.size(), key_, kNow));
  Must(blobs_.Append(&row, bytes_.substr(0, 5), key_, kNow + 1));
  EXPECT_EQ(row.here, 5u);
  const BlobRow again = *Must(blobs_.Find(id_));
  EXPECT_EQ(again.ref, row.ref);
  EXPECT_EQ(again.here, 5u);
  EXPECT_FALSE(again.whole);
  EXPECT_EQ(again.touched_ms, kNow + 1);
  EXPECT_EQ(again.key_name, NameOfKey(key_));
  EXPECT_EQ(Must(blobs_.Read(row, 0, 100, key_)), bytes_.substr(0, 5));
  EXPECT_EQ(blobs_.Append(&row, bytes_, key_, kNow).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Must(blobs_.Find({id_.file, HashOf("x")})), std::nullopt);
}

// Nothing may be read without the key, moved, or given to another file.
TEST_F(BlobsTest, ChunksOpenOnlyWhereTheyBelong) {
  const std::string body = SealChunk(id_, 7, "Peter and the newsagent", key_, entropy_);
  EXPECT_EQ(Must(OpenChunk(id_, 7, body, key_)), "Peter and the newsagent");
  EXPECT_EQ(body.find("newsagent"), std::string::npos);
  const BlobId other_file = {NewUuidV4(entropy_), id_.sha256};
  const BlobId other_bytes = {id_.file, HashOf("x")};
  for (const absl::StatusOr<std::string>& opened :
       {OpenChunk(id_, 8, body, key_), OpenChunk(other_file, 7, body, key_),
        OpenChunk(other_bytes, 7, body, key_), OpenChunk(id_, 7, body, NewChunkKey(entropy_)),
        OpenChunk(id_, 7, body, ""), OpenChunk(id_, 7, "short", key_),
        OpenChunk(id_, 7, "", key_)}) {
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
  }
  for (size_t i = 0; i < body.size(); ++i) {
    std::string altered = body;
    altered[i] ^= 1;
    EXPECT_FALSE(OpenChunk(id_, 7, altered, key_).ok()) << i;
  }
}

TEST_F(BlobsTest, FindsDamage) {
  const BlobRow row = Put(1000);
  Must(db_->Exec("DELETE FROM chunk WHERE at = 3000"));
  EXPECT_EQ(Must(blobs_.Read(row, 2000, 1000, key_)), bytes_.substr(2000, 1000));
  EXPECT_EQ(blobs_.Read(row, 3000, 1000, key_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(blobs_.Read(row, 2999, 1000, key_).status().code(), absl::StatusCode::kDataLoss);
}

// At every change that the disk sees: what is there after the cut is a beginning of the bytes, at
// least as long as what was committed.
TEST_F(BlobsTest, APowerCutLeavesABeginning) {
  constexpr size_t kChunk = 30'000;
  for (int64_t moment = 1;; ++moment) {
    testing::PowerCutVfs vfs(static_cast<uint64_t>(moment));
    DatabaseOptions options = Impatient();
    options.vfs = vfs.name();
    uint64_t committed = 0;
    bool cut = false;
    {
      const auto db = Must(Database::Open("a.db", options));
      Must(db->Exec(kBlobTablesSql));
      Blobs blobs(db.get(), &entropy_);
      BlobRow row = Must(blobs.Begin(id_, bytes_.size(), key_, kNow));
      vfs.CutPowerAtChange(moment, testing::Survivors::kTorn);
      for (size_t at = 0; at < bytes_.size() && !cut; at += kChunk) {
        absl::StatusOr<Transaction> transaction =
            Transaction::Begin(*db, Transaction::Mode::kWrite);
        cut = !transaction.ok() ||
              !blobs.Append(&row, bytes_.substr(at, kChunk), key_, kNow).ok() ||
              !transaction->Commit().ok();
        if (!cut) committed = at + std::min(kChunk, bytes_.size() - at);
      }
    }
    const auto db = Must(Database::Open("a.db", options));
    Blobs blobs(db.get(), &entropy_);
    const BlobRow row = *Must(blobs.Find(id_));
    EXPECT_GE(row.here, committed) << "moment " << moment;
    EXPECT_EQ(Must(blobs.Read(row, 0, bytes_.size(), key_)), bytes_.substr(0, row.here))
        << "moment " << moment;
    if (!cut) {
      EXPECT_GT(moment, 10);
      break;
    }
  }
}

}  // namespace
}  // namespace doorstep
