// The inside of a Replica. For the files of this room and its tests.
#ifndef CLIENT_LIB_REPLICA_IMPL_H_
#define CLIENT_LIB_REPLICA_IMPL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client-lib/search.h"
#include "client-lib/store.h"
#include "doorstep/replica.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/sqlite/database.h"

namespace doorstep {

struct Replica::Impl {
  // For what edits without a callback.
  using EditsInside = Edits::Impl;

  std::string directory;
  OpenOptions options;
  Clock& clock;
  Entropy& entropy;
  std::unique_ptr<client::Store> store;
  std::unique_ptr<client::WordMaker> words;  // for Search; made when first needed
  std::unique_ptr<Database> reader;          // for SQL that people typed; made when first needed

  absl::StatusOr<Database*> Reader();
};

}  // namespace doorstep

#endif  // CLIENT_LIB_REPLICA_IMPL_H_
