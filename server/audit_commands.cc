#include "server/audit_commands.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/audit/audit.h"
#include "server/chain.h"
#include "server/identity/public_face.h"
#include "server/output.h"
#include "server/work.h"
#include "sync/base/bytes.h"
#include "sync/base/clock.h"
#include "sync/base/file.h"
#include "sync/base/status.h"
#include "sync/identity/private_key.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kListChunk = 256;

struct AuditArguments {
  std::string since;
  std::string device;
  std::string verb;
  std::string expected;
  std::string out;
};

// What `audit list` was asked for.
struct Wanted {
  int64_t since_ms = 0;
  std::optional<Uuid> device;
  std::string verb;

  bool Has(const AuditEntry& entry) const {
    return entry.time_ms >= since_ms && (!device || entry.device == *device) &&
           (verb.empty() || entry.verb == verb);
  }
};

absl::StatusOr<Wanted> ReadWanted(const AuditArguments& asked) {
  Wanted wanted;
  wanted.verb = asked.verb;
  if (!asked.since.empty()) {
    const absl::StatusOr<int64_t> since =
        ParseUtc(asked.since.size() == 10 ? absl::StrCat(asked.since, "T00:00:00Z") : asked.since);
    if (!since.ok()) {
      return InvalidField("--since", asked.since,
                          "a date or an instant: 2026-11-22, 2026-11-22T09:00:00Z");
    }
    wanted.since_ms = *since;
  }
  if (!asked.device.empty()) {
    absl::StatusOr<Uuid> device = Uuid::Parse(asked.device);
    if (!device.ok()) return Annotate(device.status(), "--device");
    wanted.device = *device;
  }
  return wanted;
}

std::string AsText(const AuditEntry& entry) {
  std::string by = entry.who;
  if (!entry.device.IsNil()) {
    absl::StrAppend(&by, by.empty() ? "" : ", ", "device ", entry.device.ToString());
  }
  return absl::StrCat(entry.sequence, "  ", FormatUtc(entry.time_ms), "  ", entry.verb, "  ",
                      entry.about, entry.about.empty() ? "" : "  ", "by ", by,
                      entry.outcome.empty() ? "" : ": ", entry.outcome);
}

Json ToJson(const AuditEntry& entry) {
  Json json = {{"sequence", entry.sequence}, {"at", FormatUtc(entry.time_ms)},
               {"who", entry.who},           {"verb", entry.verb},
               {"about", entry.about},       {"outcome", entry.outcome}};
  if (!entry.device.IsNil()) json["device"] = entry.device.ToString();
  return json;
}

absl::StatusOr<int> List(const GlobalOptions& options, const AuditArguments& asked) {
  DOORSTEP_ASSIGN_OR_RETURN(const Wanted wanted, ReadWanted(asked));
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  Json list = Json::array();
  uint64_t after = 0;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows,
                              view->AuditAfter(after, kListChunk));
    if (rows.empty()) break;
    after = rows.back().sequence;
    for (const AuditRow& row : rows) {
      const absl::StatusOr<AuditEntry> entry = ParseAudit(row.entry);
      if (!entry.ok()) {
        return absl::DataLossError(
            absl::StrCat("audit entry ", row.sequence, ": not readable (see audit verify)"));
      }
      if (!wanted.Has(*entry)) continue;
      if (options.json) {
        list.push_back(ToJson(*entry));
      } else {
        Print(AsText(*entry));
      }
    }
  }
  if (options.json) PrintJson({{"audit", std::move(list)}});
  return kExitOk;
}

// The link of the chain at `sequence`; none: there is no such entry.
absl::StatusOr<std::optional<std::string>> ChainAt(ReadView& view, uint64_t sequence) {
  std::optional<std::string> chain;
  if (sequence == 0) return chain;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, view.AuditAfter(sequence - 1, 1));
  if (!rows.empty() && rows.front().sequence == sequence) chain = rows.front().chain;
  return chain;
}

