// What must hold of several versions of a text, and of whole records: hidden ones, judgements and
// signatures. Part of the model: written from sync/README.md, in the plainest way.
#ifndef TESTS_SIM_JUDGEMENT_H_
#define TESTS_SIM_JUDGEMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "tests/sim/model.h"

namespace doorstep::sim {

// Of several versions of a text, what is wrong with the text that is shown; empty: nothing.
// `asked`: somebody has to decide, so all must be there whole.
std::string TextProblem(uint32_t field, const Heads& heads, const std::string& shown, bool asked);
// Whether two of them put different sentences in the place of one: then somebody must be asked.
bool MustAsk(uint32_t field, const Heads& heads);
// In order; each is a sentence, or what stands between line ends.
std::vector<std::string> Sentences(const std::string& text);

// The mark because of which the record is hidden; nullopt: it is shown.
std::optional<std::string> HiddenBy(const ModelRecord& record);
// The record and those that are one judgement with it.
Rows JudgementOf(const std::string& record, const Rows& rows);
// Whether two people changed it, each without having seen the other's change, and nobody has
// assessed the whole.
bool IsUnassessed(const std::string& record, const Rows& judgement);
// What a signature of the judgement is for, and whether another one still holds for it.
Signed ToSign(const Rows& judgement);
bool IsAmended(const Signed& was, const Rows& judgement);
// Why it may not be signed; empty: it may. nullopt: the model cannot say.
std::optional<std::string> WhyNotSign(const std::string& record, const Rows& judgement);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_JUDGEMENT_H_
