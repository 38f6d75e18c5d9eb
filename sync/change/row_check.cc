#include "sync/change/row_check.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace {

absl::Status CheckValue(const KindSpec& kind, const FieldSpec& field, absl::string_view value) {
  if (value.empty()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const std::string canonical,
                            ParseValue(kind, field, value, Unknown::kKeep));
  if (canonical == value) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(kind.name, ".", field.scalar.name,
                                                 ": got another form of ", Quoted(canonical),
                                                 ", wanted the canonical one"));
}

absl::Status CheckHead(const KindSpec& kind, const FieldSpec& field, const Head& head) {
  if (field.is_set() && head.value.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(kind.name, ".", field.scalar.name,
                                                   ": got an element without a value, wanted one"));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckValue(kind, field, head.value));
  return head.agreed.has_value() ? CheckValue(kind, field, head.agreed->value) : absl::OkStatus();
}

}  // namespace

absl::Status CheckRow(const Schema& schema, const RecordState& state) {
  const KindSpec* kind = schema.Find(state.kind);
  if (kind == nullptr) return absl::OkStatus();
  for (const FieldState& held : state.fields) {
    const FieldSpec* field = kind->FindWithMarks(held.field);
    if (field == nullptr) continue;
    for (const Head& head : held.heads) {
      if (absl::Status status = CheckHead(*kind, *field, head); !status.ok()) {
        return Annotate(std::move(status), absl::StrCat("record ", state.id.ToString()));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace doorstep
