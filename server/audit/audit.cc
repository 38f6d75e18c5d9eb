#include "server/audit/audit.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/chain.h"
#include "sync/base/status.h"
#include "sync/base/varint.h"

namespace doorstep::server {
namespace {

constexpr char kAuditVersion = 0x01;
constexpr size_t kMaxAuditFaults = 100;
constexpr size_t kAuditChunk = 256;

bool ReadEntry(ByteReader* reader, AuditEntry* entry) {
  absl::string_view version;
  return reader->ReadRaw(1, &version) && version[0] == kAuditVersion &&
         reader->ReadVarint(&entry->sequence) && reader->ReadSigned(&entry->time_ms) &&
         ReadText(reader, &entry->who) && ReadUuid(reader, &entry->device) &&
         ReadText(reader, &entry->verb) && ReadText(reader, &entry->about) &&
         ReadText(reader, &entry->outcome) && reader->empty();
}

// One line, of bounded length.
std::string Tidy(std::string text) {
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  if (text.size() > kMaxAuditTextBytes) {
    text.resize(kMaxAuditTextBytes);
    text += "...";
  }
  return text;
}

std::string NextLink(absl::string_view chain, absl::string_view entry) {
  return ChainHash(absl::StrCat(chain, entry));
}

// What is wrong with an entry that follows `previous`; empty when nothing is.
std::string FaultOf(const AuditRow& row, const AuditRow& previous) {
  const absl::StatusOr<AuditEntry> entry = ParseAudit(row.entry);
  if (!entry.ok()) return "it is not readable";
  if (entry->sequence != row.sequence) {
    return absl::StrCat("it was written as entry ", entry->sequence);
  }
  if (row.sequence != previous.sequence + 1) {
    return absl::StrCat("the one before it is ", previous.sequence,
                        ": entries were removed, added or moved");
  }
  if (NextLink(previous.chain, row.entry) != row.chain) return "it was altered, or replaced";
  return "";
}

}  // namespace

std::string EncodeAudit(const AuditEntry& entry) {
  std::string out(1, kAuditVersion);
  PutVarint(entry.sequence, &out);
  PutSigned(entry.time_ms, &out);
  PutBytes(entry.who, &out);
  absl::StrAppend(&out, entry.device.AsBytes());
  PutBytes(entry.verb, &out);
  PutBytes(entry.about, &out);
  PutBytes(entry.outcome, &out);
  return out;
}

absl::StatusOr<AuditEntry> ParseAudit(absl::string_view bytes) {
  AuditEntry entry;
  ByteReader reader(bytes);
  if (!ReadEntry(&reader, &entry)) return absl::DataLossError("audit entry: not readable");
  return entry;
}

absl::Status AppendAudit(AuditEntry entry, WriteTransaction& transaction) {
  DOORSTEP_ASSIGN_OR_RETURN(const AuditRow end, transaction.AuditEnd());
  entry.sequence = end.sequence + 1;
  entry.who = Tidy(std::move(entry.who));
  entry.about = Tidy(std::move(entry.about));
  entry.outcome = Tidy(std::move(entry.outcome));
  AuditRow row;
  row.sequence = entry.sequence;
  row.entry = EncodeAudit(entry);
  row.chain = NextLink(end.chain, row.entry);
  return transaction.AddAudit(row);
}

absl::Status NoteAudit(AuditEntry entry, Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> write, store.WriteUnsynced());
  DOORSTEP_RETURN_IF_ERROR(AppendAudit(std::move(entry), *write));
  return write->Commit();
}

absl::StatusOr<AuditReport> VerifyAudit(ReadView& view) {
  AuditReport report;
  AuditRow previous;
  previous.chain = std::string(kChainHashBytes, '\0');
  auto fault = [&](uint64_t sequence, absl::string_view what) {
    if (report.faults.size() >= kMaxAuditFaults) return;
    report.faults.push_back(absl::StrCat("audit entry ", sequence, ": ", what));
  };
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<AuditRow> rows,
                              view.AuditAfter(previous.sequence, kAuditChunk));
    if (rows.empty()) break;
    for (AuditRow& row : rows) {
      ++report.entries;
      const std::string what = FaultOf(row, previous);
      if (!what.empty()) fault(row.sequence, what);
      previous = std::move(row);
    }
  }
  DOORSTEP_ASSIGN_OR_RETURN(const AuditRow end, view.AuditEnd());
  if (end.sequence != previous.sequence) {
    fault(end.sequence, absl::StrCat("it is the last, and the last one found is ",
                                     previous.sequence, ": entries were removed or added"));
  } else if (end.chain != previous.chain) {
    fault(end.sequence, "the end of the chain was altered");
  }
  report.end = previous.chain;
  return report;
}

}  // namespace doorstep::server
