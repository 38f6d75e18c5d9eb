// Who opens a replica: PINs, how often they may be wrong, and keys that go.
#include "doorstep/people.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-lib/keyring.h"
#include "client-lib/unlock.h"
#include "doorstep/key_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "sync/base/recovery_text.h"
#include "sync/sqlite/rekey.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
// Less than a PIN needs to be stretched.
constexpr rlim_t kLittleMemoryBytes = 16u << 20;

// The key store of a phone, as an application implements it.
class Phone : public KeyStore {
 public:
  absl::StatusOr<std::string> Get(const std::string& name) override {
    const auto found = secrets.find(name);
    if (found == secrets.end()) return absl::NotFoundError(name);
    return found->second;
  }
  absl::StatusOr<std::string> Make(const std::string& name) override {
    if (secrets.contains(name)) return absl::AlreadyExistsError(name);
    return secrets[name] = client::RandomBytes(client::kKeyBytes);
  }
  absl::Status Forget(const std::string& name) override {
    secrets.erase(name);
    return absl::OkStatus();
  }
  std::map<std::string, std::string> secrets;
};

class People : public ::testing::Test {
 protected:
  Environment As(const std::string& person, const std::string& secret) {
    Environment out;
    out.clock = &clock_;
    out.key_store = &phone_;
    out.unlock = {person, secret};
    out.test_weak_secrets = weak_;
    return out;
  }
  Environment Nobody() { return As("", ""); }
  void Init(const Environment& environment, const std::string& recovery = "") {
    InitOptions options;
    options.site = "north";
    options.device_name = "tablet";
    options.user = "A Khan";
    options.recovery_key = recovery;
    options.environment = environment;
    Must(Replica::Init(at_, options));
  }
  absl::StatusOr<std::unique_ptr<Replica>> Open(const Environment& environment) {
    OpenOptions options;
    options.environment = environment;
    return Replica::Open(at_, options);
  }
  absl::Status Try(const std::string& person, const std::string& secret) {
    return Open(As(person, secret)).status();
  }
  client::Keyring Ring() { return Must(client::ReadKeyring(at_)); }
  // Nothing but the replica and its keyring, which are whole.
  void ExpectNothingSetAside() {
    EXPECT_TRUE(fs::exists(at_ + "/replica.db"));
    for (const auto& entry : fs::directory_iterator(at_)) {
      EXPECT_THAT(entry.path().string(), Not(HasSubstr("damaged")));
      EXPECT_THAT(entry.path().string(), Not(HasSubstr(".old")));
    }
  }
  // Wrong until something else than "wrong PIN" is said, with the waits that are asked for.
  absl::Status TryWrongUntilRefused(const std::string& person, int* tries) {
    for (*tries = 1;; ++*tries) {
      const absl::Status status = Try(person, "000000");
      if (!absl::IsUnauthenticated(status)) return status;
      clock_.Advance(5 * kHour);
      if (*tries > 50) return status;
    }
  }

  TestDirectory directory_;
  std::string at_ = directory_.path() + "/a";
  ManualClock clock_{kNine};
  Phone phone_;
  bool weak_ = true;  // a PIN as people have it takes as long to try as most of these tests
};

TEST_F(People, TheDeviceAloneOpensANewReplica) {
  Init(Nobody());
  EXPECT_FALSE(Must(IsPlainDatabase(at_ + "/replica.db")));
  const auto replica = Must(Open(As("whoever it is", "")));
  EXPECT_THAT(Must(replica->Status()).people, IsEmpty());
  EXPECT_TRUE(Must(WhoOpens(at_)).device_alone);
  EXPECT_THAT(phone_.secrets, SizeIs(1));
}

