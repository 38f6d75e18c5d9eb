// The files of client-lib/schema as a ladder. The text is in the program (CMake puts it there).
#ifndef CLIENT_LIB_MIGRATIONS_H_
#define CLIENT_LIB_MIGRATIONS_H_

#include <vector>

#include "sync/sqlite/migrate.h"

namespace doorstep::client {

std::vector<Migration> Migrations();

}  // namespace doorstep::client

#endif  // CLIENT_LIB_MIGRATIONS_H_
