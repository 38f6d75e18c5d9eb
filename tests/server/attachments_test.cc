// Attachments on the server: records first, bytes that survive, nothing for those who may not see a
// record, and nothing kept that no record names.
#include "server/attachments.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/audit/audit.h"
#include "server/membership.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1000;

std::string HashOf(absl::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes);
  return hash.Finish();
}

class Attachments : public ::testing::Test {
 protected:
  Attachments() {
    for (int i = 0; i < 30'000; ++i) absl::StrAppend(&photo_, i, " ");
  }

  static std::string Json(absl::string_view bytes, uint64_t size) {
    return absl::StrCat(R"({"sha256": ")", absl::Base64Escape(HashOf(bytes)), R"(", "size": ")",
                        size, R"("})");
  }
  // A record in a file that names the bytes.
  Unit Name(TestDevice& device, const Uuid& file, uint64_t record, absl::string_view bytes,
            uint8_t tier = 0) {
    return device.Do(file, {Create("Attachment", Id(record), Json(bytes, bytes.size()))}, tier);
  }

  static v1::PutChunkRequest Chunk(const TestDevice& device, const Uuid& file,
                                   absl::string_view bytes, uint64_t offset, size_t max) {
    v1::PutChunkRequest request;
    *request.mutable_sender() = device.Sender();
    request.mutable_attachment()->set_file(std::string(file.AsBytes()));
    request.mutable_attachment()->set_sha256(HashOf(bytes));
    request.set_size(bytes.size());
    request.set_offset(offset);
    request.set_data(std::string(bytes.substr(offset, max)));
    return request;
  }
  absl::StatusOr<v1::PutChunkResponse> Put(const TestDevice& device, const Uuid& file,
                                           absl::string_view bytes, uint64_t offset,
                                           size_t max = kMaxAttachmentChunkBytes) {
    return world_.core().PutChunk(Chunk(device, file, bytes, offset, max));
  }
  absl::StatusOr<v1::GetChunkResponse> Get(const TestDevice& device, const Uuid& file,
                                           absl::string_view bytes, uint64_t offset = 0,
                                           uint32_t max = 0) {
    v1::GetChunkRequest request;
    *request.mutable_sender() = device.Sender();
    request.mutable_attachment()->set_file(std::string(file.AsBytes()));
    request.mutable_attachment()->set_sha256(HashOf(bytes));
    request.set_offset(offset);
    request.set_max_bytes(max);
    return world_.core().GetChunk(request);
  }
  v1::AttachmentState Ask(const TestDevice& device, const Uuid& file, absl::string_view bytes) {
    v1::AskAttachmentsRequest request;
    *request.mutable_sender() = device.Sender();
    v1::AttachmentRef* ref = request.add_attachments();
    ref->set_file(std::string(file.AsBytes()));
    ref->set_sha256(HashOf(bytes));
    return Must(world_.core().AskAttachments(request)).states(0);
  }
  // The whole of it, in chunks.
  void PutAll(const TestDevice& device, const Uuid& file, absl::string_view bytes) {
    uint64_t at = 0;
    while (true) {
      const v1::PutChunkResponse response = Must(Put(device, file, bytes, at, 50'000));
      ASSERT_FALSE(response.wrong());
      if (response.whole()) return;
      ASSERT_GT(response.received(), at);
      at = response.received();
    }
  }
  int Collect() {
    return Must(CollectAttachments(world_.tenant(), world_.clock().Read().wall_ms)) +
           Must(CollectAttachments(world_.tenant(), world_.clock().Read().wall_ms));
  }

  World world_;
  const std::unique_ptr<TestDevice> north_ = world_.NewDevice();
  const std::unique_ptr<TestDevice> mate_ = world_.NewDevice();
  const std::unique_ptr<TestDevice> south_ = world_.NewDevice("south");
  std::string photo_;
};

TEST_F(Attachments, GoUpAndDownInPieces) {
  Name(*north_, Id(1), 100, photo_);
  EXPECT_TRUE(Ask(*north_, Id(1), photo_).known());
  EXPECT_EQ(Ask(*north_, Id(1), photo_).received(), 0u);
  EXPECT_FALSE(Must(Get(*mate_, Id(1), photo_)).whole());

  EXPECT_EQ(Must(Put(*north_, Id(1), photo_, 0, 1000)).received(), 1000u);
  EXPECT_EQ(Ask(*mate_, Id(1), photo_).received(), 1000u);
  // Nobody is given the beginning of something that nobody has checked.
  const v1::GetChunkResponse early = Must(Get(*mate_, Id(1), photo_));
  EXPECT_FALSE(early.whole());
  EXPECT_EQ(early.data(), "");
  PutAll(*north_, Id(1), photo_);
  EXPECT_TRUE(Ask(*mate_, Id(1), photo_).whole());

  std::string got;
  size_t pieces = 0;
  while (true) {
    const v1::GetChunkResponse piece = Must(Get(*mate_, Id(1), photo_, got.size(), 40'000));
    EXPECT_TRUE(piece.whole());
    EXPECT_EQ(piece.size(), photo_.size());
    if (piece.data().empty()) break;
    EXPECT_LE(piece.data().size(), 40'000u);
    got += piece.data();
    ++pieces;
  }
  EXPECT_EQ(got, photo_);
  // Each piece that was given is in the audit; the early question, which got nothing, is not.
  size_t noted = 0;
  for (const AuditRow& row : Must(Must(world_.tenant().store().Read())->AuditAfter(0, 1000))) {
    EXPECT_EQ(Must(ParseAudit(row.entry)).verb, "attachment read");
    ++noted;
  }
  EXPECT_GT(pieces, 1u);
  EXPECT_EQ(noted, pieces);
}

TEST_F(Attachments, AnswersOutliveARestartAndRepeatsStoreNothing) {
  Name(*north_, Id(1), 100, photo_);
  Must(Put(*north_, Id(1), photo_, 0, 1000));
  world_.Restart();
  EXPECT_EQ(Ask(*north_, Id(1), photo_).received(), 1000u);
  // Lost answers, chunks of another size, another device at the same time: go on from what it says.
  EXPECT_EQ(Must(Put(*north_, Id(1), photo_, 0, 1000)).received(), 1000u);
  EXPECT_EQ(Must(Put(*mate_, Id(1), photo_, 500, 1000)).received(), 1000u);
  EXPECT_EQ(Must(Put(*mate_, Id(1), photo_, 2000, 1000)).received(), 1000u);
  EXPECT_EQ(Must(Put(*mate_, Id(1), photo_, 1000, 1000)).received(), 2000u);
  PutAll(*north_, Id(1), photo_);
  EXPECT_TRUE(Must(Put(*north_, Id(1), photo_, 0, 1000)).whole());
  EXPECT_EQ(Must(Get(*mate_, Id(1), photo_, 0, 2100)).data(), photo_.substr(0, 2100));
}

// Records first: and who may not see one hears the same as of one that does not exist.
TEST_F(Attachments, NeedARecordThatTheDeviceMaySee) {
  const absl::Status none = Put(*south_, Id(1), photo_, 0).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(none.message()), HasSubstr("wanted the record first"));
  Name(*north_, Id(1), 100, photo_);
  PutAll(*north_, Id(1), photo_);
  EXPECT_EQ(Put(*south_, Id(1), photo_, 0).status(), none);
  EXPECT_EQ(Get(*south_, Id(1), photo_).status(), Get(*south_, Id(9), photo_).status());
  EXPECT_EQ(Get(*south_, Id(1), photo_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Ask(*south_, Id(1), photo_).known());
  EXPECT_EQ(Ask(*south_, Id(1), photo_).received(), 0u);

  // Never shared across files: knowing the hash, and a record of one's own elsewhere, gives
  // nothing.
  Name(*south_, Id(2), 200, photo_);
  EXPECT_TRUE(Ask(*south_, Id(2), photo_).known());
  EXPECT_EQ(Ask(*south_, Id(2), photo_).received(), 0u);
  EXPECT_FALSE(Must(Get(*south_, Id(2), photo_)).whole());

  // Given with the file, taken with it.
  {
    const auto transaction = Must(world_.tenant().store().Write());
    EXPECT_EQ(Must(ShareFile(Id(1), "south", *transaction)), 1);
    Must(transaction->Commit());
  }
  EXPECT_TRUE(Must(Get(*south_, Id(1), photo_)).whole());
  {
    const auto transaction = Must(world_.tenant().store().Write());
    EXPECT_EQ(Must(UnshareFile(Id(1), "south", /*now_ms=*/0, *transaction)), 1);
    Must(transaction->Commit());
  }
  EXPECT_EQ(Get(*south_, Id(1), photo_).status().code(), absl::StatusCode::kNotFound);
}

// What was made before access ended counts, and so do its bytes: they may come, and nothing goes
// back.
TEST_F(Attachments, WhoWroteTheRecordMaySendTheBytesAfterAccessEnded) {
  const std::string others = "not theirs";
  Name(*north_, Id(1), 100, others);
  {
    const auto transaction = Must(world_.tenant().store().Write());
    EXPECT_EQ(Must(ShareFile(Id(1), "south", *transaction)), 1);
    Must(transaction->Commit());
  }
  Name(*south_, Id(1), 101, photo_);
  Must(Put(*south_, Id(1), photo_, 0, 1000));
  const auto colleague = world_.NewDevice("south");
  {
    const auto transaction = Must(world_.tenant().store().Write());
    EXPECT_EQ(Must(UnshareFile(Id(1), "south", /*now_ms=*/0, *transaction)), 1);
    Must(transaction->Commit());
  }
  EXPECT_EQ(Ask(*south_, Id(1), photo_).received(), 1000u);
  EXPECT_TRUE(Ask(*south_, Id(1), photo_).known());
  PutAll(*south_, Id(1), photo_);
  EXPECT_TRUE(Ask(*south_, Id(1), photo_).whole());
  const absl::Status read = Get(*south_, Id(1), photo_).status();
  EXPECT_EQ(read.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(read, Get(*south_, Id(9), photo_).status());
  EXPECT_TRUE(Must(Get(*mate_, Id(1), photo_)).whole());
  // Of what others wrote nothing is told, nor to others of the site.
  EXPECT_FALSE(Ask(*south_, Id(1), others).known());
  EXPECT_EQ(Put(*south_, Id(1), others, 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Ask(*colleague, Id(1), photo_).known());
  EXPECT_EQ(Put(*colleague, Id(1), photo_, 0).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(Attachments, AWrongWholeIsDroppedAndNamed) {
  std::string other = photo_;
  other[12'345] ^= 1;
  Name(*north_, Id(1), 100, photo_);
  v1::PutChunkRequest request = Chunk(*mate_, Id(1), photo_, 0, photo_.size());
  request.set_data(other);
  const v1::PutChunkResponse response = Must(world_.core().PutChunk(request));
  EXPECT_TRUE(response.wrong());
  EXPECT_FALSE(response.whole());
  EXPECT_EQ(response.received(), 0u);
  EXPECT_EQ(Ask(*north_, Id(1), photo_).received(), 0u);
  PutAll(*north_, Id(1), photo_);
  EXPECT_EQ(Must(Get(*mate_, Id(1), photo_, 12'300, 100)).data(), photo_.substr(12'300, 100));
}

TEST_F(Attachments, HostileRequestsAreRefusedByName) {
  Name(*north_, Id(1), 100, photo_);
  const auto refused = [&](const std::string& what, auto change) {
    v1::PutChunkRequest request = Chunk(*north_, Id(1), photo_, 0, 100);
    change(&request);
    const absl::Status status = world_.core().PutChunk(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  };
  refused("sha256: got 31 bytes, wanted 32", [](v1::PutChunkRequest* request) {
    request->mutable_attachment()->mutable_sha256()->pop_back();
  });
  refused("file: got 3 bytes, wanted 16",
          [](v1::PutChunkRequest* request) { request->mutable_attachment()->set_file("abc"); });
  refused("file: got only zeros", [](v1::PutChunkRequest* request) {
    request->mutable_attachment()->set_file(std::string(16, '\0'));
  });
  refused("size: got 0", [](v1::PutChunkRequest* request) { request->set_size(0); });
  refused("size: got 67108865, wanted at most 67108864",
          [](v1::PutChunkRequest* request) { request->set_size(kMaxAttachmentBytes + 1); });
  refused("size: got 18446744073709551615",
          [](v1::PutChunkRequest* request) { request->set_size(UINT64_MAX); });
  refused(absl::StrCat("size: got 200000, wanted what a record says: ", photo_.size()),
          [](v1::PutChunkRequest* request) { request->set_size(200'000); });
  refused("offset: got 18446744073709551615",
          [](v1::PutChunkRequest* request) { request->set_offset(UINT64_MAX); });
  refused("data: got 100 bytes, wanted at most 50",
          [&](v1::PutChunkRequest* request) { request->set_offset(photo_.size() - 50); });
  refused("data: got 262145 bytes", [](v1::PutChunkRequest* request) {
    request->set_size(1'000'000);
    request->set_data(std::string(kMaxAttachmentChunkBytes + 1, 'x'));
  });
  refused("sender.device",
          [](v1::PutChunkRequest* request) { request->mutable_sender()->set_device("x"); });
  EXPECT_EQ(Ask(*north_, Id(1), photo_).received(), 0u);

  v1::PutChunkRequest foreign = Chunk(*north_, Id(1), photo_, 0, 100);
  foreign.mutable_sender()->set_site("south");
  EXPECT_EQ(world_.core().PutChunk(foreign).status().code(), absl::StatusCode::kPermissionDenied);

  v1::AskAttachmentsRequest many;
  *many.mutable_sender() = north_->Sender();
  for (size_t i = 0; i <= kMaxAskedAttachments; ++i) many.add_attachments();
  EXPECT_EQ(world_.core().AskAttachments(many).status().code(), absl::StatusCode::kInvalidArgument);
  v1::GetChunkRequest get;
  *get.mutable_sender() = north_->Sender();
  get.set_offset(kMaxAttachmentBytes + 1);
  EXPECT_EQ(world_.core().GetChunk(get).status().code(), absl::StatusCode::kInvalidArgument);
}

// One device cannot fill the disk with beginnings.
TEST_F(Attachments, UnfinishedOnesAreBounded) {
  uint64_t begun = 0;
  for (uint64_t i = 0; begun <= kMaxUnfinishedAttachmentBytes; ++i) {
    const std::string name = absl::StrCat("never sent ", i);
    north_->Do(Id(1), {Create("Attachment", Id(100 + i), Json(name, kMaxAttachmentBytes))});
    v1::PutChunkRequest request = Chunk(*north_, Id(1), name, 0, 1);
    request.set_size(kMaxAttachmentBytes);
    const absl::Status status = world_.core().PutChunk(request).status();
    begun += kMaxAttachmentBytes;
    EXPECT_EQ(status.ok(), begun <= kMaxUnfinishedAttachmentBytes) << status;
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    }
  }
  // Others go on.
  Name(*mate_, Id(1), 500, photo_);
  PutAll(*mate_, Id(1), photo_);
}

// What no record names goes, after a month and not before; what is named stays for ever.
TEST_F(Attachments, AreCollectedWhenNothingNamesThem) {
  Name(*north_, Id(1), 100, photo_);
  PutAll(*north_, Id(1), photo_);
  Name(*north_, Id(1), 101, "begun");
  Must(Put(*north_, Id(1), "begun", 0, 2));
  EXPECT_EQ(Collect(), 0);
  world_.clock().Advance(31 * kDayMs);
  EXPECT_EQ(Collect(), 1) << "the one that nobody went on with";
  EXPECT_EQ(Ask(*north_, Id(1), "begun").received(), 0u);
  EXPECT_TRUE(Ask(*north_, Id(1), photo_).whole());

  // A restored server has lost the record: its device will bring it back, or nobody will.
  AttachmentStore& store = *Must(world_.tenant().Attachments());
  const auto nothing = [](const BlobId&) -> absl::StatusOr<bool> { return false; };
  const auto now = [&] { return world_.clock().Read().wall_ms; };
  EXPECT_EQ(Must(store.Collect(nothing, now())), 0);
  world_.clock().Advance(29 * kDayMs);
  Must(store.Collect(nothing, now()));
  EXPECT_TRUE(Ask(*north_, Id(1), photo_).whole());
  EXPECT_EQ(Collect(), 0);  // named again: the month begins anew
  world_.clock().Advance(29 * kDayMs);
  EXPECT_EQ(Must(store.Collect(nothing, now())) + Must(store.Collect(nothing, now())), 0);
  world_.clock().Advance(31 * kDayMs);
  EXPECT_EQ(Must(store.Collect(nothing, now())) + Must(store.Collect(nothing, now())), 1);
  EXPECT_EQ(Ask(*north_, Id(1), photo_).received(), 0u);
  PutAll(*north_, Id(1), photo_);
}

TEST_F(Attachments, NothingStandsInTheClearOnDisk) {
  Name(*north_, Id(1), 100, photo_);
  PutAll(*north_, Id(1), photo_);
  const std::string path = world_.core().tenants().AttachmentsPathOf("default");
  for (const char* suffix : {"", "-wal"}) {
    std::string content;
    if (std::filesystem::exists(path + suffix)) content = Must(ReadFile(path + suffix));
    EXPECT_FALSE(content.empty() && *suffix == '\0');
    EXPECT_EQ(content.find("12345 12346 12347"), std::string::npos) << suffix;
  }
  EXPECT_EQ(Must(world_.core().tenants().List()), std::vector<std::string>{"default"});
}

// A backup of the records that is older than a file: its key is another when the file comes back.
TEST_F(Attachments, BytesUnderALostKeyAreAskedForAgain) {
  Name(*north_, Id(1), 100, photo_);
  PutAll(*north_, Id(1), photo_);
  AttachmentStore& store = *Must(world_.tenant().Attachments());
  const std::string other = NewChunkKey(world_.entropy());
  const BlobId id = {Id(1), HashOf(photo_)};
  EXPECT_FALSE(Must(store.Find(id, other)).whole);
  EXPECT_EQ(Must(store.Put({id, photo_.size(), 0, absl::string_view(photo_).substr(0, 10)}, other,
                           Id(9), kNine))
                .received,
            10u);
}

}  // namespace
}  // namespace doorstep::server