TEST_F(People, ACopyOfTheDirectoryAloneOpensNothing) {
  Init(Nobody());
  Phone other;
  Environment elsewhere = Nobody();
  elsewhere.key_store = &other;
  absl::Status status = Open(elsewhere).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  // Nor with a secret of another device under that name.
  Must(other.Make(phone_.secrets.begin()->first).status());
  status = Open(elsewhere).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  ExpectNothingSetAside();
  Must(Open(Nobody()).status());
}

TEST_F(People, TheFirstPersonEndsThat) {
  Init(Nobody());
  const fs::path copy = directory_.path() + "/keyring-of-before";
  fs::copy(at_ + "/keyring", copy);
  Must(AddPerson(at_, Nobody(), {"A Khan", "123456"}));
  EXPECT_TRUE(absl::IsUnauthenticated(Open(Nobody()).status()));
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "123457")));
  EXPECT_TRUE(absl::IsUnauthenticated(Try("M Osei", "123456")));
  const auto replica = Must(Open(As("A Khan", "123456")));
  EXPECT_THAT(Must(replica->Status()).people, ElementsAre("A Khan"));
  Must(Try("", "123456"));
  // An older keyring does not bring it back.
  fs::copy(copy, at_ + "/keyring", fs::copy_options::overwrite_existing);
  EXPECT_TRUE(absl::IsPermissionDenied(Open(Nobody()).status()));
  ExpectNothingSetAside();
}

TEST_F(People, EachHasTheirOwnSecretAndTheirOwnChanges) {
  Init(As("A Khan", "123456"));
  Must(AddPerson(at_, As("A Khan", "123456"), {"M Osei", "a longer passphrase"}));
  EXPECT_EQ(AddPerson(at_, As("A Khan", "123456"), {"M Osei", "654321"}).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "a longer passphrase")));
  EXPECT_TRUE(absl::IsUnauthenticated(Open(As("", "123456")).status())) << "who is it?";
  const auto replica = Must(Open(As("M Osei", "a longer passphrase")));
  Must(replica->Transact({}, [](Edits& edits) {
    return edits.AddJson("Person", R"({"name":"Peter"})", {.file = "new"}).status();
  }));
  EXPECT_EQ(Must(replica->Outbox()).at(0).author, "M Osei");
  EXPECT_EQ(Must(replica->Status()).user, "M Osei");
  const absl::Status other = replica->Transact({.author = "A Khan"}, [](Edits& edits) {
    return edits.AddJson("Person", R"({"name":"Mary"})", {.file = "new"}).status();
  });
  EXPECT_TRUE(absl::IsPermissionDenied(other)) << other;
}

// A rekey that began meanwhile would not know of the one who is added.
TEST_F(People, NoRekeyBeginsWhileSomebodyIsAdded) {
  class Watching : public Phone {
   public:
    explicit Watching(std::string lock) : lock_(std::move(lock)) {}
    absl::StatusOr<std::string> Make(const std::string& name) override {
      kept_out = absl::IsAborted(FileLock::TryAcquire(lock_, FileLock::Mode::kExclusive).status());
      return Phone::Make(name);
    }
    bool kept_out = false;

   private:
    const std::string lock_;
  };
  Watching phone(at_ + "/replica.lock");
  Environment environment = As("A Khan", "123456");
  environment.key_store = &phone;
  Init(environment);
  phone.kept_out = false;
  Must(AddPerson(at_, environment, {"M Osei", "654321"}));
  EXPECT_TRUE(phone.kept_out);
  phone.kept_out = false;
  Must(ChangeSecret(at_, environment, "another one"));
  EXPECT_TRUE(phone.kept_out);
}

// What a guess costs whoever has all that the device has.
TEST_F(People, APinIsStretched) {
  weak_ = false;
  Init(As("A Khan", "123456"));
  EXPECT_EQ(Ring().slots[0].passes, 3u);
  EXPECT_EQ(Ring().slots[0].memory_kib, 64u * 1024);
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "123457")));
  Must(Try("A Khan", "123456"));
}

