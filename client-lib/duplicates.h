// Records that were perhaps recorded twice: found by what identifies them (the option duplicate_key
// of their kind), and linked or told apart by people (records of a kind with says_same).
#ifndef CLIENT_LIB_DUPLICATES_H_
#define CLIENT_LIB_DUPLICATES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/store.h"
#include "doorstep/types.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

// In order of kind and ids; of one kind, or (null) of all.
absl::StatusOr<std::vector<Duplicate>> FindDuplicates(Store& store, const KindSpec* only);

// What says whether two records of a kind are the same.
struct SameKind {
  const KindSpec* kind = nullptr;
  const FieldSpec* first = nullptr;
  const FieldSpec* second = nullptr;
  const FieldSpec* verdict = nullptr;
  const FieldSpec* reason = nullptr;  // a text field called so; null when there is none
  const EnumValueSpec* same = nullptr;
  const EnumValueSpec* different = nullptr;
};
// Of records of `kind`; kNotFound when no kind of the schema says it.
absl::StatusOr<SameKind> FindSameKind(const Schema& schema, const KindSpec& kind);

// What is compared: letters without case (of ASCII), digits, and every byte beyond ASCII.
std::string Comparable(absl::string_view text);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_DUPLICATES_H_
