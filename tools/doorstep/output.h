// How `doorstep` shows things: JSON for machines, the users' words for people.
#ifndef TOOLS_DOORSTEP_OUTPUT_H_
#define TOOLS_DOORSTEP_OUTPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "doorstep/types.h"
#include "nlohmann/json.hpp"

namespace doorstep::cli {

// One object on standard output.
void PrintJson(const nlohmann::json& json);
// JSON text from the library as a value; text that does not parse becomes a string.
nlohmann::json Parsed(const std::string& json);
// A value on one line, as a person reads it: {"likelihood":4,"severity":3,"rationale":"x"} becomes
// `12 (4 x 3) - "x"`; lists are joined by commas; enum names lose their underscores.
std::string ShortValue(const nlohmann::json& value);

// "Tue 22 Nov 14:00" in local time; "never" for 0.
std::string WhenText(int64_t ms);
std::string Utc(int64_t ms);

absl::string_view StateWord(ChangeState state);      // "APPLIED"
absl::string_view StateOnScreen(ChangeState state);  // "received"

nlohmann::json ToJson(const Version& version);
nlohmann::json ToJson(const Conflict& conflict);
nlohmann::json ToJson(const AuthorNotice& notice);
nlohmann::json ToJson(const OwnChange& change);
nlohmann::json ToJson(const HistoryLine& line);
nlohmann::json ToJson(const RecordInfo& info);

// The conflict as its screen shows it, with the commands that settle it.
void PrintConflict(const Conflict& conflict);

void PrintNotice(const AuthorNotice& notice);

// Rows in aligned columns; cells are cut at `max_cell` characters.
void PrintTable(const std::vector<std::string>& columns,
                const std::vector<std::vector<std::string>>& rows, size_t max_cell = 60);

}  // namespace doorstep::cli

#endif  // TOOLS_DOORSTEP_OUTPUT_H_