absl::StatusOr<int> Verify(const GlobalOptions& options, const AuditArguments& asked) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  DOORSTEP_ASSIGN_OR_RETURN(AuditReport report, VerifyAudit(*view));
  if (!asked.expected.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const ChainEnd end, ParseChainEnd("--expect", asked.expected));
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> chain, ChainAt(*view, end.sequence));
    if (!chain || !end.Is(*chain)) {
      report.faults.push_back(
          absl::StrCat("audit entry ", end.sequence, ": it is not the one that was noted"));
    }
  }
  if (options.json) {
    PrintJson({{"entries", report.entries}, {"end", ToHex(report.end)}, {"faults", report.faults}});
  } else {
    for (const std::string& fault : report.faults) Print(fault);
    Print(absl::StrFormat("%d entries, %d faults", report.entries, report.faults.size()));
  }
  return report.faults.empty() ? kExitOk : kExitFaults;
}

// With the server's key, so that whoever gets it can tell that it is this server's: FILE, FILE.sig
// (ECDSA over SHA-256 in DER) and FILE.pem (the certificate of that key).
absl::Status WriteSigned(const GlobalOptions& options, const std::string& file,
                         const std::string& text) {
  const std::string directory = IdentityDirectory(options.data_dir);
  const absl::StatusOr<std::string> pem = ReadFile(directory + "/server.key");
  const absl::StatusOr<std::string> chain = ReadFile(directory + "/server.pem");
  if (!pem.ok() || !chain.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--out: got no ", directory,
        "/server.key and server.pem to sign with, wanted those that serve makes (with TLS, and "
        "without --server-key)"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(*pem));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string signature, key.Sign(text));
  DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(file + ".sig", signature, 0644));
  DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(file + ".pem", *chain, 0644));
  return WriteFileAtomically(file, text, 0644);
}

absl::StatusOr<int> ShowHead(const GlobalOptions& options, const AuditArguments& asked) {
  Work work(options);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, work.Read());
  DOORSTEP_ASSIGN_OR_RETURN(const AuditRow end, view->AuditEnd());
  const std::string head = FormatChainEnd(end.sequence, end.chain);
  const std::string at = FormatUtc(work.tenants().clock().Read().wall_ms);
  if (!asked.out.empty()) {
    DOORSTEP_RETURN_IF_ERROR(WriteSigned(options, asked.out,
                                         absl::StrCat("doorstep audit\ntenant ", options.tenant,
                                                      "\nend ", head, "\nat ", at, "\n")));
  }
  if (options.json) {
    PrintJson({{"end", head}, {"at", at}});
  } else {
    Print(head);
  }
  return kExitOk;
}

}  // namespace

void AddAuditCommands(CLI::App* app, const GlobalOptions* options, Command* chosen) {
  CLI::App* audit = app->add_subcommand("audit", "Who did or saw what here, and when");
  audit->require_subcommand(1);
  const auto asked = std::make_shared<AuditArguments>();
  CLI::App* list = audit->add_subcommand("list", "The entries, oldest first");
  list->add_option("--since", asked->since, "From this date or instant (UTC) on");
  list->add_option("--device", asked->device, "Of this device");
  list->add_option("--verb", asked->verb, "Only these, as \"device revoke\" or \"call refused\"");
  list->footer("Example: doorstep-server audit list --since 2026-11-22 --verb \"history read\"");
  list->callback([=] { *chosen = [=] { return List(*options, *asked); }; });
  CLI::App* verify =
      audit->add_subcommand("verify", "Find altered, removed, added or moved entries");
  verify->add_option("--expect", asked->expected, "SEQUENCE:HASH of an end that was noted before");
  verify->footer("Example: doorstep-server audit verify; echo $?   (5: something was found)");
  verify->callback([=] { *chosen = [=] { return Verify(*options, *asked); }; });
  CLI::App* head =
      audit->add_subcommand("head", "Where it ends, to be noted out of this machine's reach");
  head->add_option("--out", asked->out,
                   "Write it signed by this server: FILE, FILE.sig and FILE.pem");
  head->footer(
      "Example: doorstep-server audit head --out /mnt/notary/audit-2026-11-22\n"
      "Check: openssl x509 -in FILE.pem -pubkey -noout >KEY; openssl dgst -sha256 -verify KEY "
      "-signature FILE.sig FILE");
  head->callback([=] { *chosen = [=] { return ShowHead(*options, *asked); }; });
}

}  // namespace doorstep::server
