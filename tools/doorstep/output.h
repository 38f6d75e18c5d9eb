// How `doorstep` shows things to people, in their words. (For machines: doorstep/json.h.)
#ifndef TOOLS_DOORSTEP_OUTPUT_H_
#define TOOLS_DOORSTEP_OUTPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "doorstep/json.h"
#include "doorstep/replica.h"
#include "doorstep/types.h"
#include "nlohmann/json.hpp"

namespace doorstep::cli {

// One object on standard output.
void PrintJson(const nlohmann::json& json);

// Words of the schema at the beginning of a line: "Risk assessment".
std::string Heading(std::string label);
// Behind a record's title: "  (restricted)"; nothing where everybody of the site sees it.
std::string TierOnScreen(absl::string_view tier);
// A field a line.
void PrintWords(const std::vector<FieldWords>& fields);

// "Tue 22 Nov 14:00" in local time; "never" for 0.
std::string WhenText(int64_t ms);

// "9.0 MB", "812 kB", "97 bytes".
std::string BytesText(uint64_t bytes);

absl::string_view StateOnScreen(ChangeState state);  // "received"

// The conflict as its screen shows it, with the commands that settle it.
void PrintConflict(const Conflict& conflict);

void PrintNotice(const Replica& replica, const AuthorNotice& notice);

// Rows in aligned columns; cells are cut at `max_cell` characters.
void PrintTable(const std::vector<std::string>& columns,
                const std::vector<std::vector<std::string>>& rows, size_t max_cell = 60);

}  // namespace doorstep::cli

#endif  // TOOLS_DOORSTEP_OUTPUT_H_
