// Where a device keeps the secrets without which none of its replicas opens: a phone's key store, a
// TPM, or files. An application implements KeyStore over what its platform has; without one, files
// outside of the replica's directory are used, so that a copied directory alone opens nothing.
//
// What a file store does not protect from: whoever may read the files of the user who runs the
// program (root, somebody with the unlocked disk) has the device's secrets, and can then guess PINs
// as fast as a computer can.
#ifndef DOORSTEP_KEY_STORE_H_
#define DOORSTEP_KEY_STORE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace doorstep {

// Names are 1 to 80 characters of a-z, 0-9, '-' and '.'. Secrets are 32 bytes. Threads: any.
class KeyStore {
 public:
  virtual ~KeyStore() = default;

  // The secret of that name. kNotFound: there is none. Other errors: it cannot be told now.
  virtual absl::StatusOr<std::string> Get(const std::string& name) = 0;
  // Makes a random secret, which survives a power cut once this returns. kAlreadyExists.
  virtual absl::StatusOr<std::string> Make(const std::string& name) = 0;
  // Takes it away for ever. OK when there is none.
  virtual absl::Status Forget(const std::string& name) = 0;
};

// A file of mode 0600 for each secret. `directory` is made when first needed; empty: the one that
// DOORSTEP_KEYS names, else $XDG_DATA_HOME/doorstep/keys, else ~/.local/share/doorstep/keys.
std::unique_ptr<KeyStore> MakeFileKeyStore(const std::string& directory = "");

}  // namespace doorstep

#endif  // DOORSTEP_KEY_STORE_H_