// Whatever of a slot is another, the right PIN on the right device does not open it: nothing in it
// is there for show, the salt least of all.
TEST_F(People, EveryPartOfASlotCounts) {
  Init(As("A Khan", "123456"));
  Must(AddPerson(at_, As("A Khan", "123456"), {"M Osei", "123456"}));
  const client::Keyring whole = Ring();
  EXPECT_NE(whole.slots[0].salt, whole.slots[1].salt);
  const std::pair<const char*, std::string client::Slot::*> parts[] = {
      {"salt", &client::Slot::salt},
      {"public", &client::Slot::public_key},
      {"box", &client::Slot::box},
      {"sealed", &client::Slot::sealed}};
  for (const auto& [name, part] : parts) {
    client::Keyring ring = whole;
    (ring.slots[0].*part)[0] ^= 1;
    Must(client::WriteKeyring(at_, ring));
    const absl::Status status = Try("A Khan", "123456");
    EXPECT_TRUE(absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status))
        << name << ": " << status;
    ring = whole;
    ring.slots[0].*part = whole.slots[1].*part;
    Must(client::WriteKeyring(at_, ring));
    EXPECT_FALSE(Try("A Khan", "123456").ok()) << name;
  }
  // Nor does it under another name, or with the secret of another slot.
  client::Keyring ring = whole;
  std::swap(ring.slots[0].person, ring.slots[1].person);
  Must(client::WriteKeyring(at_, ring));
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "123456")));
  Must(client::WriteKeyring(at_, whole));
  auto secret = phone_.secrets.begin();
  std::swap(secret->second, std::next(secret)->second);
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "123456")));
  ExpectNothingSetAside();
}

TEST_F(People, AnotherSecretAndOnlyThat) {
  Init(As("A Khan", "123456"));
  EXPECT_TRUE(absl::IsInvalidArgument(ChangeSecret(at_, As("A Khan", "123456"), "short")));
  EXPECT_TRUE(absl::IsUnauthenticated(ChangeSecret(at_, As("A Khan", "999999"), "abcdef")));
  Must(ChangeSecret(at_, As("A Khan", "123456"), "abcdef"));
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "123456")));
  Must(Try("A Khan", "abcdef"));
  EXPECT_THAT(phone_.secrets, SizeIs(1)) << "what opened the old one is forgotten";
}

TEST_F(People, WhoLeavesIsNotTheLast) {
  Init(As("A Khan", "123456"));
  EXPECT_TRUE(absl::IsFailedPrecondition(RemovePerson(at_, As("A Khan", "123456"), "A Khan")));
  Must(AddPerson(at_, As("A Khan", "123456"), {"M Osei", "654321"}));
  EXPECT_TRUE(absl::IsNotFound(RemovePerson(at_, As("A Khan", "123456"), "J Ward")));
  Must(RemovePerson(at_, As("M Osei", "654321"), "A Khan"));
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "123456")));
  Must(Try("M Osei", "654321"));
  EXPECT_THAT(phone_.secrets, SizeIs(1));
}

TEST_F(People, WaitsGrowAndNoClockShortensThem) {
  Init(As("A Khan", "123456"));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "000000")));
  // The right one is not tried either.
  absl::Status status = Try("A Khan", "123456");
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("30 seconds"));
  EXPECT_EQ(Must(WhoOpens(at_, Nobody())).people.at(0).failures, 4);
  clock_.SetWall(kNine + 24 * kHour);
  EXPECT_TRUE(absl::IsPermissionDenied(Try("A Khan", "123456")));
  clock_.Reboot();
  clock_.SetWall(kNine - 24 * kHour);
  EXPECT_TRUE(absl::IsPermissionDenied(Try("A Khan", "123456")));
  clock_.Advance(30'000);
  Must(Try("A Khan", "123456"));
  EXPECT_EQ(Must(WhoOpens(at_, Nobody())).people.at(0).failures, 0);
}

