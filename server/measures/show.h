// Measures as people and programs read them. Pure.
#ifndef SERVER_MEASURES_SHOW_H_
#define SERVER_MEASURES_SHOW_H_

#include <string>

#include "server/measures/measures.h"

namespace doorstep::server {

// One figure a line, below the title of its measure.
std::string ToText(const Measures& measures);
// An object with one member for each measure; each has its moment, its sites and its open conflicts
// (so that one can be taken out alone), and `figures` by part.
std::string ToJson(const Measures& measures);
// One figure a line (RFC 4180), the same columns for all, with a heading line; of measures that are
// passed on (publish.h) a last column says with 1 which are not shown. A text that a
// spreadsheet would take for a formula has an apostrophe before it.
std::string ToCsv(const Measures& measures);

}  // namespace doorstep::server

#endif  // SERVER_MEASURES_SHOW_H_
