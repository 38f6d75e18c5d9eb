#include "client-lib/value_words.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/cases/words.h"
#include "sync/change/wire.h"

namespace doorstep::client {

absl::StatusOr<std::vector<FieldWords>> WordsOf(const KindSpec& kind, absl::string_view message) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FieldValues> fields,
                            ParseValues(kind, message, Unknown::kKeep));
  std::vector<FieldWords> out;
  for (const FieldValues& values : fields) {
    const FieldSpec* field = kind.FindWithMarks(values.field);
    if (field == nullptr) continue;
    FieldWords& words = out.emplace_back();
    words.field = field->scalar.name;
    words.label = field->label;
    for (const std::string& value : values.values) {
      absl::StrAppend(&words.words, words.words.empty() ? "" : ", ", ValueText(*field, value));
    }
  }
  return out;
}

FieldWords Removed(const FieldSpec& field, absl::string_view element) {
  FieldWords words;
  words.field = field.scalar.name;
  words.label = field.label;
  if (!element.empty()) words.words = ValueText(field, element);
  words.removed = true;
  return words;
}

absl::StatusOr<std::vector<FieldWords>> WordsOfChange(const KindSpec* kind,
                                                      const ChangeData& change) {
  std::vector<FieldWords> out;
  if (kind == nullptr) return out;
  std::string values;
  for (const FieldEdit& edit : change.edits) {
    values += edit.value;
    for (const std::string& element : edit.adds) values += element;
  }
  DOORSTEP_ASSIGN_OR_RETURN(out, WordsOf(*kind, values));
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind->FindWithMarks(edit.field);
    if (field == nullptr) continue;
    if (!field->is_set() && edit.value.empty()) out.push_back(Removed(*field, ""));
    for (const FieldEdit::Removal& removal : edit.removals) {
      out.push_back(Removed(*field, removal.element));
    }
  }
  return out;
}

}  // namespace doorstep::client
