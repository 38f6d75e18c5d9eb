#include "client-lib/titles.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/cases/title.h"

namespace doorstep::client {

absl::StatusOr<std::string> TitleWithFile(Store& store, const RecordState& record) {
  std::string title = TitleOf(store.schema(), record);
  const Uuid& file = record.compartment.file;
  if (file == record.id) return title;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> owner, store.tables().Load(file));
  const std::string name = owner ? OwnTitle(store.schema(), *owner) : "";
  return name.empty() ? title : absl::StrCat(name, " - ", title);
}

}  // namespace doorstep::client
