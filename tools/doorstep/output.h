// How `doorstep` shows things to people, in their words. (For machines: doorstep/json.h.)
#ifndef TOOLS_DOORSTEP_OUTPUT_H_
#define TOOLS_DOORSTEP_OUTPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "doorstep/json.h"
#include "doorstep/types.h"
#include "nlohmann/json.hpp"

namespace doorstep::cli {

// One object on standard output.
void PrintJson(const nlohmann::json& json);
// A value on one line, as a person reads it: {"likelihood":4,"severity":3,"rationale":"x"} becomes
// `12 (4 x 3) - "x"`; lists are joined by commas; enum names lose their underscores.
std::string ShortValue(const nlohmann::json& value);

// "Tue 22 Nov 14:00" in local time; "never" for 0.
std::string WhenText(int64_t ms);

// "9.0 MB", "812 kB", "97 bytes".
std::string BytesText(uint64_t bytes);

absl::string_view StateOnScreen(ChangeState state);  // "received"

// The conflict as its screen shows it, with the commands that settle it.
void PrintConflict(const Conflict& conflict);

void PrintNotice(const AuthorNotice& notice);

// Rows in aligned columns; cells are cut at `max_cell` characters.
void PrintTable(const std::vector<std::string>& columns,
                const std::vector<std::vector<std::string>>& rows, size_t max_cell = 60);

}  // namespace doorstep::cli

#endif  // TOOLS_DOORSTEP_OUTPUT_H_
