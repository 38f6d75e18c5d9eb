// The files of server/schema as a ladder. The text is in the program (CMake puts it there).
#ifndef SERVER_MIGRATIONS_H_
#define SERVER_MIGRATIONS_H_

#include <vector>

#include "sync/sqlite/migrate.h"

namespace doorstep::server {

std::vector<Migration> Migrations();

}  // namespace doorstep::server

#endif  // SERVER_MIGRATIONS_H_
