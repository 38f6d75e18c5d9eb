// Backups, without processes: the file, what is in it, and what is refused.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/backup/archive.h"
#include "server/backup/create.h"
#include "server/backup/keys.h"
#include "server/backup/limits.h"
#include "server/backup/restore.h"
#include "server/backup/unpack.h"
#include "server/identity/register.h"
#include "sync/base/file.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

void WriteText(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

std::string ReadText(const std::string& path) { return Must(ReadFile(path)); }

class ArchiveTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  // Three pieces; the file's bytes.
  std::string Made() {
    const std::string path = Path("made");
    fs::remove(path);
    const auto writer = Must(ArchiveWriter::Create(path, keys_.public_key, entropy_));
    Must(writer->Add('a', "first"));
    Must(writer->Add('b', std::string(100, 'x')));
    Must(writer->Finish('c', ""));
    return ReadText(path);
  }
  // OK: all of it can be read.
  absl::Status ReadAll(const std::string& bytes, const BackupKeys& keys) {
    WriteText(Path("read"), bytes);
    absl::StatusOr<std::unique_ptr<ArchiveReader>> reader = ArchiveReader::Open(Path("read"), keys);
    if (!reader.ok()) return reader.status();
    while (true) {
      const absl::StatusOr<Piece> piece = (*reader)->Next();
      if (!piece.ok() || piece->last) return piece.status();
    }
  }

  TestDirectory directory_;
  SeededEntropy entropy_{5};
  const BackupKeys keys_ = Must(NewBackupKeys(entropy_));
};

TEST_F(ArchiveTest, PiecesComeBackInOrder) {
  WriteText(Path("read"), Made());
  const auto reader = Must(ArchiveReader::Open(Path("read"), keys_));
  const Piece first = Must(reader->Next());
  EXPECT_EQ(first.kind, 'a');
  EXPECT_EQ(first.body, "first");
  EXPECT_FALSE(first.last);
  EXPECT_EQ(Must(reader->Next()).body, std::string(100, 'x'));
  const Piece last = Must(reader->Next());
  EXPECT_EQ(last.kind, 'c');
  EXPECT_TRUE(last.last);
  EXPECT_TRUE(absl::IsInternal(reader->Next().status()));
}

TEST_F(ArchiveTest, NothingOfItIsInTheClear) {
  const std::string made = Made();
  EXPECT_THAT(made, Not(HasSubstr("first")));
  EXPECT_THAT(made, Not(HasSubstr("xxxxxxxx")));
  EXPECT_NE(Made(), made) << "a new key each time";
}

TEST_F(ArchiveTest, CutOffAnywhereItIsRefused) {
  const std::string made = Made();
  ASSERT_TRUE(ReadAll(made, keys_).ok());
  for (size_t size = 0; size < made.size(); ++size) {
    EXPECT_FALSE(ReadAll(made.substr(0, size), keys_).ok()) << size;
  }
}

// The last piece, whole, is all that is missing: what was read until then is right.
TEST_F(ArchiveTest, WithoutItsLastPieceItIsCutOff) {
  const std::string made = Made();
  const absl::Status status = ReadAll(made.substr(0, made.size() - 4 - 1 - 17), keys_);
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("cut off"));
}

TEST_F(ArchiveTest, EveryAlteredByteIsRefused) {
  const std::string made = Made();
  for (size_t at = 0; at < made.size(); ++at) {
    std::string altered = made;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(ReadAll(altered, keys_).ok()) << at;
  }
}

TEST_F(ArchiveTest, WhatWasAddedMovedOrPutTogetherIsRefused) {
  const std::string made = Made();
  const absl::Status added = ReadAll(made + "x", keys_);
  EXPECT_THAT(std::string(added.message()), HasSubstr("added"));
  // Head, "first", the x's, the end; each with its size, kind and tag.
  constexpr size_t kFirst = 153, kSecond = kFirst + 4 + 1 + 5 + 17, kThird = kSecond + 4 + 101 + 17;
  ASSERT_EQ(made.size(), kThird + 4 + 1 + 17);
  const std::string head = made.substr(0, kFirst), first = made.substr(kFirst, kSecond - kFirst),
                    second = made.substr(kSecond, kThird - kSecond), end = made.substr(kThird);
  EXPECT_TRUE(ReadAll(head + first + second + end, keys_).ok());
  EXPECT_FALSE(ReadAll(head + second + first + end, keys_).ok());
  EXPECT_FALSE(ReadAll(head + first + first + second + end, keys_).ok());
  EXPECT_FALSE(ReadAll(head + first + end, keys_).ok());
  EXPECT_FALSE(ReadAll(Made().substr(0, kFirst) + first + second + end, keys_).ok());
}

