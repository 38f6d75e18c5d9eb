#include "tools/doorstep/output.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "doorstep/replica.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

// Characters as a terminal counts them: bytes that do not continue one.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// One line of at most `max` characters, control characters as spaces.
std::string Cell(absl::string_view text, size_t max) {
  std::string out;
  size_t width = 0;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80 && ++width > max) return absl::StrCat(out, "…");
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c);
  }
  return out;
}

}  // namespace

void PrintJson(const json& value) {
  std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
}

std::string Heading(std::string label) {
  if (!label.empty()) label[0] = absl::ascii_toupper(static_cast<unsigned char>(label[0]));
  return label;
}

std::string TierOnScreen(absl::string_view tier) {
  if (tier == "NORMAL") return "";
  return tier == "SEALED" ? "  (restricted to named people)" : "  (restricted)";
}

void PrintWords(const std::vector<FieldWords>& fields) {
  for (const FieldWords& field : fields) {
    std::cout << "    " << field.label << ": " << field.words
              << (!field.removed        ? ""
                  : field.words.empty() ? "(cleared)"
                                        : " (taken out)")
              << "\n";
  }
}

std::string WhenText(int64_t ms) {
  if (ms == 0) return "never";
  return absl::FormatTime("%a %d %b %H:%M", absl::FromUnixMillis(ms), absl::LocalTimeZone());
}

std::string BytesText(uint64_t bytes) {
  constexpr uint64_t kThousand = 1000;
  constexpr uint64_t kMillion = kThousand * kThousand;
  if (bytes < kThousand) return absl::StrCat(bytes, " bytes");
  if (bytes < kMillion) return absl::StrCat(bytes / kThousand, " kB");
  return absl::StrCat(bytes / kMillion, ".", bytes % kMillion / (kMillion / 10), " MB");
}

absl::string_view StateOnScreen(ChangeState state) {
  switch (state) {
    case ChangeState::kWaiting:
      return "waiting to send";
    case ChangeState::kApplied:
    case ChangeState::kMerged:
      return "received";
    case ChangeState::kConflict:
      return "received: two versions";
    case ChangeState::kHeld:
    case ChangeState::kRejected:
      return "needs you";
    case ChangeState::kWithdrawn:
      return "withdrawn";
  }
  return "?";
}

namespace {

// "12 high - "lost his way twice"": the score, then why.
std::string OnScreen(const Conflict& conflict, const Version& version) {
  const json value = Parsed(version.json);
  if (!conflict.rating && !value.is_object()) return version.words;
  std::string text = version.words;
  if (value.is_object() && value.contains("rationale") && value["rationale"].is_string()) {
    absl::StrAppend(&text, " - \"", value["rationale"].get<std::string>(), "\"");
  }
  return text;
}

void PrintWho(const Conflict& conflict) {
  for (const Conflict::PassedOver& over : conflict.passed_over) {
    std::cout << "  (" << over.name << " " << over.why << ".)\n";
  }
  if (conflict.with.name.empty()) {
    std::cout << "  " << conflict.nobody << " To be decided by " << WhenText(conflict.due_ms)
              << ".\n";
    return;
  }
  std::cout << "  " << conflict.with.name << " (" << conflict.with.role << ") decides";
  if (conflict.level == 0) {
    std::cout << " by " << WhenText(conflict.due_ms) << ".\n";
  } else {
    std::cout << ": it was due " << WhenText(conflict.due_ms) << ".\n";
  }
}

}  // namespace

void PrintConflict(const Conflict& conflict) {
  const std::string id = conflict.case_id.substr(0, 13);
  const bool many = conflict.versions.size() > 2;
  const bool alone = conflict.versions.size() == 1;
  std::cout << conflict.title << ": ";
  if (alone) {
    std::cout << conflict.label << " is paused, and nobody has reviewed it";
  } else {
    std::cout << (many ? absl::StrCat(conflict.versions.size()) : std::string("two"))
              << " versions of " << conflict.label << " differ";
  }
  std::cout << "   (case " << id << ")\n";
  for (size_t i = 0; i < conflict.versions.size(); ++i) {
    const Version& version = conflict.versions[i];
    std::cout << "  [" << i + 1 << "] " << version.author << ", " << WhenText(version.time_ms)
              << (version.pending ? " (waiting to send)" : "") << ": "
              << (version.label.empty() ? "" : version.label + ": ") << OnScreen(conflict, version)
              << (version.removes ? "   (proposes to take it out)" : "") << "\n";
    if (!version.settled.empty()) {
      std::cout << "      decided, because: " << version.settled << "\n";
    }
  }
  std::cout << "  " << conflict.until_decided << "\n";
  for (const std::string& line : conflict.unchanged) std::cout << "  " << line << "\n";
  PrintWho(conflict);
  if (conflict.you_may_settle) {
    std::cout << "    doorstep settle " << id << " --seen " << conflict.seen
              << " --keep 1 --reason 'why'    (or ";
    if (alone) {
      std::cout << "--value JSON)\n";
    } else {
      std::cout << "--keep "
                << (many ? absl::StrCat("2 to ", conflict.versions.size()) : std::string("2"))
                << ", --value JSON, --both)\n";
    }
  } else {
    std::cout << (alone ? "  It is yours: somebody else decides.\n"
                        : "  One of the versions is yours: somebody else decides.\n");
  }
  if (conflict.you_may_add) {
    std::cout << "    doorstep beside " << id << " --value JSON    (one more version; decides "
              << "nothing)\n";
  }
}

void PrintNotice(const Replica& replica, const AuthorNotice& notice) {
  std::cout << "[" << notice.id << "] "
            << (notice.title.empty()
                    ? absl::StrCat(Heading(replica.Label(notice.kind)), " ", notice.record)
                    : notice.title)
            << ", " << notice.label << ": "
            << (notice.yours_json.empty()
                    ? absl::StrCat("the version of ", notice.author)
                    : absl::StrCat(notice.author, " wrote ", notice.yours_words))
            << ".\n    " << notice.by_author << ", " << WhenText(notice.by_time_ms)
            << ", had not seen it. ";
  if (!notice.case_id.empty()) {
    std::cout << "Both stand until somebody decides: doorstep conflict "
              << notice.case_id.substr(0, 13) << "\n";
  } else if (notice.now_json.empty()) {
    std::cout << "The record is not held here.\n";
  } else {
    std::cout << "What counts now: " << notice.now_words
              << ". To have yours again: doorstep restore " << notice.record << " " << notice.field
              << " --version " << notice.change << "\n";
  }
}

void PrintTable(const std::vector<std::string>& columns,
                const std::vector<std::vector<std::string>>& rows, size_t max_cell) {
  std::vector<size_t> widths;
  widths.reserve(columns.size());
  for (const std::string& column : columns) widths.push_back(Width(column));
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], std::min(Width(row[i]), max_cell + 1));
    }
  }
  auto print = [&](const std::vector<std::string>& row) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string cell = Cell(row[i], max_cell);
      std::cout << cell;
      if (i + 1 < row.size()) std::cout << std::string(widths[i] - Width(cell) + 2, ' ');
    }
    std::cout << "\n";
  };
  print(columns);
  for (const auto& row : rows) print(row);
}

}  // namespace doorstep::cli
