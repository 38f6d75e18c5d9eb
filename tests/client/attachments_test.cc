// Attachments of a replica: put here before their record, sent after all records, received in
// pieces, gone with the records that name them.
#include "doorstep/attachments.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/attachment_rows.h"
#include "client-lib/session.h"
#include "client-lib/shelf_key.h"
#include "doorstep/people.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/membership.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "sync/sqlite/rekey.h"
#include "tests/client/attachments.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using testing::Fault;
using ::testing::HasSubstr;

std::string FileKey(World::Linked& device) {
  return std::string(Must(client::ShelfKeysOf(device->store(), /*create=*/false)).key.view());
}

DatabaseOptions With(const std::string& key) {
  DatabaseOptions options;
  options.key = key;
  return options;
}

TEST_F(AttachmentsTest, TravelAfterTheirRecord) {
  const std::string id = Attach(a_, photo_);
  EXPECT_EQ(a_->Json(id)["caption"], "the step");
  EXPECT_EQ(a_->Json(id)["size"], "200000");
  AttachmentInfo info = Info(a_, id);
  EXPECT_EQ(info.state, AttachmentState::kHere);
  EXPECT_FALSE(info.at_server);
  EXPECT_EQ(info.title, "the step");
  EXPECT_EQ(ReadAll(a_, id), photo_);
  EXPECT_EQ(Must(a_.replica().Status()).attachments_waiting, 1u);
  EXPECT_EQ(Must(a_.replica().Status()).attachment_bytes_waiting, photo_.size());
  EXPECT_FALSE(AnyFileContains(a_, "10500 10501 10502")) << "in the clear";
  EXPECT_FALSE(AnyFileContains(a_, Must(FromHex(info.sha256)))) << "nor which one it is";

  SyncResult result = Must(a_.Sync());
  EXPECT_EQ(result.totals.attachment_bytes_sent, photo_.size());
  EXPECT_EQ(result.totals.attachment_bytes_to_send, photo_.size());
  EXPECT_TRUE(Info(a_, id).at_server);
  EXPECT_EQ(Must(a_.replica().Status()).attachments_waiting, 0u);
  // Once is enough.
  EXPECT_EQ(Must(a_.Sync()).totals.attachment_bytes_sent, 0u);

  result = Must(b_.Sync());
  EXPECT_EQ(result.totals.attachment_bytes_received, photo_.size());
  EXPECT_EQ(Info(b_, id).state, AttachmentState::kHere);
  EXPECT_EQ(ReadAll(b_, id), photo_);
  EXPECT_EQ(Must(b_.Sync()).totals.attachment_bytes_received, 0u);
  EXPECT_EQ(b_.link->puts(), 0) << "what came from the server is not offered to it";
}

TEST_F(AttachmentsTest, AFileIsReadInPieces) {
  const std::string path = a_->directory() + "/photo.jpg";
  Must(WriteFileAtomically(path, photo_));
  AttachOptions options;
  options.place.file = person_;
  const std::string id = Must(AttachFile(a_.replica(), path, options));
  std::filesystem::remove(path);
  EXPECT_EQ(ReadAll(a_, id), photo_);
  EXPECT_EQ(Must(ListAttachments(a_.replica())).size(), 1u);
}

