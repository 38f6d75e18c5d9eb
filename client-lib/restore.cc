// An earlier value of a field, again, in one step.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client-lib/commit.h"
#include "client-lib/edits.h"
#include "client-lib/fold.h"
#include "client-lib/names.h"
#include "client-lib/replica_impl.h"
#include "doorstep/replica.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/cases/responsible.h"
#include "sync/change/record_json.h"
#include "sync/merge/plan.h"

namespace doorstep {
namespace {

using client::Store;
using nlohmann::json;

// The value that a line of the history gave the field, as JSON; nullopt: it did not touch it.
std::optional<std::string> ValueIn(const HistoryLine& line, absl::string_view field) {
  const json fields = json::parse(line.json, nullptr, /*allow_exceptions=*/false);
  const std::string name(field);
  if (fields.is_object() && fields.contains(name)) {
    return fields[name].dump(-1, ' ', false, json::error_handler_t::replace);
  }
  for (const std::string& cleared : line.cleared) {
    if (cleared == name) return "null";
  }
  return std::nullopt;
}

absl::StatusOr<HistoryLine> FindVersion(const std::vector<HistoryLine>& lines,
                                        absl::string_view field, absl::string_view version) {
  std::vector<const HistoryLine*> found;
  for (const HistoryLine& line : lines) {
    if (line.change != version && !(version.size() >= 4 && absl::StartsWith(line.change, version)))
      continue;
    if (!ValueIn(line, field)) continue;
    if (line.change == version) return line;
    found.push_back(&line);
  }
  if (found.size() == 1) return *found.front();
  if (found.size() > 1) {
    return InvalidField("version", version,
                        absl::StrCat("more of the id: ", found.size(), " versions fit"));
  }
  return absl::NotFoundError(absl::StrCat("version: got ", Quoted(version),
                                          ", wanted one that set ", field,
                                          ", as history lists: with a link there may be more"));
}

std::string Naming(const HistoryLine& line) {
  const int64_t when = line.admitted_time_ms != 0 ? line.admitted_time_ms : line.device_time_ms;
  return absl::StrCat("restores the version of ", line.author, " of ", CivilDay(when), " (",
                      line.change, ")");
}

// The elements that the SET has, and those that the version added.
absl::StatusOr<std::string> Joined(const OpenRecord& opened, absl::string_view field,
                                   const std::string& value) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string text, opened.ToJson());
  const json now = json::parse(text, nullptr, /*allow_exceptions=*/false);
  json all = json::array();
  if (now.is_object() && now.contains(std::string(field))) all = now[std::string(field)];
  for (const json& element : json::parse(value, nullptr, /*allow_exceptions=*/false)) {
    bool there = false;
    for (const json& other : all) there = there || other == element;
    if (!there) all.push_back(element);
  }
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<std::string> Replica::Restore(absl::string_view id, absl::string_view field_name,
                                             absl::string_view version,
                                             const TransactOptions& options, Transport* transport) {
  if (impl_->options.read_only) {
    return absl::FailedPreconditionError("the replica was opened for reading only");
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<HistoryLine> lines, History(id, transport));
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryLine line, FindVersion(lines, field_name, version));
  const std::string reason = Naming(line);
  std::string value = *ValueIn(line, field_name);

  Store& store = *impl_->store;
  DOORSTEP_ASSIGN_OR_RETURN(client::Write write, client::Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(const OpenRecord opened, Get(id));
  const KindSpec* kind = store.schema().FindByName(opened.kind());
  const FieldSpec* field = kind == nullptr ? nullptr : kind->FindByName(field_name);
  if (field == nullptr) return InvalidField("field", field_name, "one of the record's kind");
  DOORSTEP_ASSIGN_OR_RETURN(const std::string author, store.AuthorFor(options.author));
  client::Fold fold(store);
  Edits::Impl inside{store, fold, impl_->entropy, impl_->clock.Read(), author, {}, {}};
  Edits edits(&inside);
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, client::ParseId("id", id));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, store.tables().Load(record));
  const FieldState* held = state ? state->Find(field->number()) : nullptr;
  if (held != nullptr && IsConflict(*field, *held)) {
    const std::string case_id = CaseId(record, field->number()).ToString();
    DOORSTEP_ASSIGN_OR_RETURN(const client::OpenCase open, client::FindCase(store, case_id));
    Decision decision;
    DOORSTEP_ASSIGN_OR_RETURN(decision.seen, client::SeenNow(store, open));
    decision.mode = Decision::Mode::kNewValue;
    decision.json = value;
    if (field->is_set()) {
      DOORSTEP_ASSIGN_OR_RETURN(decision.json, Joined(opened, field_name, value));
    }
    decision.reason = reason;
    DOORSTEP_RETURN_IF_ERROR(edits.Settle(case_id, decision));
  } else {
    if (field->is_set()) {
      DOORSTEP_ASSIGN_OR_RETURN(value, Joined(opened, field_name, value));
    }
    DOORSTEP_RETURN_IF_ERROR(
        edits.UpdateJson(opened, absl::StrCat("{\"", field->scalar.name, "\":", value, "}")));
    if (inside.edits.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(kind->name, ".", field_name, ": got the value that stands, wanted another"));
    }
    if (!field->is_set()) {
      inside.edits.back().change.settle = Settle{SettleMode::kNewValue, reason};
    }
  }
  DOORSTEP_RETURN_IF_ERROR(client::WriteUnits(store, std::move(inside.edits), author,
                                              impl_->clock.Read(), impl_->entropy));
  DOORSTEP_RETURN_IF_ERROR(write.Commit());
  return reason;
}

}  // namespace doorstep
