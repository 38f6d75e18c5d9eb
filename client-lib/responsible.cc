#include "client-lib/responsible.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/change/site_file.h"
#include "sync/tables/ddl.h"

namespace doorstep::client {

absl::StatusOr<const People::Facts*> People::FactsIn(const Uuid& file) {
  if (const auto it = facts_.find(file); it != facts_.end()) return &it->second;
  std::vector<Uuid> records;
  for (const KindSpec& kind : store_->schema().kinds()) {
    if (!SaysWhoAnswers(kind)) continue;
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * list,
        store_->db().Prepared(absl::StrCat(
            "SELECT id FROM ", QuoteIdentifier(absl::StrCat("k_", kind.table)),
            " WHERE _compartment IN (SELECT ref FROM _compartment WHERE file = ?1) ORDER BY id")));
    ScopedReset done(list);
    list->BindBlob(1, file.AsBytes());
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(list->Blob(0)));
      records.push_back(record);
    }
  }
  Facts facts;
  for (const Uuid& record : records) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state,
                              store_->tables().Load(record));
    const KindSpec* kind = state ? store_->schema().Find(state->kind) : nullptr;
    if (kind != nullptr) facts.push_back(ReadFact(*kind, *state));
  }
  return &(facts_[file] = std::move(facts));
}

absl::StatusOr<Responsible> People::Of(const Uuid& file) {
  // A copy: the next call may move what the map holds.
  DOORSTEP_ASSIGN_OR_RETURN(const Facts* held, FactsIn(file));
  const Facts of_file = *held;
  DOORSTEP_ASSIGN_OR_RETURN(const std::string tenant, store_->Text(key::kTenant));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string own_site, store_->Text(key::kSite));
  std::string site = SiteOfWorker(of_file, day_);
  if (!site.empty() && site != own_site) {
    DOORSTEP_ASSIGN_OR_RETURN(const Facts* theirs, FactsIn(SiteFile(tenant, site)));
    if (theirs->empty()) site = own_site;
  }
  if (site.empty()) site = own_site;
  DOORSTEP_ASSIGN_OR_RETURN(const Facts* of_site, FactsIn(SiteFile(tenant, site)));
  return WhoAnswers(of_file, *of_site, day_);
}

}  // namespace doorstep::client