TEST_F(AttachmentsTest, SaysWhatIsWrong) {
  const auto refused = [&](absl::string_view bytes, const AttachOptions& options) {
    return AttachBytes(a_.replica(), bytes, options).status();
  };
  EXPECT_THAT(std::string(refused("", {}).message()), HasSubstr("no bytes"));
  EXPECT_THAT(std::string(refused("x", {.kind = "Person"}).message()), HasSubstr("kind"));
  EXPECT_THAT(std::string(refused("x", {.kind = "Nobody"}).message()), HasSubstr("Nobody"));
  EXPECT_THAT(std::string(refused("x", {.json = "[]"}).message()), HasSubstr("JSON object"));
  EXPECT_THAT(std::string(refused("x", {.json = R"({"size": 3})"}).message()),
              HasSubstr("Attachment.size: got a value, wanted none"));
  EXPECT_THAT(std::string(refused("x", {.json = R"({"colour": 3})"}).message()),
              HasSubstr("colour"));
  EXPECT_EQ(AttachFile(a_.replica(), "/nowhere", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FindAttachment(a_.replica(), person_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Must(ListAttachments(a_.replica())), ElementsAre());
  EXPECT_EQ(Must(a_.replica().Status()).waiting, 0u);
}

// The link goes after every exchange in turn: what was acknowledged is never sent again.
TEST_F(AttachmentsTest, GoOnFromTheLastAcknowledgedChunk) {
  const std::string id = Attach(a_, photo_);
  int cuts = 0;
  for (int exchange = 0; !Info(a_, id).at_server; ++exchange) {
    // One good exchange about attachments in each sync, then nothing.
    int calls = 0;
    a_.link->Decide([&] { return calls++ < 5 ? Fault::kNone : Fault::kDropRequest; });
    const uint64_t before = Info(a_, id).bytes_sent;
    const absl::StatusOr<SyncResult> result = a_.Sync();
    if (!result.ok()) {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable);
      EXPECT_EQ(Must(a_.replica().Status()).waiting, 0u) << "records first";
      EXPECT_GE(Info(a_, id).bytes_sent, before);
      ++cuts;
    }
    ASSERT_LT(exchange, 50);
  }
  EXPECT_GE(cuts, 3);
  a_.link->Decide(nullptr);
  // Each cut costs the chunk that was under way, which the transport here counts although it is
  // lost.
  EXPECT_LE(a_.link->chunk_bytes(),
            photo_.size() + static_cast<uint64_t>(cuts) * kMaxAttachmentChunkBytes);
  Must(b_.Sync());
  EXPECT_EQ(ReadAll(b_, id), photo_);
}

TEST_F(AttachmentsTest, LostAnswersAndDoubledRequestsChangeNothing) {
  const std::string id = Attach(a_, photo_);
  Must(a_.Sync());
  uint64_t n = 0;
  for (const Fault fault : {Fault::kDropReply, Fault::kTwice}) {
    const std::string bytes = Photo(static_cast<int>(50'000 + ++n), 150'000);
    const std::string other = Attach(a_, bytes);
    int calls = 0;
    a_.link->Decide([&] { return ++calls % 4 == 0 ? fault : Fault::kNone; });
    for (int i = 0; i < 60 && !Info(a_, other).at_server; ++i) a_.Sync().IgnoreError();
    EXPECT_TRUE(Info(a_, other).at_server);
    a_.link->Decide(nullptr);
    calls = 0;
    b_.link->Decide([&] { return ++calls % 5 == 0 ? fault : Fault::kNone; });
    for (int i = 0; i < 60; ++i) {
      if (b_.Sync().ok()) break;
    }
    EXPECT_EQ(ReadAll(b_, other), bytes);
    b_.link->Decide(nullptr);
  }
}

// A beginning of it is here, and shows as on its way.
TEST_F(AttachmentsTest, ADownloadGoesOnWhereItWas) {
  const std::string id = Attach(a_, photo_);
  Must(a_.Sync());
  int calls = 0;
  b_.link->Decide([&] { return ++calls <= 4 ? Fault::kNone : Fault::kDropRequest; });
  EXPECT_FALSE(b_.Sync().ok());
  const AttachmentInfo info = Info(b_, id);
  EXPECT_EQ(info.state, AttachmentState::kOnItsWay);
  EXPECT_GT(info.bytes_here, 0u);
  EXPECT_LT(info.bytes_here, photo_.size());
  const absl::Status early = ReadAttachment(b_.replica(), id, 0, 10).status();
  EXPECT_EQ(early.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(early.message()), HasSubstr("on its way"));
  b_->Reopen();
  b_.link->Decide(nullptr);
  EXPECT_EQ(Must(b_.Sync()).totals.attachment_bytes_received, photo_.size() - info.bytes_here);
  EXPECT_EQ(ReadAll(b_, id), photo_);
}

TEST_F(AttachmentsTest, LargeOnesComeWhenSomebodyAsks) {
  const std::string film = Photo(0, 1'500'000);
  const std::string large = Attach(a_, film, "film");
  const std::string small = Attach(a_, photo_, "photo");
  Must(a_.Sync());
  Must(b_.Sync());
  EXPECT_EQ(Info(b_, large).state, AttachmentState::kNotAsked);
  EXPECT_EQ(Info(b_, small).state, AttachmentState::kHere);
  Must(AskForAttachment(b_.replica(), large));
  EXPECT_EQ(Info(b_, large).state, AttachmentState::kOnItsWay);
  // Also where bytes cost money.
  SyncOptions sparing;
  sparing.attachments.only_asked = true;
  Must(b_.replica().Sync(*b_.link, sparing));
  EXPECT_EQ(ReadAll(b_, large), film);
}

TEST_F(AttachmentsTest, LimitsAreKept) {
  const std::string first = Attach(a_, photo_, "first");
  const std::string small = Attach(a_, Photo(1, 5'000), "small");
  SyncOptions options;
  options.attachments.none = true;
  Must(a_.replica().Sync(*a_.link, options));
  EXPECT_EQ(a_.link->puts(), 0);
  options.attachments = {.only_asked = true};
  Must(a_.replica().Sync(*a_.link, options));
  EXPECT_EQ(a_.link->puts(), 0);
  options.attachments = {.budget_bytes = 30'000};
  EXPECT_EQ(Must(a_.replica().Sync(*a_.link, options)).totals.attachment_bytes_sent, 30'000u);
  // The small one went first, whole.
  EXPECT_TRUE(Info(a_, small).at_server);
  EXPECT_EQ(Info(a_, first).bytes_sent, 25'000u);
  EXPECT_EQ(Must(a_.replica().Status()).attachment_bytes_waiting, photo_.size() - 25'000);
  Must(a_.Sync());
  EXPECT_TRUE(Info(a_, first).at_server);
}

// What comes by itself is what the last sync let come.
TEST_F(AttachmentsTest, SaysWhatComesByTheLimitsOfTheLastSync) {
  const std::string id = Attach(a_, photo_);
  Must(a_.Sync());
  SyncOptions options;
  const auto state = [&](const AttachmentLimits& limits) {
    options.attachments = limits;
    // Records alone: of attachments nothing moves.
    b_.link->Decide([&] { return b_.link->gets() == 0 ? Fault::kNone : Fault::kDropRequest; });
    Must(b_.replica().Sync(*b_.link, options).status());
    EXPECT_EQ(b_.link->gets(), 0);
    return Info(b_, id).state;
  };
  EXPECT_EQ(state({.none = true}), AttachmentState::kNotAsked);
  EXPECT_EQ(state({.only_asked = true}), AttachmentState::kNotAsked);
  EXPECT_EQ(state({.unasked_bytes = photo_.size() - 1}), AttachmentState::kNotAsked);
  b_->Reopen();
  EXPECT_EQ(Info(b_, id).state, AttachmentState::kNotAsked) << "it stays with the replica";
  // Cut before anything came.
  options.attachments = {.unasked_bytes = photo_.size()};
  int calls = 0;
  b_.link->Decide([&] { return ++calls > 2 ? Fault::kDropRequest : Fault::kNone; });
  EXPECT_FALSE(b_.replica().Sync(*b_.link, options).ok());
  EXPECT_EQ(Info(b_, id).state, AttachmentState::kOnItsWay);
  b_.link->Decide(nullptr);
  Must(b_.replica().Sync(*b_.link, options).status());
  EXPECT_EQ(Info(b_, id).state, AttachmentState::kHere);
}

// What is asked for goes before what is small.
TEST_F(AttachmentsTest, WhatSomebodyWantsGoesFirst) {
  const std::string large = Attach(a_, photo_, "large");
  const std::string small = Attach(a_, Photo(1, 5'000), "small");
  Must(AskForAttachment(a_.replica(), large));
  SyncOptions options;
  options.attachments.budget_bytes = photo_.size();
  Must(a_.replica().Sync(*a_.link, options));
  EXPECT_TRUE(Info(a_, large).at_server);
  EXPECT_FALSE(Info(a_, small).at_server);
}

// A record that is saved while a photograph is on its way goes before the next chunk.
TEST_F(AttachmentsTest, ARecordSavedMeanwhileGoesBeforeTheNextChunk) {
  const std::string id = Attach(a_, photo_);
  const auto session = Must(
      client::Session::Start(a_->store(), a_->directory(), a_->clock(), a_->entropy(), *a_.link));
  while (a_.link->puts() == 0) ASSERT_TRUE(Must(session->Step()));
  const int pushes = a_.link->pushes();
  Must(a_->Add("Person", R"({"name": "Ada"})", {.file = "new"}));
  int puts_before = 0;
  while (a_.link->pushes() == pushes) {
    puts_before = a_.link->puts();
    ASSERT_TRUE(Must(session->Step()));
  }
  EXPECT_LE(puts_before, 2);
  EXPECT_FALSE(Info(a_, id).at_server);
  while (Must(session->Step())) {
  }
  EXPECT_TRUE(Info(a_, id).at_server);
  EXPECT_EQ(Must(a_.replica().Status()).waiting, 0u);
}

TEST_F(AttachmentsTest, AServerFromAnOlderBackupIsGivenThemAgain) {
  world_.Backup();
  a_.core->set_core(&world_.core());
  b_.core->set_core(&world_.core());
  const std::string id = Attach(a_, photo_);
  Must(a_.Sync());
  Must(b_.Sync());
  world_.RestoreBackup();
  a_.core->set_core(&world_.core());
  b_.core->set_core(&world_.core());
  // The device that only received it offers it too, once the record is there again.
  Must(a_.replica().Sync(*a_.link, {.attachments = {.none = true}, .progress = {}}));
  EXPECT_EQ(Must(a_.replica().Status()).attachments_waiting, 1u);
  Must(b_.Sync());
  EXPECT_TRUE(Info(b_, id).at_server);
  const int puts = a_.link->puts();
  Must(a_.Sync());
  EXPECT_EQ(a_.link->puts(), puts);
  EXPECT_TRUE(Info(a_, id).at_server);
}

// Loss of access takes the bytes too, and nothing of them stays in the files.
TEST_F(AttachmentsTest, GoWithTheRecordsThatNameThem) {
  const std::string id = Attach(a_, photo_);
  Must(a_.Sync());
  Must(b_.Sync());
  auto south = world_.NewDevice("south", "south");
  {
    const auto transaction = Must(world_.tenant().store().Write());
    Must(server::ShareFile(Must(Uuid::Parse(person_)), "south", *transaction).status());
    Must(transaction->Commit());
  }
  Must(south.Sync());
  EXPECT_EQ(ReadAll(south, id), photo_);
  client::Shelf& shelf = *Must(south->store().Attachments(false, south->entropy()));
  const BlobId blob = {Must(Uuid::Parse(person_)), Must(FromHex(Info(south, id).sha256))};
  EXPECT_TRUE(Must(shelf.Find(blob)).whole);
  {
    const auto transaction = Must(world_.tenant().store().Write());
    Must(server::UnshareFile(Must(Uuid::Parse(person_)), "south", /*now_ms=*/0, *transaction)
             .status());
    Must(transaction->Commit());
  }
  Must(south.Sync());
  EXPECT_EQ(FindAttachment(south.replica(), id).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(Must(shelf.Find(blob)).whole);
  EXPECT_EQ(std::filesystem::file_size(south->directory() + "/attachments.db-wal"), 0u);
}

// The program ended between the bytes and their record: they go, but not while one is being
// written.
TEST_F(AttachmentsTest, BytesWithoutARecordGo) {
  const std::string kept = Attach(a_, photo_);
  client::Shelf& shelf = *Must(a_->store().Attachments(true, a_->entropy()));
  const std::string bytes = "orphan";
  Sha256 hash;
  hash.Add(bytes);
  const BlobId orphan = {Must(Uuid::Parse(person_)), hash.Finish()};
  bool given = false;
  Must(shelf.Put(
      orphan, bytes.size(),
      [&]() -> absl::StatusOr<std::string> { return std::exchange(given, true) ? "" : bytes; },
      a_->clock().Read().wall_ms));
  const auto collect = [&] {
    Must(client::CollectAttachments(a_->store(), a_->clock(), a_->entropy()));
  };
  a_->clock().Advance(kHourMs / 2);
  Must(a_->store().SetInt(client::key::kCollect, 1));
  collect();
  EXPECT_TRUE(Must(shelf.Find(orphan)).whole);
  a_->clock().Advance(kDayMs + 1);
  collect();
  EXPECT_FALSE(Must(shelf.Find(orphan)).whole);
  EXPECT_EQ(ReadAll(a_, kept), photo_);
}

// A refused record leaves its row; its attachment waits with it for somebody to mend it.
TEST_F(AttachmentsTest, AParkedRecordKeepsItsAttachment) {
  auto south = world_.NewDevice("south", "south");
  Must(south.Sync());
  const std::string id = Attach(south, photo_);  // on a file that is not theirs
  Must(south.Sync());
  EXPECT_EQ(Must(south.replica().Status()).needs_you, 1u);
  EXPECT_EQ(south.link->puts(), 0);
  south->clock().Advance(2 * kDayMs);
  Must(client::CollectAttachments(south->store(), south->clock(), south->entropy()));
  const std::vector<OwnChange> parked = Must(south.replica().Outbox());
  ASSERT_EQ(parked.size(), 1u);
  client::Shelf& shelf = *Must(south->store().Attachments(false, south->entropy()));
  Sha256 hash;
  hash.Add(photo_);
  EXPECT_TRUE(Must(shelf.Find({Must(Uuid::Parse(person_)), hash.Finish()})).whole);
}

// A power cut or a kill at any moment of attaching: the record is there with its attachment, or
// neither is.
TEST_F(AttachmentsTest, TheRecordNeverComesBeforeItsBytes) {
  AttachOptions options;
  options.place.file = person_;
  options.json = R"({"colour": 1})";  // refused once the bytes could have been put
  EXPECT_FALSE(AttachBytes(a_.replica(), photo_, options).ok());
  options.json = "{}";
  // The commit of the record fails.
  Must(
      a_->db().Exec("CREATE TEMP TRIGGER fails BEFORE INSERT ON main._outbox BEGIN "
                    "SELECT raise(ABORT, 'fails'); END"));
  EXPECT_FALSE(AttachBytes(a_.replica(), photo_, options).ok());
  Must(a_->db().Exec("DROP TRIGGER fails"));
  EXPECT_THAT(Must(ListAttachments(a_.replica())), ElementsAre());
  const std::string id = Must(AttachBytes(a_.replica(), photo_, options));
  EXPECT_EQ(ReadAll(a_, id), photo_);
}

// Their file has a key of its own, which stands in the replica and changes with the replica's.
TEST_F(AttachmentsTest, HaveAnotherKeyAfterARekey) {
  const std::string id = Attach(a_, photo_);
  const std::string path = a_->directory() + "/attachments.db";
  const std::string before = FileKey(a_);
  EXPECT_EQ(before.size(), 32u);
  EXPECT_FALSE(Must(IsPlainDatabase(path)));
  a_->Close();
  Must(Rekey(a_->directory(), a_->environment()));
  a_->Reopen();
  EXPECT_NE(FileKey(a_), before);
  EXPECT_EQ(ReadAll(a_, id), photo_);
  EXPECT_TRUE(absl::IsDataLoss(Database::Open(path, With(before)).status()));
}

// What a crash between any two steps leaves.
TEST_F(AttachmentsTest, OpenWhereverARekeyWasCutOff) {
  const std::string id = Attach(a_, photo_);
  const std::string path = a_->directory() + "/attachments.db";
  for (const bool replaced : {false, true}) {
    const std::string before = FileKey(a_);
    const std::string next(32, replaced ? 'n' : 'm');
    Must(a_->db().Exec(absl::StrCat("INSERT INTO _secret VALUES ('attachments_file_next', x'",
                                    ToHex(next), "')")));
    a_->Close();
    if (replaced) Must(RekeyFile(path, before, next));
    a_->Reopen();
    EXPECT_EQ(ReadAll(a_, id), photo_) << replaced;
    a_->Close();
    Must(Rekey(a_->directory(), a_->environment()));
    a_->Reopen();
    EXPECT_EQ(ReadAll(a_, id), photo_) << replaced;
    EXPECT_EQ(Must(a_->db().QueryInt("SELECT count(*) FROM _secret"
                                     " WHERE key = 'attachments_file_next'")),
              0);
  }
}

// Whichever opens them may be what saves them.
TEST_F(AttachmentsTest, OfDamagedOnesARekeyKeepsBothKeys) {
  Attach(a_, photo_);
  const std::string key = FileKey(a_);
  const std::string next(32, 'm');
  Must(a_->db().Exec(
      absl::StrCat("INSERT INTO _secret VALUES ('attachments_file_next', x'", ToHex(next), "')")));
  a_->Close();
  {
    std::fstream file(a_->directory() + "/attachments.db",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1'024);
    file << std::string(64, 'x');
  }
  std::filesystem::remove(a_->directory() + "/attachments.db-wal");
  const absl::Status status = Rekey(a_->directory(), a_->environment());
  EXPECT_THAT(status.message(), ::testing::HasSubstr("attachments"));
  a_->Reopen();
  EXPECT_EQ(FileKey(a_), key);
  EXPECT_EQ(Must(a_->db().QueryInt(absl::StrCat("SELECT count(*) FROM _secret WHERE key = "
                                                "'attachments_file_next' AND value = x'",
                                                ToHex(next), "'"))),
            1);
}

TEST_F(AttachmentsTest, OfAPlainReplicaAreEncryptedWithIt) {
  auto plain = world_.NewDevice("plain", "north", "plain");
  Must(plain.Sync());
  const std::string id = Attach(plain, photo_);
  const std::string path = plain->directory() + "/attachments.db";
  EXPECT_TRUE(Must(IsPlainDatabase(path)));
  plain->Close();
  OpenOptions options;
  options.environment.clock = &plain->clock();
  const auto replica = Must(Replica::Open(plain->directory(), options));
  EXPECT_FALSE(Must(IsPlainDatabase(path)));
  EXPECT_EQ(Must(ReadAttachment(*replica, id, 0, photo_.size())), photo_);
}

// Nobody has the key any more: they are in the way, and may be put back with what they belong to.
TEST_F(AttachmentsTest, OfAReplicaThatIsGoneAreMovedAway) {
  Attach(a_, photo_);
  const std::string directory = a_->directory();
  a_->Close();
  std::filesystem::remove(directory + "/replica.db");
  InitOptions again;
  again.site = "north";
  again.device_name = again.user = "a";
  again.environment = a_->environment();
  Must(Replica::Init(directory, again));
  a_->Reopen();
  Must(a_.Sync());
  EXPECT_EQ(ReadAll(a_, Attach(a_, photo_)), photo_);
  int kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    kept += entry.path().filename().string().find(".db.old-") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(kept, 1);
}

TEST_F(AttachmentsTest, DamageIsSaidAndNotHandedOut) {
  const std::string id = Attach(a_, photo_);
  Must(a_.Sync());
  const std::string key = FileKey(a_);
  a_->Close();
  {
    const auto db = Must(Database::Open(a_->directory() + "/attachments.db", With(key)));
    Must(db->Exec("UPDATE chunk SET body = zeroblob(length(body)) WHERE at = 65536"));
  }
  a_->Reopen();
  EXPECT_EQ(Must(ReadAttachment(a_.replica(), id, 0, 100)), photo_.substr(0, 100));
  EXPECT_EQ(ReadAttachment(a_.replica(), id, 65'536, 100).status().code(),
            absl::StatusCode::kDataLoss);
  Must(a_.Sync());
}

}  // namespace
}  // namespace doorstep
