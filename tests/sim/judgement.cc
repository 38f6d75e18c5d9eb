#include "tests/sim/judgement.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace doorstep::sim {
namespace {

bool Contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Whether both put another sentence in the place of the same one, and touched nothing else.
bool RewroteOne(const std::vector<std::string>& base, const std::vector<std::string>& a,
                const std::vector<std::string>& b) {
  if (a.size() != base.size() || b.size() != base.size()) return false;
  int places = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    if (a[i] == base[i] && b[i] == base[i]) continue;
    if (a[i] == base[i] || b[i] == base[i] || a[i] == b[i]) return false;
    ++places;
  }
  return places == 1;
}

}  // namespace

// --- Texts ---

std::vector<std::string> Sentences(const std::string& text) {
  std::vector<std::string> out;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    std::vector<std::string> parts = absl::StrSplit(line, ". ", absl::SkipWhitespace());
    for (size_t i = 0; i + 1 < parts.size(); ++i) parts[i] += ".";
    std::move(parts.begin(), parts.end(), std::back_inserter(out));
  }
  return out;
}

namespace {

// The text that the authors of all heads knew.
std::string CommonText(uint32_t field, const Heads& heads) {
  const bool all_agreed = std::all_of(
      heads.begin(), heads.end(), [](const ModelHead& head) { return head.agreed.has_value(); });
  return all_agreed ? Read(LowestAgreed(heads), field).bytes : "";
}

}  // namespace

bool MustAsk(uint32_t field, const Heads& heads) {
  const std::vector<std::string> base = Sentences(CommonText(field, heads));
  std::vector<std::vector<std::string>> texts;
  for (const ModelHead& head : heads) texts.push_back(Sentences(Read(head.value, field).bytes));
  return std::any_of(texts.begin(), texts.end(), [&](const auto& a) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const auto& b) { return RewroteOne(base, a, b); });
  });
}

std::string TextProblem(uint32_t field, const Heads& heads, const std::string& shown, bool asked) {
  const std::string base = CommonText(field, heads);
  const std::vector<std::string> before = Sentences(base);
  std::vector<std::vector<std::string>> texts;
  for (const ModelHead& head : heads) texts.push_back(Sentences(Read(head.value, field).bytes));
  const auto all_have = [&](const std::string& sentence) {
    return std::all_of(texts.begin(), texts.end(),
                       [&](const auto& text) { return Contains(text, sentence); });
  };
  for (const ModelHead& head : heads) {
    const std::string text = Read(head.value, field).bytes;
    if (asked && !absl::StrContains(shown, text)) return "a version that is not shown whole";
    for (const std::string& sentence : Sentences(text)) {
      const bool wanted = !Contains(before, sentence) || all_have(sentence);
      if (wanted && !absl::StrContains(shown, sentence)) return "a sentence less: " + sentence;
    }
  }
  for (const std::string& sentence : Sentences(shown)) {
    const bool written = absl::StrContains(base, sentence) ||
                         std::any_of(heads.begin(), heads.end(), [&](const ModelHead& head) {
                           return absl::StrContains(Read(head.value, field).bytes, sentence);
                         });
    if (!written) return "a sentence that nobody wrote: " + sentence;
  }
  return "";
}

// --- A record, and a judgement ---

std::optional<std::string> HiddenBy(const ModelRecord& record) {
  const auto marks = record.fields.find(kHiddenMark);
  if (marks == record.fields.end()) return std::nullopt;
  std::optional<std::string> hidden;
  for (const ModelHead& mark : marks->second) {
    if (mark.value.empty()) return std::nullopt;  // somebody has shown it again
    bool names_all = true;
    for (const auto& [field, heads] : record.fields) {
      for (const ModelHead& head : heads) names_all &= IsMark(field) || mark.seen.contains(head.id);
    }
    if (names_all) hidden = mark.value;
  }
  return hidden;
}

