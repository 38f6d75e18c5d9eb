// Who opens a replica: people with a PIN or passphrase each, its keys, and what helps when all of
// them have been forgotten.
//
// A replica is encrypted under a random key, which is wrapped for each person under their PIN or
// passphrase and a secret of the device (key_store.h) together. A new replica has no people: then
// the device alone opens it. The first person who is added ends that.
//
// Every function works on a directory and opens the keyring by itself with `environment.unlock`.
// Nothing here touches the databases, except Rekey. Codes, beside those of replica.h:
//   kUnauthenticated   the PIN or passphrase is wrong, or none was given; the message says how many
//                      tries are left
//   kPermissionDenied  it is not tried: too many failures, wait as the message says; or the secret
//                      of the device or the keyring is not here
// Neither says anything of the database, and neither ever sets it aside.
//
// Each wrong PIN is counted on disk before it is known to be wrong. After the third the waits grow,
// and after the tenth that person's key goes, for good. No record goes: somebody else who opens the
// replica adds the person again, or the operator helps (RecoveryRequest). When nobody else opens it
// and the device knows no recovery key, the key stays, with a day's wait before each further try.
#ifndef DOORSTEP_PEOPLE_H_
#define DOORSTEP_PEOPLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/replica.h"

namespace doorstep {

struct PersonWhoOpens {
  std::string person;
  int failures = 0;     // in a row, up to now
  int64_t wait_ms = 0;  // before the next try
};

struct Openers {
  std::vector<PersonWhoOpens> people;  // in the order in which they were added
  bool device_alone = false;           // whoever has the device opens it: there are no people yet
  bool recovery = false;               // the tenant's operator can help
};

// Without opening anything: for a screen that asks who it is. kNotFound: no keyring here.
absl::StatusOr<Openers> WhoOpens(const std::string& directory, const Environment& environment = {});

// One more person, who is there to choose a PIN or passphrase: at least 6 bytes.
// kAlreadyExists, kInvalidArgument.
absl::Status AddPerson(const std::string& directory, const Environment& environment,
                       const Unlock& person);
// Another PIN or passphrase for who opens it.
absl::Status ChangeSecret(const std::string& directory, const Environment& environment,
                          absl::string_view secret);
// Anybody who opens the replica may. kNotFound; kFailedPrecondition: nobody else could open it.
absl::Status RemovePerson(const std::string& directory, const Environment& environment,
                          absl::string_view person);

// Another key for the database, and for everybody who opens it, without their PINs: what was learnt
// of the old one is of no use. Then another for its attachments. Needs as much free space as the
// larger of them has. A crash at any moment, and an error, leave a replica that opens; the message
// of an error says "attachments" where only they have kept their key. kAborted: other programs have
// it open.
absl::Status Rekey(const std::string& directory, const Environment& environment);

// When nobody can open it: a line for the operator of the tenant, who makes sure of who is asking,
// and answers with another (`doorstep-server recovery open`). That one, given to Recover on the
// same device, makes `person` one who opens it; it works once. kFailedPrecondition: the replica
// knew no recovery key of its tenant.
absl::StatusOr<std::string> RecoveryRequestFor(const std::string& directory,
                                               const Environment& environment);
absl::Status Recover(const std::string& directory, const Environment& environment,
                     absl::string_view answer, const Unlock& person);

}  // namespace doorstep

#endif  // DOORSTEP_PEOPLE_H_
