// What opened a replica.
#ifndef CLIENT_LIB_ACCESS_H_
#define CLIENT_LIB_ACCESS_H_

#include <optional>
#include <string>

#include "client-lib/secret.h"
#include "sync/base/file.h"

namespace doorstep::client {

// Held by a Store for as long as it is open.
struct Access {
  Secret key;                    // of the database; empty: it is plain, by Environment::test_key
  std::string person;            // who opened it; empty: the device
  std::string directory;         // of the keyring; empty: there is none, by Environment::test_key
  std::optional<FileLock> lock;  // nobody puts another file in its place meanwhile
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_ACCESS_H_