Rows JudgementOf(const std::string& record, const Rows& rows) {
  Rows out;
  const auto first = rows.find(record);
  if (first == rows.end()) return out;
  out.insert(*first);
  for (const auto& [id, row] : rows) {
    for (const uint32_t field : ParentFields(row.kind, first->second.kind)) {
      const auto heads = row.fields.find(field);
      if (heads == row.fields.end()) continue;
      if (Read(Shown(row.kind, field, heads->second), field).bytes == IdText(record)) {
        out.emplace(id, row);
      }
    }
  }
  return out;
}

bool IsUnassessed(const std::string& record, const Rows& judgement) {
  if (judgement.empty() || !IsJudgement(judgement.at(record).kind)) return false;
  using Member = std::pair<std::string, uint32_t>;
  struct Change {
    std::string author;
    std::set<Member> members;  // of which it holds a head
    std::set<Id> seen;
  };
  std::map<Id, Change> changes;
  for (const auto& [id, row] : judgement) {
    for (const auto& [field, heads] : row.fields) {
      for (const ModelHead& head : heads) {
        if (!IsMember(row.kind, field)) continue;
        changes[head.id].author = head.author;
        changes[head.id].members.insert({id, field});
        changes[head.id].seen = head.seen;
      }
    }
  }
  const auto marks = judgement.at(record).fields.find(kAssessedMark);
  const auto assessed = [&](const Id& a, const Id& b) {
    if (marks == judgement.at(record).fields.end()) return false;
    return std::any_of(marks->second.begin(), marks->second.end(), [&](const ModelHead& mark) {
      return !mark.value.empty() && mark.seen.contains(a) && mark.seen.contains(b);
    });
  };
  for (const auto& [a, of_a] : changes) {
    for (const auto& [b, of_b] : changes) {
      const bool own = a.life == b.life && of_a.author == of_b.author;
      if (own || of_a.seen.contains(b) || of_b.seen.contains(a)) continue;
      const bool one_member = of_a.members.size() == 1 && of_a.members == of_b.members;
      if (!one_member && !assessed(a, b)) return true;
    }
  }
  return false;
}

Signed ToSign(const Rows& judgement) {
  Signed out;
  for (const auto& [id, row] : judgement) {
    for (const auto& [field, heads] : row.fields) {
      if (field == kAssessedMark) continue;
      for (const ModelHead& head : heads) {
        out[{id, field}].insert({head.id, SignedHash(head.value)});
      }
    }
  }
  return out;
}

bool IsAmended(const Signed& was, const Rows& judgement) {
  const Signed now = ToSign(judgement);
  for (const auto& [field, heads] : now) {  // something is hidden that was not
    if (field.second != kHiddenMark || was.contains(field)) continue;
    for (const auto& head : heads) {
      if (head.second != SignedHash("")) return true;
    }
  }
  return std::any_of(was.begin(), was.end(), [&](const auto& field) {
    const auto it = now.find(field.first);
    return it == now.end() || it->second != field.second;
  });
}

std::optional<std::string> WhyNotSign(const std::string& record, const Rows& judgement) {
  const ModelRecord& first = judgement.at(record);
  if (HiddenBy(first)) return "it is hidden";
  for (const uint32_t field : DemandedFields(first.kind)) {
    const auto heads = first.fields.find(field);
    if (heads == first.fields.end()) return "it lacks what the schema demands";
    if (!Judged(first.kind, field, heads->second)) return std::nullopt;
    if (Shown(first.kind, field, heads->second).empty()) return "it lacks what the schema demands";
  }
  bool judged = true;
  for (const auto& [id, row] : judgement) {
    for (const auto& [field, heads] : row.fields) {
      if (IsOpen(row.kind, field, heads)) return "versions stand that differ";
      judged &= IsMark(field) || Judged(row.kind, field, heads);
    }
  }
  return judged ? std::optional<std::string>("") : std::nullopt;
}

}  // namespace doorstep::sim
