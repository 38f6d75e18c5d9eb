// add, edit, get, list, sign, hide, sql: records.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

constexpr size_t kMaxInputBytes = 64u << 20;  // of one JSON document

// "-" reads standard input.
absl::StatusOr<std::string> ReadInput(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string text;
  char buffer[1 << 16];
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    text.append(buffer, static_cast<size_t>(in.gcount()));
    if (text.size() > kMaxInputBytes) {
      return absl::ResourceExhaustedError(absl::StrCat(path, ": more than 64 MiB"));
    }
  }
  return text;
}

int Add(const Globals& globals, const std::string& kind, const std::string& path,
        const AddOptions& options) {
  auto input = ReadInput(path);
  if (!input.ok()) return Fail(globals, input.status());
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  std::string id;
  const absl::Status done =
      (*replica)->Transact({.author = globals.user}, [&](Edits& edits) -> absl::Status {
        auto added = edits.AddJson(kind, *input, options);
        if (!added.ok()) return added.status();
        id = *std::move(added);
        return absl::OkStatus();
      });
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"id", id}});
    return kOk;
  }
  std::cout << id << "\n";
  const auto duplicates = (*replica)->Duplicates(id);
  if (!duplicates.ok())
    return kOk;  // the record is there; `doorstep duplicates` says what is wrong
  for (const Duplicate& each : *duplicates) {
    if (each.verdict != Duplicate::Verdict::kSuggested) continue;
    std::cerr << "doorstep: may be registered already, as "
              << (each.first == id ? each.second : each.first) << " (equal "
              << absl::StrJoin(each.equal, ", ") << "): see doorstep duplicates " << id << "\n";
  }
  return kOk;
}

// What the command line gives may be any bytes; JSON texts are checked where they are parsed.
bool IsUtf8(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') c = ' ';
  }
  return json::accept(absl::StrCat("\"", text, "\""));
}

// The right side of field=value as JSON. What is plainly JSON is taken so; all else is text, which
// protobuf JSON also reads as a number or an enum where the field is one.
json ValueOf(const std::string& text) {
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool plainly =
      !parsed.is_discarded() && !parsed.is_number() && (!parsed.is_string() || text[0] == '"');
  return plainly ? parsed : json(text);
}

// field=value; field+=element and field-=element change a set as it was opened.
absl::Status ApplyAssignment(const std::string& assignment, const json& opened, json* edit) {
  if (!IsUtf8(assignment)) {
    return absl::InvalidArgumentError(
        absl::StrCat(assignment.substr(0, assignment.find('=')), ": got bytes that are not UTF-8"));
  }
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("got \"", assignment, "\", wanted field=value, set+=element or set-=element"));
  }
  const char before = assignment[equals - 1];
  if (before != '+' && before != '-') {
    (*edit)[assignment.substr(0, equals)] = ValueOf(assignment.substr(equals + 1));
    return absl::OkStatus();
  }
  const std::string field = assignment.substr(0, equals - 1);
  const json element = ValueOf(assignment.substr(equals + 1));
  json elements = edit->contains(field)    ? (*edit)[field]
                  : opened.contains(field) ? opened[field]
                                           : json::array();
  if (!elements.is_array()) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": is not a set, wanted ", field, "=…"));
  }
  const auto at = std::find(elements.begin(), elements.end(), element);
  if (before == '+' && at == elements.end()) elements.push_back(element);
  if (before == '-') {
    if (at == elements.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": has no element ", element.dump(), ", got ", elements.dump()));
    }
    elements.erase(at);
  }
  (*edit)[field] = elements;
  return absl::OkStatus();
}

// When an open conflict stands in the way: show it, with the commands that work.
int FailEdit(const Globals& globals, Replica& replica, const std::string& id, const json& edit,
             const absl::Status& status) {
  if (status.code() != absl::StatusCode::kFailedPrecondition) return Fail(globals, status);
  auto conflicts = replica.Conflicts();
  std::vector<Conflict> ours;
  if (conflicts.ok()) {
    for (Conflict& conflict : *conflicts) {
      if (conflict.record == id && edit.contains(conflict.field)) ours.push_back(conflict);
    }
  }
  return FailOver(globals, status, ours);
}

