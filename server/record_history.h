// The history of one record, as a device may read it.
#ifndef SERVER_RECORD_HISTORY_H_
#define SERVER_RECORD_HISTORY_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/v1/sync.pb.h"
#include "server/store.h"
#include "sync/base/bytes.h"

namespace doorstep::server {

// Entries after a sequence, oldest first, at most `limit` (but all of one unit). kNotFound, for the
// caller, is the same whether the record does not exist or the site may not see it. What was erased
// is left out.
absl::StatusOr<v1::HistoryResponse> RecordHistory(ReadView& view, absl::string_view site,
                                                  const Uuid& record, uint64_t after, size_t limit);

}  // namespace doorstep::server

#endif  // SERVER_RECORD_HISTORY_H_