// A guesser who ends the program before it can say "wrong" has used up a try: the count is on disk
// before the PIN is looked at.
TEST_F(People, ATryIsCountedBeforeItIsKnownToBeWrong) {
  weak_ = false;
  Init(As("A Khan", "123456"));
  // So that a try takes a second or more.
  client::Keyring ring = Ring();
  ring.slots[0].passes = kMaxUnlockPasses;
  Must(client::WriteKeyring(at_, ring));
  const Environment environment = As("A Khan", "000000");
  int known[2];
  ASSERT_EQ(pipe(known), 0);
  const pid_t child = fork();
  if (child == 0) {
    client::OpenKeyring(at_, ring, environment).status().IgnoreError();
    _exit(write(known[1], "!", 1) == 1 ? 0 : 1);
  }
  close(known[1]);
  while (Ring().slots[0].failures == 0 && waitpid(child, nullptr, WNOHANG) == 0) usleep(1'000);
  usleep(50'000);
  kill(child, SIGKILL);
  char said = 0;
  EXPECT_EQ(read(known[0], &said, 1), 0) << "it was known when it was counted";
  close(known[0]);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(Must(WhoOpens(at_)).people.at(0).failures, 1);
}

// That is no wrong PIN.
TEST_F(People, ATryForWhichThereIsTooLittleMemoryIsNotCounted) {
  weak_ = false;
  Init(As("A Khan", "123456"));
  const Environment environment = As("A Khan", "000000");
  const pid_t child = fork();
  if (child == 0) {
    client::Keyring keyring = *client::ReadKeyring(at_);
    int64_t pages[6] = {};
    std::ifstream statm("/proc/self/statm");
    for (int64_t& number : pages) statm >> number;
    const rlim_t little =
        static_cast<rlim_t>(pages[5] * sysconf(_SC_PAGESIZE)) + kLittleMemoryBytes;
    const rlimit limit = {little, little};
    setrlimit(RLIMIT_DATA, &limit);
    _exit(absl::IsResourceExhausted(client::OpenKeyring(at_, keyring, environment).status()) ? 0
                                                                                             : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Must(WhoOpens(at_)).people.at(0).failures, 0);
}

TEST_F(People, AfterTheTenthThatPersonsKeyGoesAndNothingElse) {
  Init(As("A Khan", "123456"));
  Must(AddPerson(at_, As("A Khan", "123456"), {"M Osei", "654321"}));
  Must(Must(Open(As("A Khan", "123456")))->Transact({}, [](Edits& edits) {
    return edits.AddJson("Person", R"({"name":"Never sent"})", {.file = "new"}).status();
  }));
  fs::copy(at_ + "/keyring", directory_.path() + "/copy");
  int tries = 0;
  absl::Status status = TryWrongUntilRefused("A Khan", &tries);
  EXPECT_EQ(tries, kMaxUnlockFailures);
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("doorstep people add"));
  EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "123456")));
  // A copy of the keyring from before does not help: the secret of the device is gone.
  fs::copy(directory_.path() + "/copy", at_ + "/keyring", fs::copy_options::overwrite_existing);
  status = Try("A Khan", "123456");
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  ExpectNothingSetAside();
  const auto replica = Must(Open(As("M Osei", "654321")));
  EXPECT_EQ(Must(replica->Outbox()).at(0).author, "A Khan");
  Must(RemovePerson(at_, As("M Osei", "654321"), "A Khan"));
  Must(AddPerson(at_, As("M Osei", "654321"), {"A Khan", "111111"}));
  Must(Try("A Khan", "111111"));
}

TEST_F(People, TheLastPersonsKeyStaysWhereNobodyElseCouldHelp) {
  Init(As("A Khan", "123456"));
  for (int i = 0; i < 2 * kMaxUnlockFailures; ++i) {
    EXPECT_TRUE(absl::IsUnauthenticated(Try("A Khan", "000000"))) << i;
    EXPECT_TRUE(i < 3 || absl::IsPermissionDenied(Try("A Khan", "123456"))) << i;
    clock_.Advance(24 * kHour);
  }
  Must(Try("A Khan", "123456"));
}

