// What is in an encrypted replica that the device alone opens, for tests that look for words. No
// program has it open meanwhile.
#ifndef TESTS_SUPPORT_OPENED_REPLICA_H_
#define TESTS_SUPPORT_OPENED_REPLICA_H_

#include <memory>
#include <string>

#include "sync/sqlite/database.h"

namespace doorstep::testing {

// The key of its database, and that database.
std::string KeyOf(const std::string& directory);
std::unique_ptr<Database> OpenedReplica(const std::string& directory);

// Every page of the database decrypted, those that are free and those in its log too. Empty, and
// the test has failed, when it does not open.
std::string DecryptedPages(const std::string& directory);

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_OPENED_REPLICA_H_
