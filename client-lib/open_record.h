// A record as its reader saw it: the state with all heads, kept for the base of a later edit.
#ifndef CLIENT_LIB_OPEN_RECORD_H_
#define CLIENT_LIB_OPEN_RECORD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "client-lib/fold.h"
#include "doorstep/replica.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {
namespace client {

struct OpenedRecord {
  std::shared_ptr<const Schema> schema;
  const KindSpec* kind = nullptr;  // null: of a newer schema
  RecordState state;
  bool pending = false;
  // Of LATEST fields: own pending changes that the heads do not show, because a later time won.
  // Their author has seen them all the same.
  absl::flat_hash_map<uint32_t, std::vector<ChangeId>> hidden;
  // Heads of the judgement's other records: its children's, or its parents' and their other
  // children's.
  std::vector<ChangeId> seen_elsewhere;
  // Of all ids here, those that the server has: they never change. What was pending may have
  // another id by the time of an edit (fork.h), while its old one is another life's change.
  absl::flat_hash_set<ChangeId> admitted;
  // Its children of coherent kinds.
  std::vector<RecordState> children;
  std::string id;
  std::string kind_name;
  std::string full_name;
  std::string bytes;  // the effective values; empty for a kind that is not known
};

// Ids of the heads of the judgement that the record is part of, but not its own. Pending ones, too;
// the others are added to `admitted`, if it is given.
absl::StatusOr<std::vector<ChangeId>> SeenElsewhere(
    Store& store, const RecordState& record, absl::flat_hash_set<ChangeId>* admitted = nullptr);

absl::StatusOr<OpenedRecord> MakeOpenRecord(Store& store, Fold& fold, RecordState state);

}  // namespace client

struct OpenRecord::Impl : client::OpenedRecord {};

}  // namespace doorstep

#endif  // CLIENT_LIB_OPEN_RECORD_H_