// The operator's side, as `doorstep-server recovery` does it.
struct Operator {
  Operator() {
    std::string seed = client::RandomBytes(client::kKeyBytes);
    pair = Must(client::MakeSlot(ring, "oper", "", "", seed, seed, client::kHardlyAny));
    private_key = Must(client::OpenSlot(ring, pair, "", seed));
  }
  std::string Answer(const std::string& text) const {
    const RecoveryRequest request = Must(ParseRecoveryRequest(text));
    RecoveryAnswer answer{request.keyring, {}};
    for (const std::string& sealed : request.sealed) {
      const client::Secret key = Must(client::Unseal(sealed, pair.public_key, private_key));
      answer.sealed.push_back(Must(client::Seal(key.view(), request.public_key)));
    }
    return FormatRecoveryAnswer(answer);
  }
  client::Keyring ring;
  client::Slot pair;
  client::Secret private_key;
};

TEST_F(People, TheOperatorHelpsWhereNobodyCanOpenIt) {
  const Operator helper;
  Init(As("A Khan", "123456"), helper.pair.public_key);
  Must(Must(Open(As("A Khan", "123456")))->Transact({}, [](Edits& edits) {
    return edits.AddJson("Person", R"({"name":"Never sent"})", {.file = "new"}).status();
  }));
  int tries = 0;
  absl::Status status = TryWrongUntilRefused("A Khan", &tries);
  EXPECT_EQ(tries, kMaxUnlockFailures);
  EXPECT_THAT(status.message(), HasSubstr("doorstep keys sealed"));
  EXPECT_THAT(Ring().slots, IsEmpty());
  EXPECT_TRUE(absl::IsPermissionDenied(Try("A Khan", "123456")));

  const std::string request = Must(RecoveryRequestFor(at_, Nobody()));
  EXPECT_EQ(request, Must(RecoveryRequestFor(at_, Nobody()))) << "asked twice, one answer does";
  const std::string answer = helper.Answer(request);
  // Not on another device, not for another replica, and not cut short.
  Phone other;
  Environment elsewhere = Nobody();
  elsewhere.key_store = &other;
  EXPECT_TRUE(absl::IsPermissionDenied(Recover(at_, elsewhere, answer, {"A Khan", "222222"})));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Recover(at_, Nobody(), answer.substr(0, answer.size() - 8), {"A Khan", "222222"})));
  Must(Recover(at_, Nobody(), absl::StrCat(" ", answer, "\n"), {"A Khan", "222222"}));
  EXPECT_THAT(Must(Must(Open(As("A Khan", "222222")))->Outbox()), SizeIs(1));
  // Once.
  status = Recover(at_, Nobody(), answer, {"B", "333333"});
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("used already"));
}

// One more than a keyring may have would keep everybody out.
TEST_F(People, TheOperatorAddsNobodyToAFullKeyring) {
  const Operator helper;
  Init(As("A Khan", "123456"), helper.pair.public_key);
  const std::string answer = helper.Answer(Must(RecoveryRequestFor(at_, Nobody())));
  client::Keyring ring = Ring();
  while (ring.slots.size() < kMaxPeople) {
    ring.slots.push_back(ring.slots[0]);
    ring.slots.back().person = absl::StrCat("person ", ring.slots.size());
  }
  Must(client::WriteKeyring(at_, ring));
  EXPECT_TRUE(absl::IsFailedPrecondition(Recover(at_, Nobody(), answer, {"B", "333333"})));
  EXPECT_THAT(Ring().slots, SizeIs(kMaxPeople));
  Must(Recover(at_, Nobody(), answer, {"A Khan", "222222"}));
  Must(Try("A Khan", "222222"));
}

