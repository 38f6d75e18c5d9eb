#include "sync/cases/title.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sync/cases/words.h"
#include "sync/merge/plan.h"

namespace doorstep {

std::string OwnTitle(const Schema& schema, const RecordState& record) {
  const KindSpec* kind = schema.Find(record.kind);
  const FieldSpec* field = kind == nullptr ? nullptr : kind->FindByName(kind->title);
  const FieldState* held = field == nullptr ? nullptr : record.Find(field->number());
  if (held == nullptr) return "";
  const std::string value = EffectiveOf(*field, *held).value;
  if (value.empty()) return "";
  const std::string words = ValueWords(*field, value);
  absl::string_view text = words;
  absl::ConsumePrefix(&text, "\"");
  absl::ConsumeSuffix(&text, "\"");
  return std::string(text);
}

std::string TitleOf(const Schema& schema, const RecordState& record) {
  std::string title = OwnTitle(schema, record);
  if (!title.empty()) return title;
  const KindSpec* kind = schema.Find(record.kind);
  return kind == nullptr ? absl::StrCat("kind ", record.kind) : kind->label;
}

}  // namespace doorstep