int Edit(const Globals& globals, const std::string& id, const std::vector<std::string>& assignments,
         const std::string& data) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto opened = (*replica)->Get(id);
  if (!opened.ok()) return Fail(globals, opened.status());
  std::string text = data;
  json edit = json::object();
  if (!assignments.empty()) {
    auto now = opened->ToJson();
    if (!now.ok()) return Fail(globals, now.status());
    if (!data.empty()) {
      return Fail(globals, absl::InvalidArgumentError("give field=value or --data, not both"));
    }
    for (const std::string& assignment : assignments) {
      const absl::Status applied = ApplyAssignment(assignment, Parsed(*now), &edit);
      if (!applied.ok()) return Fail(globals, applied);
    }
    text = edit.dump();
  } else {
    edit = Parsed(data);
  }
  const absl::Status done = (*replica)->Transact(
      {.author = globals.user}, [&](Edits& edits) { return edits.UpdateJson(*opened, text); });
  if (!done.ok()) return FailEdit(globals, **replica, opened->id(), edit, done);
  if (globals.json) {
    PrintJson({{"id", opened->id()}});
  } else {
    std::cout << "Saved on this device.\n";
  }
  return kOk;
}

absl::StatusOr<json> WithMeta(const OpenRecord& record) {
  auto text = record.ToJson();
  if (!text.ok()) return text.status();
  return json{{"record", Parsed(*text)}, {"meta", ToJson(record.Info())}};
}

std::string SignatureText(const SignOffInfo& signature) {
  std::string text;
  switch (signature.state) {
    case SignOffInfo::State::kSigned:
      text = "signed";
      break;
    case SignOffInfo::State::kAmended:
      text =
          absl::StrCat("signed, and amended since: ", absl::StrJoin(signature.amended_words, ", "));
      break;
    case SignOffInfo::State::kUnassessed:
      text = "not signed: changed by two people, and nobody has assessed the whole";
      break;
    case SignOffInfo::State::kIncomplete:
      text = absl::StrCat("not signed: without ", absl::StrJoin(signature.missing_words, ", "));
      break;
  }
  if (!signature.not_covered.empty()) {
    absl::StrAppend(&text, "; not covered: ", absl::StrJoin(signature.not_covered_words, ", "));
  }
  return text;
}

int Get(const Globals& globals, const std::string& id) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto record = (*replica)->Get(id);
  if (!record.ok()) return Fail(globals, record.status());
  auto whole = WithMeta(*record);
  if (!whole.ok()) return Fail(globals, whole.status());
  auto signatures = (*replica)->SignOffs(record->id());
  if (!signatures.ok()) return Fail(globals, signatures.status());
  for (const SignOffInfo& signature : *signatures) {
    (*whole)["meta"]["sign_offs"].push_back(ToJson(signature));
  }
  if (globals.json) {
    PrintJson(*whole);
    return kOk;
  }
  auto status = (*replica)->Status();
  const RecordInfo info = record->Info();
  std::cout << Heading(info.label) << " " << info.id << "   (record of " << info.file
            << (info.pending ? ", waiting to send" : "") << ")\n";
  if (!info.hidden.empty()) std::cout << "  hidden: " << info.hidden << "\n";
  for (const FieldInfo& field : info.fields) {
    if (field.words.empty() && field.versions.size() < 2) continue;
    std::cout << "  " << field.label << ": " << (field.words.empty() ? "(no value)" : field.words)
              << (field.provisional ? "   [two versions: until decided]" : "") << "\n";
  }
  for (const SignOffInfo& signature : *signatures) {
    std::cout << "  " << signature.author << ", " << WhenText(signature.time_ms) << ": "
              << SignatureText(signature) << "\n";
  }
  if (status.ok()) {
    std::cout << (status->up_to_date_at_ms == 0
                      ? "Not synced yet.\n"
                      : "As known at " + WhenText(status->up_to_date_at_ms) + ".\n");
  }
  return kOk;
}