TEST_F(People, WithoutARecoveryKeyNobodyElseCanHelp) {
  Init(As("A Khan", "123456"));
  EXPECT_TRUE(absl::IsFailedPrecondition(RecoveryRequestFor(at_, Nobody()).status()));
}

TEST_F(People, RekeyKeepsEverybodyAndWantsNobodyElsesPin) {
  const Operator helper;
  Init(As("A Khan", "123456"), helper.pair.public_key);
  Must(AddPerson(at_, As("A Khan", "123456"), {"M Osei", "654321"}));
  {
    const auto open = Must(Open(As("M Osei", "654321")));
    Must(open->Transact({}, [](Edits& edits) {
      return edits.AddJson("Person", R"({"name":"Peter"})", {.file = "new"}).status();
    }));
  }
  const std::string old_key(Must(client::GainAccess(at_, As("A Khan", "123456"), true)).key.view());
  Must(Rekey(at_, As("A Khan", "123456")));
  EXPECT_NE(Must(client::GainAccess(at_, As("M Osei", "654321"), true)).key.view(), old_key);
  EXPECT_THAT(Must(Must(Open(As("A Khan", "123456")))->Outbox()), SizeIs(1));
  EXPECT_TRUE(Ring().slots[0].next.empty());
  const std::string answer = helper.Answer(Must(RecoveryRequestFor(at_, Nobody())));
  Must(Recover(at_, Nobody(), answer, {"J Ward", "333333"}));
  Must(Try("J Ward", "333333"));
}

// What a crash between any two steps of a rekey leaves.
TEST_F(People, ARekeyThatWasCutOffIsFinishedByWhoeverOpensNext) {
  for (const bool replaced : {false, true}) {
    at_ = absl::StrCat(directory_.path(), "/", replaced);
    Init(As("A Khan", "123456"));
    Must(AddPerson(at_, As("A Khan", "123456"), {"M Osei", "654321"}));
    const std::string before(
        Must(client::GainAccess(at_, As("A Khan", "123456"), true)).key.view());
    const std::string next = client::RandomBytes(client::kKeyBytes);
    client::Keyring ring = Ring();
    for (client::Slot& slot : ring.slots) slot.next = Must(client::Seal(next, slot.public_key));
    Must(client::WriteKeyring(at_, ring));
    if (replaced) Must(RekeyFile(at_ + "/replica.db", before, next));
    OpenOptions reading;
    reading.read_only = true;
    reading.environment = As("M Osei", "654321");
    EXPECT_TRUE(absl::IsFailedPrecondition(Replica::Open(at_, reading).status()));
    Must(Try("M Osei", "654321"));
    EXPECT_TRUE(Ring().slots[0].next.empty());
    EXPECT_EQ(Must(client::GainAccess(at_, As("A Khan", "123456"), true)).key.view(),
              replaced ? next : before);
    ExpectNothingSetAside();
  }
}

TEST_F(People, AKeyringThatIsMissingOrForeignNeverSetsTheReplicaAside) {
  Init(Nobody());
  const std::string whole = Must(ReadFile(at_ + "/keyring"));
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1]"), whole.substr(0, whole.size() / 2),
        std::string("{\"format\":2}")}) {
    Must(WriteFileAtomically(at_ + "/keyring", text));
    const absl::Status status = Open(Nobody()).status();
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << text << "\n" << status;
  }
  fs::remove(at_ + "/keyring");
  const absl::Status status = Open(Nobody()).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("keyring"));
  ExpectNothingSetAside();
  Must(WriteFileAtomically(at_ + "/keyring", whole));
  Must(Open(Nobody()).status());
}

// Somebody who can write to the disk puts a database of their own there.
TEST_F(People, APlainDatabaseInItsPlaceIsRefused) {
  Init(Nobody());
  InitOptions plain;
  plain.site = plain.device_name = plain.user = "x";
  plain.environment.test_key = "plain";
  Must(Replica::Init(directory_.path() + "/plain", plain));
  fs::copy(directory_.path() + "/plain/replica.db", at_ + "/replica.db",
           fs::copy_options::overwrite_existing);
  const absl::Status status = Open(Nobody()).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  ExpectNothingSetAside();
}

