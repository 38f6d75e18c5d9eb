#include "sync/tables/attachments.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/tables/ddl.h"

namespace doorstep {
namespace {

// Every select that makes a NamingRecord, up to its WHERE; values that name nothing are left out.
std::string SelectFrom(const KindSpec& kind, absl::string_view where) {
  const FieldSpec* hash = kind.FindAttachment(AttachmentPart::kSha256);
  const FieldSpec* size = kind.FindAttachment(AttachmentPart::kSize);
  const std::string hash_column = absl::StrCat("k.", QuoteIdentifier(hash->scalar.column));
  const std::string size_column = absl::StrCat("k.", QuoteIdentifier(size->scalar.column));
  return absl::StrCat("SELECT k.id, c.file, c.tier, ", hash_column, ", ", size_column, " FROM ",
                      QuoteIdentifier(absl::StrCat("k_", kind.table)),
                      " AS k JOIN _compartment AS c ON c.ref = k._compartment WHERE ", size_column,
                      " >= 1 AND length(", hash_column, ") = 32", where.empty() ? "" : " AND ",
                      where.empty() ? "" : absl::StrCat(hash_column, where));
}

absl::StatusOr<NamingRecord> Read(const KindSpec& kind, const Statement& s) {
  NamingRecord out;
  out.kind = kind.number;
  DOORSTEP_ASSIGN_OR_RETURN(out.record, Uuid::FromBytes(s.Blob(0)));
  DOORSTEP_ASSIGN_OR_RETURN(out.compartment.file, Uuid::FromBytes(s.Blob(1)));
  out.compartment.tier = static_cast<uint8_t>(s.Int(2));
  out.sha256 = std::string(s.Blob(3));
  out.size = static_cast<uint64_t>(s.Int(4));
  return out;
}

}  // namespace

absl::StatusOr<std::vector<NamingRecord>> RecordsNaming(Database& db, const Schema& schema,
                                                        const Uuid& file,
                                                        absl::string_view sha256) {
  std::vector<NamingRecord> out;
  for (const KindSpec& kind : schema.kinds()) {
    if (kind.FindAttachment(AttachmentPart::kSha256) == nullptr) continue;
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * list,
        db.Prepared(SelectFrom(kind, absl::StrCat(" = ?1 AND c.file = ?2 ORDER BY k.id LIMIT ",
                                                  kMaxJudgementRecords))));
    const ScopedReset done(list);
    list->BindBlob(1, sha256).BindBlob(2, file.AsBytes());
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(NamingRecord one, Read(kind, *list));
      out.push_back(std::move(one));
    }
  }
  return out;
}

absl::Status ForEachNaming(Database& db, const Schema& schema,
                           absl::FunctionRef<absl::StatusOr<bool>(const NamingRecord&)> visit) {
  for (const KindSpec& kind : schema.kinds()) {
    if (kind.FindAttachment(AttachmentPart::kSha256) == nullptr) continue;
    DOORSTEP_ASSIGN_OR_RETURN(
        const std::unique_ptr<Statement> list,
        db.Prepare(absl::StrCat(SelectFrom(kind, ""), " ORDER BY k.id DESC")));
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const NamingRecord one, Read(kind, *list));
      DOORSTEP_ASSIGN_OR_RETURN(const bool go_on, visit(one));
      if (!go_on) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

}  // namespace doorstep