int Sign(const Globals& globals, const std::string& id) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto opened = (*replica)->Get(id);
  if (!opened.ok()) return Fail(globals, opened.status());
  std::string sign_off;
  const absl::Status done =
      (*replica)->Transact({.author = globals.user}, [&](Edits& edits) -> absl::Status {
        auto made = edits.Sign(*opened);
        if (!made.ok()) return made.status();
        sign_off = *std::move(made);
        return absl::OkStatus();
      });
  if (absl::IsFailedPrecondition(done)) {
    Fail(globals, done);
    return kNeedsDecision;
  }
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"id", sign_off}, {"record", opened->id()}});
  } else {
    std::cout << "Signed. (" << sign_off << ")\n";
  }
  return kOk;
}

// Marks a record as hidden, or takes the mark back.
int SetHidden(const Globals& globals, const std::string& id, bool hide, const std::string& reason) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  auto opened = (*replica)->Get(id);
  if (!opened.ok()) return Fail(globals, opened.status());
  const absl::Status done = (*replica)->Transact({.author = globals.user}, [&](Edits& edits) {
    return hide ? edits.Hide(*opened, reason) : edits.Unhide(*opened);
  });
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"id", opened->id()}, {"hidden", hide}});
  } else {
    std::cout << (hide ? "Hidden; kept, and shown again with: doorstep unhide " + opened->id()
                       : std::string("Shown again."))
              << "\n";
  }
  return kOk;
}

int List(const Globals& globals, const std::string& kind, const std::string& where, bool hidden) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  json list = json::array();
  std::vector<std::vector<std::string>> rows;
  const absl::Status done =
      (*replica)->List(kind, where, [&](const OpenRecord& record) -> absl::Status {
        const RecordInfo info = record.Info();
        if (!hidden && !info.hidden.empty()) return absl::OkStatus();
        if (globals.json) {
          auto text = record.ToJson();
          if (!text.ok()) return text.status();
          list.push_back({{"id", record.id()}, {"record", Parsed(*text)}});
          return absl::OkStatus();
        }
        std::string summary;
        for (const FieldInfo& field : info.fields) {
          if (summary.size() > 100) break;
          if (field.words.empty()) continue;
          absl::StrAppend(&summary, summary.empty() ? "" : "; ", field.label, ": ", field.words);
        }
        rows.push_back({record.id(), summary});
        return absl::OkStatus();
      });
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"records", list}});
  } else {
    PrintTable({"id", (*replica)->Label(kind)}, rows, 110);
  }
  return kOk;
}

int Sql(const Globals& globals, const std::string& query) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
  json list = json::array();
  const absl::Status done = (*replica)->Query(
      query, [&](const std::vector<std::string>& columns, const std::vector<std::string>& cells) {
        names = columns;
        json row = json::array();
        std::vector<std::string> texts;
        for (const std::string& cell : cells) {
          row.push_back(Parsed(cell));
          texts.push_back(row.back().is_string() ? row.back().get<std::string>()
                          : row.back().is_null() ? ""
                                                 : cell);
        }
        if (globals.json) {
          list.push_back(std::move(row));
        } else {
          rows.push_back(std::move(texts));
        }
        return absl::OkStatus();
      });
  if (!done.ok()) return Fail(globals, done);
  if (globals.json) {
    PrintJson({{"columns", names}, {"rows", list}});
  } else if (!rows.empty()) {
    PrintTable(names, rows);
  }
  return kOk;
}

}  // namespace