TEST_F(People, AReplicaOfAReleaseThatDidNotEncryptIsEncryptedWhenItIsOpened) {
  {
    Device before(at_, "tablet", "north", 1, "plain");
    Must(before.Add("Person", R"({"name":"Peter"})"));
  }
  EXPECT_TRUE(Must(IsPlainDatabase(at_ + "/replica.db")));
  OpenOptions reading;
  reading.read_only = true;
  reading.environment = Nobody();
  EXPECT_TRUE(absl::IsFailedPrecondition(Replica::Open(at_, reading).status()));
  EXPECT_THAT(Must(Must(Open(Nobody()))->Outbox()), SizeIs(1));
  EXPECT_FALSE(Must(IsPlainDatabase(at_ + "/replica.db")));
  EXPECT_TRUE(Must(WhoOpens(at_)).device_alone);
}

// Attachments that cannot be encrypted are no damage of the records.
TEST_F(People, DamagedAttachmentsOfSuchAReleaseKeepNobodyFromTheirRecords) {
  {
    Device before(at_, "tablet", "north", 1, "plain");
    Must(before.Add("Person", R"({"name":"Peter"})"));
  }
  const std::string damaged = std::string("SQLite format 3\0", 16) + std::string(8'000, 'x');
  std::ofstream(at_ + "/attachments.db") << damaged;
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Must(Must(Open(Nobody()))->Outbox()), SizeIs(1));
    EXPECT_FALSE(Must(IsPlainDatabase(at_ + "/replica.db")));
  }
  OpenOptions reading;
  reading.read_only = true;
  reading.environment = Nobody();
  Must(Replica::Open(at_, reading));
  ExpectNothingSetAside();
}

// A file that somebody made up.
TEST_F(People, NoNumberInAKeyringIsTooLarge) {
  Init(As("A Khan", "123456"));
  client::Keyring ring = Ring();
  ring.slots[0].failures = std::numeric_limits<int>::max();
  ring.slots[0].tried = {std::numeric_limits<int64_t>::min(), 1,
                         std::numeric_limits<int64_t>::min()};
  ASSERT_TRUE(client::WriteKeyring(at_, ring).ok());
  EXPECT_THAT(Must(WhoOpens(at_)).people, SizeIs(1));
  Open(As("A Khan", "654321")).status().IgnoreError();
  EXPECT_THAT(Must(WhoOpens(at_)).people, SizeIs(1));
}

TEST_F(People, NobodyOpensItWhileItIsEncryptedAnew) {
  Init(Nobody());
  const auto open = Must(Open(Nobody()));
  const absl::StatusOr<FileLock> alone =
      FileLock::TryAcquire(at_ + "/replica.lock", FileLock::Mode::kExclusive);
  EXPECT_TRUE(absl::IsAborted(alone.status()));
}

TEST_F(People, TheKeyringSaysAllThatIsInItAndNothingElse) {
  const Operator helper;
  Init(As("A Khan", "123456"), helper.pair.public_key);
  client::Keyring ring = Ring();
  ring.slots[0].next = ring.slots[0].sealed;
  ring.slots[0].tried = {-5, ~uint64_t{0}, 7};
  const std::string text = client::EncodeKeyring(ring);
  EXPECT_EQ(client::EncodeKeyring(Must(client::ParseKeyring(text))), text);
  const std::string key(Must(client::GainAccess(at_, As("A Khan", "123456"), true)).key.view());
  EXPECT_THAT(text, Not(HasSubstr(ToHex(key))));
  EXPECT_THAT(text, Not(HasSubstr("123456")));
}

}  // namespace
}  // namespace doorstep