TEST_F(ArchiveTest, AnotherKeyAnotherFileAndAnotherFormatAreNamed) {
  const std::string made = Made();
  const BackupKeys other = Must(NewBackupKeys(entropy_));
  const absl::Status foreign = ReadAll(made, other);
  EXPECT_THAT(std::string(foreign.message()), AllOf(HasSubstr(BackupKeyName(keys_.public_key)),
                                                    HasSubstr(BackupKeyName(other.public_key))));
  EXPECT_THAT(std::string(ReadAll("SQLite format 3", keys_).message()),
              HasSubstr("another kind of file"));
  std::string newer = made;
  newer[16] = 2;
  EXPECT_THAT(std::string(ReadAll(newer, keys_).message()), HasSubstr("got format 2, wanted 1"));
  EXPECT_TRUE(absl::IsNotFound(ArchiveReader::Open(Path("none"), keys_).status()));
}

TEST_F(ArchiveTest, AFileThatIsThereIsLeftAlone) {
  WriteText(Path("made"), "mine");
  EXPECT_TRUE(absl::IsAlreadyExists(
      ArchiveWriter::Create(Path("made"), keys_.public_key, entropy_).status()));
  EXPECT_EQ(ReadText(Path("made")), "mine");
  // And what was not finished is not there.
  { const auto writer = Must(ArchiveWriter::Create(Path("begun"), keys_.public_key, entropy_)); }
  EXPECT_FALSE(fs::exists(Path("begun")));
  EXPECT_FALSE(fs::exists(Path("begun.part")));
}

TEST_F(ArchiveTest, KeysComeBackAndMistakesInThemAreFound) {
  Must(WriteBackupKeys(keys_, Path("key"), Path("key.pub")));
  EXPECT_EQ(Must(ReadBackupPublicKey(Path("key.pub"))), keys_.public_key);
  EXPECT_EQ(Must(ReadBackupSecretKey(Path("key"))).secret_key, keys_.secret_key);
  EXPECT_EQ(Must(ReadBackupSecretKey(Path("key"))).public_key, keys_.public_key);
  EXPECT_TRUE(absl::IsAlreadyExists(WriteBackupKeys(keys_, Path("key"), Path("other.pub"))));
  EXPECT_THAT(std::string(ReadBackupPublicKey(Path("key")).status().message()),
              HasSubstr("got a secret key, wanted the public key"));
  ::chmod(Path("key.pub").c_str(), 0600);
  EXPECT_THAT(std::string(ReadBackupSecretKey(Path("key.pub")).status().message()),
              HasSubstr("got a public key, wanted the secret key"));
  std::string text = ReadText(Path("key.pub"));
  text[30] = text[30] == '0' ? '1' : '0';
  WriteText(Path("key.pub"), text);
  EXPECT_THAT(std::string(ReadBackupPublicKey(Path("key.pub")).status().message()),
              HasSubstr("with a mistake in it"));
  ::chmod(Path("key").c_str(), 0640);
  EXPECT_TRUE(absl::IsPermissionDenied(ReadBackupSecretKey(Path("key")).status()));
}

// A server's data directory with work in it, and another place to restore to.
class BackupTest : public ::testing::Test {
 protected:
  BackupTest() {
    device_ = world_.NewDevice();
    for (uint64_t i = 1; i <= 5; ++i) Work(i);
  }

