// The compact bookkeeping of a record: which heads its columns hold, and the heads they cannot.
//
//   meta      := version:0x01 head count:varint exception{count}
//   head      := incarnation_ref:varint counter:varint time:signed sequence:varint
//   author_ref:varint exception := field:varint sequence:varint heads:varint entry{heads} entry :=
//   flags:byte [head] [value:bytes] [agreed_sequence:varint agreed_value:bytes]
//                [mode:byte reason:bytes] [removes:ids] [seen:ids]
//   flags     := 1 the record's default head | 2 the value stands in the columns
//              | 4 agreed follows | 8 settled follows | 16 removes follows | 32 seen follows
//   ids       := count:varint (incarnation_ref:varint counter:varint){count}
//   unknown   := version:0x01 count:varint exception{count}      (flags 1 and 2 never set)
//
// The default head belongs to every field whose column is not NULL and that is no exception, so a
// record that one change wrote costs some twenty bytes, however many fields it has.
#ifndef SYNC_TABLES_META_H_
#define SYNC_TABLES_META_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"
#include "sync/tables/dictionary.h"

namespace doorstep {

struct EncodedMeta {
  std::string meta;
  std::string unknown;  // fields that the kind does not have (nor the engine); empty = none
};
// References are looked up, or added, in the dictionary.
absl::StatusOr<EncodedMeta> EncodeMeta(const KindSpec& kind, const RecordState& state,
                                       Dictionary& dictionary);

// The inverse: fills `state->fields`. `column_value` gives the canonical value that stands in the
// columns of a field, empty for NULL; it is not asked about SETs. kDataLoss for bytes that
// EncodeMeta did not write.
absl::Status DecodeMeta(const KindSpec& kind, absl::string_view meta, absl::string_view unknown,
                        absl::FunctionRef<absl::StatusOr<std::string>(size_t)> column_value,
                        Dictionary& dictionary, RecordState* state);

}  // namespace doorstep

#endif  // SYNC_TABLES_META_H_
