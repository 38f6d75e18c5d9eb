// Several versions of one text over the text that their authors all knew.
#ifndef SYNC_MERGE_TEXT_MERGE_H_
#define SYNC_MERGE_TEXT_MERGE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace doorstep {

// The texts as one, by the rules for TEXT in plan.h; nullopt when a person must decide. `base` and
// `texts` in UTF-8; `texts` in canonical order, any number, repeats allowed.
std::optional<std::string> MergeTexts(absl::string_view base,
                                      const std::vector<absl::string_view>& texts);

}  // namespace doorstep

#endif  // SYNC_MERGE_TEXT_MERGE_H_