  void Work(uint64_t n) {
    device_->Do(Id(100 + n % 2), {Create("Person", Id(1'000 + n), R"({"name": "Somebody"})")});
  }
  void Enrol(const Uuid& device) {
    const auto write = Must(world_.tenant().store().Write());
    EnrolmentRow row;
    row.device = device;
    row.site = "north";
    row.name = "tablet";
    row.public_key = "key";
    Must(write->PutEnrolment(row));
    Must(write->Commit());
  }
  std::string Path(const std::string& name) const { return elsewhere_.path() + "/" + name; }
  absl::StatusOr<BackupReport> Backup(const std::string& file) {
    BackupOptions options;
    options.file = file;
    options.public_key = keys_.public_key;
    return CreateBackup(world_.path(), world_.core().tenants(), options);
  }
  TenantsOptions In(const std::string& directory) {
    TenantsOptions options = world_.Options();
    options.data_dir = directory;
    return options;
  }
  absl::StatusOr<VerifyReport> Verify(const std::string& file) {
    return VerifyBackup(file, keys_, elsewhere_.path(), In(""), nullptr);
  }
  absl::StatusOr<RestoreReport> Restore(const std::string& file, const std::string& directory,
                                        bool replace = false) {
    return RestoreBackup(file, keys_, replace, In(directory), nullptr);
  }
  TenantMark Mark() { return {"default", world_.Head(), Epoch(), ""}; }
  uint64_t Epoch() { return Must(Must(world_.tenant().store().Read())->Epoch()); }

  World world_;
  TestDirectory elsewhere_;
  const BackupKeys keys_ = Must(NewBackupKeys(world_.entropy()));
  std::unique_ptr<TestDevice> device_;
};

TEST_F(BackupTest, OfAServerThatServesItHasAllThatWasAcknowledged) {
  ASSERT_TRUE(fs::exists(world_.path() + "/tenants/default.db-wal"));
  const BackupReport made = Must(Backup(Path("b")));
  ASSERT_THAT(made.tenants, SizeIs(1));
  EXPECT_EQ(made.tenants[0].head, world_.Head());
  EXPECT_EQ(made.tenants[0].epoch, Epoch());
  EXPECT_EQ(made.bytes, fs::file_size(Path("b")));
  EXPECT_EQ(LastBackupMs(world_.path()), kNine);
  EXPECT_FALSE(fs::exists(world_.path() + "/backup.tmp"));
  Work(6);  // it goes on

  const VerifyReport report = Must(Verify(Path("b")));
  ASSERT_THAT(report.tenants, SizeIs(1));
  EXPECT_THAT(report.tenants[0].faults, IsEmpty());
  EXPECT_EQ(report.tenants[0].mark, made.tenants[0]);
  EXPECT_EQ(report.tenants[0].records, 5);
  EXPECT_EQ(report.tenants[0].devices, 1);
  EXPECT_EQ(report.unpacked.made_ms, kNine);
  for (const auto& entry : fs::directory_iterator(elsewhere_.path())) {
    EXPECT_EQ(entry.path().filename(), "b") << "nothing is left of what was unpacked";
  }
}

TEST_F(BackupTest, RestoredItIsAnotherEpochAndAllElseIsAsItWas) {
  const BackupReport made = Must(Backup(Path("b")));
  const RestoreReport report = Must(Restore(Path("b"), Path("new")));
  EXPECT_EQ(report.set_aside, "");
  Tenants tenants(In(Path("new")));
  Tenant* const tenant = Must(tenants.Find("default"));
  const auto view = Must(tenant->store().Read());
  EXPECT_EQ(Must(view->Head()), made.tenants[0].head);
  const std::vector<EpochRow> epochs = Must(view->Epochs());
  ASSERT_THAT(epochs, SizeIs(2)) << "nobody need say `restored`";
  EXPECT_EQ(epochs[0].epoch, Epoch());
  EXPECT_EQ(epochs[1].from_sequence, made.tenants[0].head);
  EXPECT_THAT(report.epochs, ElementsAre(epochs[1].epoch));
  EXPECT_EQ(*Must(view->Load(Id(1'001))), *world_.Load(Id(1'001)));
  EXPECT_TRUE(CheckNoRestoreHalfDone(Path("new")).ok());
  EXPECT_FALSE(fs::exists(Path("new") + "/restore.tmp"));
}

TEST_F(BackupTest, AttachmentsAndSmallFilesComeAlong) {
  Must(world_.tenant().Attachments());
  Must(EnsureDirectory(world_.path() + "/identity"));
  WriteText(world_.path() + "/identity/ca.key", "the authority's");
  WriteText(world_.path() + "/identity/.hidden", "none of ours");
  const BackupReport made = Must(Backup(Path("b")));
  EXPECT_THAT(made.attachments, ElementsAre("default"));
  EXPECT_THAT(made.small_files, ElementsAre("identity/ca.key"));
  Must(Restore(Path("b"), Path("new")));
  EXPECT_EQ(ReadText(Path("new") + "/identity/ca.key"), "the authority's");
  struct stat facts {};
  ASSERT_EQ(::stat((Path("new") + "/identity/ca.key").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600);
  Tenants tenants(In(Path("new")));
  EXPECT_NE(Must(Must(tenants.Find("default"))->AttachmentsIfAny()), nullptr);

  BackupOptions without;
  without.file = Path("c");
  without.public_key = keys_.public_key;
  without.identity = false;
  EXPECT_THAT(Must(CreateBackup(world_.path(), world_.core().tenants(), without)).small_files,
              IsEmpty());
}

TEST_F(BackupTest, EveryTenantIsInIt) {
  Must(world_.core().tenants().Ensure("north"));
  Must(Backup(Path("b")));
  const RestoreReport report = Must(Restore(Path("b"), Path("new")));
  ASSERT_THAT(report.verified.tenants, SizeIs(2));
  EXPECT_EQ(report.verified.tenants[1].mark.name, "north");
  EXPECT_THAT(Must(Tenants(In(Path("new"))).List()), ElementsAre("default", "north"));
}

TEST_F(BackupTest, WhatIsWrongInADatabaseIsFound) {
  const std::string path = world_.path() + "/tenants/default.db";
  const std::unique_ptr<Database> db = Must(Database::Open(path, {}));
  Must(db->Exec("UPDATE _compartment SET digest = zeroblob(16) WHERE records = 3"));
  Must(
      db->Exec("UPDATE _history SET body = x'00' WHERE sequence = (SELECT max(sequence) FROM "
               "_history)"));
  Must(Backup(Path("b")));
  const VerifyReport report = Must(Verify(Path("b")));
  EXPECT_FALSE(report.Whole());
  EXPECT_THAT(report.tenants[0].faults,
              ElementsAre(AllOf(HasSubstr("history entry"), HasSubstr("body was altered")),
                          AllOf(HasSubstr("compartment"), HasSubstr("digest"))));
  const absl::Status refused = Restore(Path("b"), Path("new")).status();
  EXPECT_TRUE(absl::IsDataLoss(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("got 2 faults"));
  EXPECT_FALSE(fs::exists(Path("new") + "/tenants"));
  EXPECT_FALSE(fs::exists(Path("new") + "/restore.tmp"));
}

// What whoever made it says must be what is in it: a copy without its log is whole, and old.
TEST_F(BackupTest, AnOlderDatabaseThanWasBackedUpIsFound) {
  const BackupReport made = Must(Backup(Path("b")));
  Work(6);
  Tenants& tenants = world_.core().tenants();
  EXPECT_THAT(Must(CheckTenant(tenants, made.tenants[0], {}, nullptr)).faults,
              ElementsAre(AllOf(HasSubstr("tenant default: got sequence"), HasSubstr("wanted"))));
}

TEST_F(BackupTest, ItReplacesOnlyWhenAskedAndSetsAsideWhatWasThere) {
  Must(Backup(Path("b")));
  Must(Restore(Path("b"), Path("new")));
  const absl::Status refused = Restore(Path("b"), Path("new")).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("got the tenant default"));
  const RestoreReport report = Must(Restore(Path("b"), Path("new"), /*replace=*/true));
  EXPECT_TRUE(fs::exists(report.set_aside + "/tenants/default.db"));
  EXPECT_THAT(Must(Must(Must(Tenants(In(Path("new"))).Find("default"))->store().Read())->Epochs()),
              SizeIs(2));
}

TEST_F(BackupTest, AServerThatRunsIsNotReplaced) {
  Must(Backup(Path("b")));
  Must(EnsureDirectory(Path("new")));
  const FileLock server = Must(FileLock::TryAcquire(Path("new") + "/serve.lock"));
  const absl::Status refused = Restore(Path("b"), Path("new"), true).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("a server that runs"));
}

TEST_F(BackupTest, ADamagedOneChangesNothing) {
  Must(Backup(Path("b")));
  std::string bytes = ReadText(Path("b"));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  WriteText(Path("altered"), bytes);
  Must(Restore(Path("b"), Path("new")));
  const std::string before = ReadText(Path("new") + "/tenants/default.db");
  EXPECT_TRUE(absl::IsDataLoss(Restore(Path("altered"), Path("new"), true).status()));
  EXPECT_EQ(ReadText(Path("new") + "/tenants/default.db"), before);
  EXPECT_TRUE(absl::IsDataLoss(Verify(Path("altered")).status()));
  EXPECT_TRUE(CheckNoRestoreHalfDone(Path("new")).ok());
}

TEST_F(BackupTest, AnInterruptedRestoreIsNotServed) {
  Must(Backup(Path("b")));
  Must(EnsureDirectory(Path("new")));
  WriteText(Path("new") + "/restore.half-done", "x\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckNoRestoreHalfDone(Path("new"))));
  Must(Restore(Path("b"), Path("new")));
  EXPECT_TRUE(CheckNoRestoreHalfDone(Path("new")).ok());
}

TEST_F(BackupTest, ADeviceThatWasRevokedSinceStaysRevoked) {
  const Uuid lost = Id(4'001), kept = Id(4'002);
  Enrol(lost);
  Enrol(kept);
  Must(Backup(Path("b")));
  Must(Restore(Path("b"), Path("new")));
  {
    Tenants tenants(In(Path("new")));
    const auto write = Must(Must(tenants.Find("default"))->store().Write());
    EnrolmentRow row = *Must(write->FindEnrolment(lost));
    row.revoked_ms = kNine + 5;
    row.revoked_reason = "left on a bus";
    Must(write->PutEnrolment(row));
    Must(write->Commit());
  }
  const RestoreReport report = Must(Restore(Path("b"), Path("new"), /*replace=*/true));
  EXPECT_EQ(report.revoked_again, 1);
  Tenants tenants(In(Path("new")));
  const auto view = Must(Must(tenants.Find("default"))->store().Read());
  EXPECT_EQ(Must(view->FindEnrolment(lost))->revoked_reason, "left on a bus");
  EXPECT_EQ(Must(view->FindEnrolment(kept))->revoked_ms, 0);
}

// A restore that was cut off had moved away what says who was revoked.
TEST_F(BackupTest, ARestoreThatIsRunAgainKnowsWhoWasRevoked) {
  const Uuid lost = Id(4'001);
  Enrol(lost);
  Must(Backup(Path("b")));
  Must(Restore(Path("b"), Path("new")));
  {
    Tenants tenants(In(Path("new")));
    Must(Revoke(*Must(tenants.Find("default")), lost, "stolen", kNine));
  }
  Must(EnsureDirectory(Path("new") + "/replaced-x"));
  fs::rename(Path("new") + "/tenants", Path("new") + "/replaced-x/tenants");
  WriteText(Path("new") + "/restore.half-done", Path("new") + "/replaced-x\n");
  const RestoreReport report = Must(Restore(Path("b"), Path("new"), /*replace=*/true));
  EXPECT_EQ(report.revoked_again, 1);
  EXPECT_THAT(report.unreadable, IsEmpty());
  // Not even that is there any more: it is said.
  fs::remove_all(Path("new") + "/tenants");
  WriteText(Path("new") + "/restore.half-done", Path("new") + "/nowhere\n");
  EXPECT_THAT(Must(Restore(Path("b"), Path("new"), true)).unreadable, ElementsAre("default"));
}

// Who is refused leaves alone what another one is at.
TEST_F(BackupTest, WhoIsRefusedTakesNothingFromWhoWorks) {
  Must(Backup(Path("b")));
  Must(EnsureDirectory(Path("new") + "/restore.tmp"));
  WriteText(Path("new") + "/restore.tmp/tenant", "another's");
  {
    const FileLock other = Must(FileLock::TryAcquire(Path("new") + "/serve.lock"));
    EXPECT_TRUE(absl::IsFailedPrecondition(Restore(Path("b"), Path("new")).status()));
  }
  {
    const FileLock other = Must(FileLock::TryAcquire(Path("new") + "/backup.lock"));
    EXPECT_TRUE(absl::IsFailedPrecondition(Restore(Path("b"), Path("new")).status()));
  }
  EXPECT_EQ(ReadText(Path("new") + "/restore.tmp/tenant"), "another's");
  Must(EnsureDirectory(world_.path() + "/backup.tmp"));
  WriteText(world_.path() + "/backup.tmp/copy.db", "another's");
  {
    const FileLock other = Must(FileLock::TryAcquire(world_.path() + "/backup.lock"));
    EXPECT_TRUE(absl::IsFailedPrecondition(Backup(Path("c")).status()));
  }
  EXPECT_EQ(ReadText(world_.path() + "/backup.tmp/copy.db"), "another's");
  // A backup of a directory that is half of one and half of another would look whole.
  WriteText(world_.path() + "/restore.half-done", "x\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(Backup(Path("c")).status()));
}

// Files of another account would keep the server from starting.
TEST_F(BackupTest, OnlyTheAccountWhoseDirectoryItIsRestores) {
  Must(Backup(Path("b")));
  std::string others = "/";
  if (::geteuid() == 0) {
    others = Path("others");
    Must(EnsureDirectory(others));
    ASSERT_EQ(::chown(others.c_str(), 65'534, 65'534), 0);
  }
  EXPECT_TRUE(absl::IsPermissionDenied(Restore(Path("b"), others).status()));
  EXPECT_FALSE(fs::exists(others + "/serve.lock"));
}

// What was unpacked is taken away under its hands: nothing of what is here goes for that.
TEST_F(BackupTest, WhatIsHereIsSetAsideOnlyForSomethingThatTakesItsPlace) {
  Must(Backup(Path("b")));
  Must(Restore(Path("b"), Path("new")));
  const auto take_away = [this](absl::string_view what, uint64_t done, uint64_t of) {
    if (what == "digests of default" && done == of) fs::remove_all(Path("new") + "/restore.tmp");
  };
  EXPECT_FALSE(RestoreBackup(Path("b"), keys_, /*replace=*/true, In(Path("new")), take_away).ok());
  EXPECT_TRUE(fs::exists(Path("new") + "/tenants/default.db"));
  EXPECT_TRUE(CheckNoRestoreHalfDone(Path("new")).ok());
}

TEST_F(BackupTest, KeysThatOpenReplicasAreInNoBackupAndNoneIsUnpackedToBeChecked) {
  Must(EnsureDirectory(world_.path() + "/recovery"));
  WriteText(world_.path() + "/recovery/default.key", "opens tablets");
  WriteText(world_.path() + "/recovery/default.pub", "does not");
  Must(EnsureDirectory(world_.path() + "/identity"));
  WriteText(world_.path() + "/identity/ca.key", "the authority's");
  EXPECT_THAT(Must(Backup(Path("b"))).small_files,
              ElementsAre("identity/ca.key", "recovery/default.pub"));
  Must(EnsureDirectory(Path("unpacked")));
  EXPECT_THAT(Must(UnpackBackup(Path("b"), keys_, Path("unpacked"), false, nullptr)).small_files,
              SizeIs(2));
  EXPECT_FALSE(fs::exists(Path("unpacked") + "/identity"));
  EXPECT_TRUE(fs::exists(Path("unpacked") + "/tenants/default.db"));
  EXPECT_TRUE(Must(Verify(Path("b"))).Whole());
}

TEST_F(BackupTest, ADamagedTenantIsReplacedAndNamed) {
  Must(Backup(Path("b")));
  Must(EnsureDirectory(Path("new") + "/tenants"));
  WriteText(Path("new") + "/tenants/default.db", "no database");
  const RestoreReport report = Must(Restore(Path("b"), Path("new"), /*replace=*/true));
  EXPECT_THAT(report.unreadable, ElementsAre("default"));
  EXPECT_EQ(ReadText(report.set_aside + "/tenants/default.db"), "no database");
}

TEST_F(BackupTest, TwoAtOnceAndNothingToBackUpAreRefused) {
  const FileLock other = Must(FileLock::TryAcquire(world_.path() + "/backup.lock"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Backup(Path("b")).status()));
  BackupOptions options;
  options.file = Path("c");
  options.public_key = keys_.public_key;
  EXPECT_TRUE(
      absl::IsNotFound(CreateBackup(Path("none"), Tenants(In(Path("none"))), options).status()));
  EXPECT_FALSE(fs::exists(Path("c")));
}

}  // namespace
}  // namespace doorstep::server
