// A simulation as text: one step on each line, to be read, edited and run again.
//
//   world seed=17 batch=3 push=900
//   site north
//   device d1 north users=A,B
//   create d1 A r1 Person file=new {"name":"Peter ~1"}
//   open d1 B r1
//   edit d1 A r1 {"gp":"Dr Lee ~2"}
//   save d1 B r1 {"address":"1 High Street ~3"}
//   sync d1 2=lost 4=twice
//   wait 3d
//
// The grammar of each verb stands beside the code that runs it (simulation.cc); tests/README.md
// lists them. A step that makes no sense any more (its device or record is not there) does nothing,
// so that any subset of the lines of a script is a script. Lines that begin with # are comments.
#ifndef TESTS_SIM_SCRIPT_H_
#define TESTS_SIM_SCRIPT_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep::sim {

struct Step {
  std::string verb;
  std::vector<std::string> args;                           // words before the first option
  std::map<std::string, std::string> options;              // name=value
  std::vector<std::pair<std::string, std::string>> edits;  // record and JSON; or "" and JSON
  std::string text;                                        // the line

  // "" beyond the end.
  std::string Arg(size_t i) const { return i < args.size() ? args[i] : ""; }
  std::string Option(const std::string& name, const std::string& otherwise = "") const;
  int64_t Number(const std::string& name, int64_t otherwise = 0) const;
};

using Script = std::vector<Step>;

// kInvalidArgument: the line, and what is wrong with it.
absl::StatusOr<Step> ParseStep(absl::string_view line);
absl::StatusOr<Script> ParseScript(absl::string_view text);
std::string ToText(const Script& script);

// "90s", "5m", "3h", "2d", "1200" (ms), each also negative. 0 for what is none of these.
int64_t ParseDuration(absl::string_view text);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_SCRIPT_H_
