#include "tests/sim/shrink.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace doorstep::sim {
namespace {

class Shrinker {
 public:
  Shrinker(std::string oracle, const RunOptions& options, int max_runs)
      : oracle_(std::move(oracle)), options_(options), left_(max_runs) {}

  Script Run(Script script) {
    for (size_t piece = std::max<size_t>(script.size() / 2, 1); left_ > 0; piece /= 2) {
      bool shorter = true;
      while (shorter && left_ > 0) {
        shorter = false;
        // From the end: what comes late depends on what came early, seldom the other way.
        for (size_t end = script.size(); end > 0 && left_ > 0;) {
          const size_t begin = end > piece ? end - piece : 0;
          Script without = script;
          without.erase(without.begin() + static_cast<std::ptrdiff_t>(begin),
                        without.begin() + static_cast<std::ptrdiff_t>(end));
          end = begin;
          if (!Fails(&without)) continue;
          script = std::move(without);
          end = std::min(end, script.size());
          shorter = true;
        }
        if (piece > 1) break;
      }
      if (piece <= 1) break;
    }
    return script;
  }

 private:
  // The same violation; what comes after it is cut off.
  bool Fails(Script* script) {
    --left_;
    if (script->empty()) return false;
    RunOptions options = options_;
    options.verbose = false;
    const Result result = RunScript(*script, options);
    if (!result.violation || result.violation->oracle != oracle_) return false;
    script->resize(result.failed_step + 1);
    return true;
  }

  const std::string oracle_;
  const RunOptions options_;
  int left_;
};

}  // namespace

Script Shrink(const Script& script, const std::string& oracle, const RunOptions& options,
              int max_runs) {
  return Shrinker(oracle, options, max_runs).Run(script);
}

}  // namespace doorstep::sim
