// The key of the pages of attachments.db (shelf.h). It is random and stands in replica.db
// (_secret): who opens the replica opens both, and the keyring has one key to keep.
//
//   attachments_file       the key
//   attachments_file_next  while it is being changed, or a crash has cut that off: the file has it
//                          already, or not yet
//
// A plain replica (Environment) has plain attachments, and none of this.
#ifndef CLIENT_LIB_SHELF_KEY_H_
#define CLIENT_LIB_SHELF_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/secret.h"
#include "sync/sqlite/database.h"

namespace doorstep::client {

class Store;

struct ShelfKeys {
  Secret key;   // empty: there is no file yet
  Secret next;  // mostly empty
};

// "DIR/attachments.db" of "DIR/replica.db".
std::string AttachmentsPathOf(absl::string_view database);

// `create`: makes the first one, durably, whatever commits of this connection wait for.
absl::StatusOr<ShelfKeys> ShelfKeysOf(Store& store, bool create);

// Under LockReplica, once replica.db opens with `replica_key`. Nothing happens without attachments.
//
// Encrypts the attachments of a release that did not.
absl::Status EncryptShelf(const std::string& directory, const Secret& replica_key);
// Gives them another key. After an error they still open.
absl::Status RekeyShelf(const std::string& directory, const Secret& replica_key);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SHELF_KEY_H_
