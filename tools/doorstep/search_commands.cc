// search: records by their words.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "doorstep/replica.h"
#include "tools/doorstep/command.h"
#include "tools/doorstep/output.h"

namespace doorstep::cli {
namespace {

using nlohmann::json;

// What was found stands in brackets.
std::string Marked(const SearchHit& hit) {
  std::string out;
  size_t at = 0;
  for (const FoundWord& word : hit.found) {
    out += hit.snippet.substr(at, word.begin - at) + "[" +
           hit.snippet.substr(word.begin, word.end - word.begin) + "]";
    at = word.end;
  }
  return out + hit.snippet.substr(at);
}

int Search(const Globals& globals, const std::vector<std::string>& words,
           const SearchOptions& options) {
  auto replica = globals.Open();
  if (!replica.ok()) return Fail(globals, replica.status());
  const auto hits = (*replica)->Search(absl::StrJoin(words, " "), options);
  if (!hits.ok()) return Fail(globals, hits.status());
  if (globals.json) {
    json list = json::array();
    for (const SearchHit& hit : *hits) list.push_back(ToJson(hit));
    PrintJson({{"hits", list}});
    return kOk;
  }
  if (hits->empty()) std::cout << "Nothing here has these words.\n";
  for (const SearchHit& hit : *hits) {
    std::cout << Heading((*replica)->Label(hit.kind)) << " " << hit.record << "  " << hit.title
              << TierOnScreen(hit.tier)
              << (hit.hidden.empty() ? "" : "  (hidden: " + hit.hidden + ")") << "\n    "
              << hit.label << ": " << Marked(hit) << "\n";
  }
  return kOk;
}

}  // namespace

void AddSearchCommands(CLI::App& app, Globals& globals, int* exit_code) {
  auto* search = app.add_subcommand("search", "Find records by their words, best first");
  auto words = std::make_shared<std::vector<std::string>>();
  auto options = std::make_shared<SearchOptions>();
  search->add_option("WORDS", *words, "All of them; news* finds what begins so")->required();
  search->add_option("--kind", options->kind, "Only records of this kind");
  search->add_option("--limit", options->limit, "At most so many; 0: all")->capture_default_str();
  search->add_flag("--hidden", options->hidden, "Hidden records too");
  search->footer(
      "Capitals and accents make no difference. What is found is what records show here, with "
      "changes that wait to be sent.\n"
      "Example: doorstep search newsag* alone --kind RiskAssessment");
  search->callback([=, &globals] { *exit_code = Search(globals, *words, *options); });
}

}  // namespace doorstep::cli