void AddRecordCommands(CLI::App& app, Globals& globals, int* exit_code) {
  struct Arguments {
    std::string kind, path, id, data, where, query, reason;
    bool hidden = false;
    std::vector<std::string> assignments;
    AddOptions options;
  };

  auto* add = app.add_subcommand("add", "Add a record from JSON; prints its id");
  auto a = std::make_shared<Arguments>();
  add->add_option("KIND", a->kind, "As Person, CaseStudy, RiskAssessment")->required();
  add->add_option("FILE", a->path, "JSON, or - for standard input")->required();
  add->add_option("--file", a->options.file,
                  "The person's or household's record to put it in, or \"new\"; default: that of "
                  "its first reference, else the site's")
      ->type_name("ID");
  add->add_option("--tier", a->options.tier, "NORMAL, RESTRICTED or SEALED");
  add->footer("Example: echo '{\"name\":\"Peter\"}' | doorstep add Person - --file new");
  add->callback([=, &globals] { *exit_code = Add(globals, a->kind, a->path, a->options); });

  auto* edit = app.add_subcommand("edit", "Change fields of a record");
  auto e = std::make_shared<Arguments>();
  edit->add_option("ID", e->id)->required();
  edit->add_option("CHANGES", e->assignments, "field=value, set+=element, set-=element");
  edit->add_option("--data", e->data, "A JSON object of fields; null clears")->type_name("JSON");
  edit->footer(
      "Example: doorstep edit ID 'residual_rating={\"likelihood\":2,\"severity\":3}' "
      "barriers+=STAFFING\nExit code 4: two versions stand; the commands that settle are shown.");
  edit->callback([=, &globals] { *exit_code = Edit(globals, e->id, e->assignments, e->data); });

  auto* get = app.add_subcommand("get", "Show a record; with --json also where each field is from");
  auto g = std::make_shared<Arguments>();
  get->add_option("ID", g->id)->required();
  get->footer("Example: doorstep get ID --json");
  get->callback([=, &globals] { *exit_code = Get(globals, g->id); });

  auto* list = app.add_subcommand("list", "List the records of a kind");
  auto l = std::make_shared<Arguments>();
  list->add_option("KIND", l->kind)->required();
  list->add_option("--where", l->where, "An SQL expression over the kind's view");
  list->add_flag("--hidden", l->hidden, "Also those that are hidden");
  list->footer("Example: doorstep list RiskAssessment --where \"review_due < '2026-12-01'\"");
  list->callback([=, &globals] { *exit_code = List(globals, l->kind, l->where, l->hidden); });

  auto* sign = app.add_subcommand("sign", "Sign a record, with what belongs to its judgement");
  auto s = std::make_shared<Arguments>();
  sign->add_option("ID", s->id)->required();
  sign->footer(
      "Example: doorstep sign ID\nRefused, with the field's name, while a value is missing that "
      "the kind demands, or versions stand that differ. An edit afterwards shows as an amendment.");
  sign->callback([=, &globals] { *exit_code = Sign(globals, s->id); });

  auto* hide = app.add_subcommand("hide", "Leave a record out of lists; nothing is deleted");
  auto h = std::make_shared<Arguments>();
  hide->add_option("ID", h->id)->required();
  hide->add_option("--reason", h->reason, "Why; shown with the record")->required();
  hide->footer(
      "Example: doorstep hide ID --reason 'written on the wrong record'\nIt shows again when "
      "somebody changes it who had not seen this.");
  hide->callback([=, &globals] { *exit_code = SetHidden(globals, h->id, true, h->reason); });

  auto* unhide = app.add_subcommand("unhide", "Show a hidden record again");
  auto u = std::make_shared<Arguments>();
  unhide->add_option("ID", u->id)->required();
  unhide->footer("Example: doorstep unhide ID");
  unhide->callback([=, &globals] { *exit_code = SetHidden(globals, u->id, false, ""); });

  auto* sql = app.add_subcommand("sql", "One read-only SQL statement over the views");
  auto q = std::make_shared<Arguments>();
  sql->add_option("QUERY", q->query)->required();
  sql->footer("Example: doorstep sql 'SELECT title, decision_outcome FROM case_study'");
  sql->callback([=, &globals] { *exit_code = Sql(globals, q->query); });
}

}  // namespace doorstep::cli
