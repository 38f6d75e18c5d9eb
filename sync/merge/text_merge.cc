// How a pair of texts X and Y is merged over a base B, all three as sequences of units:
//
//   1. What X and Y have in common and B lacks is no longer in question: it is woven into B.
//   2. Paragraphs: what X changed of B and what Y changed of B, as hunks. Hunks in different places
//      all happen. Insertions at one place stand one after the other.
//   3. Hunks that share a paragraph are looked at again by sentences: sentences that both kept part
//      the rest into stretches, and a stretch that only one of the two changed is taken from it.
//
// More texts are merged one after the other, in canonical order.
#include "sync/merge/text_merge.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/merge/sequence_diff.h"
#include "sync/merge/text_units.h"

namespace doorstep {
namespace {

// Sentences, breaks or paragraphs by number: equal numbers, equal words.
using Sequence = std::vector<int>;

void Append(const Sequence& from, Sequence* to) { to->insert(to->end(), from.begin(), from.end()); }

Sequence Slice(const Sequence& from, int begin, int end) {
  return Sequence(from.begin() + begin, from.begin() + end);
}

// Where each element of `a` stands in `b`; -1: nowhere.
Sequence PlacesIn(const Sequence& a, const Sequence& b) {
  Sequence places(a.size(), -1);
  for (const auto& [i, j] : Matches(a, b)) places[i] = j;
  return places;
}

// `base` with all that both sides have: elements that one or both of them took away stay in it,
// where the side that kept them has them.
Sequence Weave(const Sequence& base, const Sequence& x, const Sequence& y) {
  Sequence shared;
  Sequence shared_in_x;
  Sequence shared_in_y;
  for (const auto& [i, j] : Matches(x, y)) {
    shared.push_back(x[i]);
    shared_in_x.push_back(i);
    shared_in_y.push_back(j);
  }
  const Sequence in_shared = PlacesIn(base, shared);
  const Sequence in_x = PlacesIn(base, x);
  const Sequence in_y = PlacesIn(base, y);
  const auto before = [](const Sequence& places, int place) {
    return static_cast<int>(std::lower_bound(places.begin(), places.end(), place) - places.begin());
  };
  Sequence out;
  int done = 0;  // of `shared`
  for (size_t i = 0; i < base.size(); ++i) {
    if (in_shared[i] >= 0) {
      Append(Slice(shared, done, in_shared[i] + 1), &out);
      done = in_shared[i] + 1;
      continue;
    }
    int place = done;
    if (in_x[i] >= 0) {
      place = before(shared_in_x, in_x[i]);
    } else if (in_y[i] >= 0) {
      place = before(shared_in_y, in_y[i]);
    }
    const auto next = std::find_if(in_shared.begin() + static_cast<std::ptrdiff_t>(i),
                                   in_shared.end(), [](int at) { return at >= 0; });
    const int limit = next == in_shared.end() ? static_cast<int>(shared.size()) : *next;
    place = std::clamp(place, done, limit);
    Append(Slice(shared, done, place), &out);
    done = place;
    out.push_back(base[i]);
  }
  Append(Slice(shared, done, static_cast<int>(shared.size())), &out);
  return out;
}

// base[begin, end) gives way to `now`.
struct Hunk {
  int begin = 0;
  int end = 0;
  Sequence now;
};

std::vector<Hunk> HunksOf(const Sequence& base, const Sequence& side) {
  std::vector<Hunk> hunks;
  int i = 0;
  int j = 0;
  std::vector<std::pair<int, int>> matches = Matches(base, side);
  matches.emplace_back(static_cast<int>(base.size()), static_cast<int>(side.size()));
  for (const auto& [next_i, next_j] : matches) {
    if (next_i > i || next_j > j) hunks.push_back({i, next_i, Slice(side, j, next_j)});
    i = next_i + 1;
    j = next_j + 1;
  }
  return hunks;
}

// Whether two sides' hunks are about one place.
bool Together(const Hunk& a, const Hunk& b) {
  if (a.begin == a.end && b.begin == b.end) return a.begin == b.begin;
  if (a.begin < b.end && b.begin < a.end) return true;
  // What was added beside something that the other took away may have been said about it.
  const bool touch = a.begin == b.end || b.begin == a.end;
  return touch && (a.now.empty() || b.now.empty());
}

// Hunks of both sides about one place.
struct Place {
  int begin = 0;
  int end = 0;
  std::vector<Hunk> x;
  std::vector<Hunk> y;
};

std::vector<Place> PlacesOf(const std::vector<Hunk>& x, const std::vector<Hunk>& y) {
  std::vector<Place> places;
  auto next_x = x.begin();
  auto next_y = y.begin();
  while (next_x != x.end() || next_y != y.end()) {
    const bool from_x =
        next_y == y.end() || (next_x != x.end() && std::pair(next_x->begin, next_x->end) <=
                                                       std::pair(next_y->begin, next_y->end));
    const Hunk& hunk = from_x ? *next_x++ : *next_y++;
    const auto meets = [&](const std::vector<Hunk>& others) {
      return std::any_of(others.begin(), others.end(),
                         [&](const Hunk& other) { return Together(other, hunk); });
    };
    const bool same = !places.empty() && meets(from_x ? places.back().y : places.back().x);
    if (!same) places.push_back({hunk.begin, hunk.end, {}, {}});
    Place& place = places.back();
    place.begin = std::min(place.begin, hunk.begin);
    place.end = std::max(place.end, hunk.end);
    (from_x ? place.x : place.y).push_back(hunk);
  }
  return places;
}

// What a side has at a place.
Sequence Apply(const Sequence& base, const Place& place, const std::vector<Hunk>& hunks) {
  Sequence out;
  int at = place.begin;
  for (const Hunk& hunk : hunks) {
    Append(Slice(base, at, hunk.begin), &out);
    Append(hunk.now, &out);
    at = hunk.end;
  }
  Append(Slice(base, at, place.end), &out);
  return out;
}

// Stretches between what both sides kept; nullopt when both changed one, differently.
std::optional<Sequence> MergeSentences(const Sequence& known, const Sequence& x,
                                       const Sequence& y) {
  const Sequence base = Weave(known, x, y);
  const Sequence in_x = PlacesIn(base, x);
  const Sequence in_y = PlacesIn(base, y);
  Sequence out;
  int done_base = 0;
  int done_x = 0;
  int done_y = 0;
  for (int i = 0; i <= static_cast<int>(base.size()); ++i) {
    const bool end = i == static_cast<int>(base.size());
    if (!end && (in_x[i] < 0 || in_y[i] < 0)) continue;
    const int end_x = end ? static_cast<int>(x.size()) : in_x[i];
    const int end_y = end ? static_cast<int>(y.size()) : in_y[i];
    const Sequence was = Slice(base, done_base, i);
    const Sequence has_x = Slice(x, done_x, end_x);
    const Sequence has_y = Slice(y, done_y, end_y);
    if (has_x == has_y || has_y == was) {
      Append(has_x, &out);
    } else if (has_x == was) {
      Append(has_y, &out);
    } else {
      return std::nullopt;
    }
    if (!end) out.push_back(base[i]);
    done_base = i + 1;
    done_x = end_x + 1;
    done_y = end_y + 1;
  }
  return out;
}

// Whether everything is there that all texts have, and all that one of them added. A sentence that
// stood twice, of which each side took away another, or that one moved, may not be.
bool KeepsAll(const Sequence& base, const std::vector<Sequence>& texts, const Sequence& merged) {
  const std::set<int> in_base(base.begin(), base.end());
  const std::set<int> in_merged(merged.begin(), merged.end());
  std::map<int, size_t> owners;
  for (const Sequence& text : texts) {
    for (const int unit : std::set<int>(text.begin(), text.end())) ++owners[unit];
  }
  return std::all_of(owners.begin(), owners.end(), [&](const auto& owned) {
    const bool must_stay = owned.second == texts.size() || !in_base.contains(owned.first);
    return !must_stay || in_merged.contains(owned.first);
  });
}

class Merger {
 public:
  // Number 0 is the break that stands where nobody wrote one.
  Merger() { units_.push_back({"", "\n\n"}); }

  // False when the text has more units than are merged.
  bool Read(absl::string_view text, Sequence* out);
  std::optional<Sequence> MergeTwo(const Sequence& base, const Sequence& x, const Sequence& y);
  // Without the breaks.
  Sequence SentencesOf(const Sequence& units) const;
  std::string Write(const Sequence& units) const;

 private:
  struct Paragraph {
    Sequence sentences;
    int end = 0;  // the break after it
  };

  bool IsBreak(int unit) const { return units_[unit].words.empty(); }
  Sequence Paragraphs(const Sequence& units);
  // The paragraphs' units, each with the break after it.
  Sequence Units(const Sequence& paragraphs) const;
  // The same without the last break: whether one follows depends on what stands elsewhere.
  Sequence Inner(const Sequence& paragraphs) const;

  std::vector<TextUnit> units_;  // by number
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, int> unit_numbers_;
  std::vector<Paragraph> paragraphs_;
  std::map<Sequence, int> paragraph_numbers_;
};

bool Merger::Read(absl::string_view text, Sequence* out) {
  const std::vector<TextUnit> units = TextUnits(text);
  if (units.size() > kMaxTextUnits) return false;
  for (const TextUnit& unit : units) {
    // Sentences are one when their words are, breaks when their white space is.
    const std::pair key(unit.words, unit.words.empty() ? unit.space : absl::string_view());
    const auto [it, added] = unit_numbers_.emplace(key, static_cast<int>(units_.size()));
    if (added) units_.push_back(unit);
    if (units_[it->second].space.empty()) units_[it->second].space = unit.space;
    out->push_back(it->second);
  }
  return true;
}

Sequence Merger::SentencesOf(const Sequence& units) const {
  Sequence out;
  std::copy_if(units.begin(), units.end(), std::back_inserter(out),
               [&](int unit) { return !IsBreak(unit); });
  return out;
}

Sequence Merger::Paragraphs(const Sequence& units) {
  Sequence out;
  Paragraph paragraph;
  const auto close = [&] {
    if (paragraph.sentences.empty()) return;
    const auto [it, added] =
        paragraph_numbers_.emplace(paragraph.sentences, static_cast<int>(paragraphs_.size()));
    if (added) paragraphs_.push_back(paragraph);
    if (paragraphs_[it->second].end == 0) paragraphs_[it->second].end = paragraph.end;
    out.push_back(it->second);
    paragraph = Paragraph();
  };
  for (const int unit : units) {
    if (IsBreak(unit)) {
      paragraph.end = unit;
      close();
    } else {
      paragraph.sentences.push_back(unit);
    }
  }
  close();
  return out;
}

Sequence Merger::Units(const Sequence& paragraphs) const {
  Sequence out;
  for (const int number : paragraphs) {
    Append(paragraphs_[number].sentences, &out);
    out.push_back(paragraphs_[number].end);
  }
  return out;
}

Sequence Merger::Inner(const Sequence& paragraphs) const {
  Sequence out = Units(paragraphs);
  if (!out.empty()) out.pop_back();
  return out;
}

std::optional<Sequence> Merger::MergeTwo(const Sequence& base, const Sequence& x,
                                         const Sequence& y) {
  const Sequence has_x = Paragraphs(x);
  const Sequence has_y = Paragraphs(y);
  const Sequence was = Weave(Paragraphs(base), has_x, has_y);
  Sequence out;
  int done = 0;
  for (const Place& place : PlacesOf(HunksOf(was, has_x), HunksOf(was, has_y))) {
    Append(Units(Slice(was, done, place.begin)), &out);
    done = place.end;
    const Sequence now_x = Apply(was, place, place.x);
    const Sequence now_y = Apply(was, place, place.y);
    if (place.y.empty() || now_x == now_y) {
      Append(Units(now_x), &out);
    } else if (place.x.empty()) {
      Append(Units(now_y), &out);
    } else if (place.begin == place.end) {
      Append(Units(now_x), &out);
      Append(Units(now_y), &out);
    } else {
      const auto merged =
          MergeSentences(Inner(Slice(was, place.begin, place.end)), Inner(now_x), Inner(now_y));
      if (!merged.has_value()) return std::nullopt;
      Append(*merged, &out);
      const int end = now_x.empty() ? 0 : paragraphs_[now_x.back()].end;
      out.push_back(end != 0 || now_y.empty() ? end : paragraphs_[now_y.back()].end);
    }
  }
  Append(Units(Slice(was, done, static_cast<int>(was.size()))), &out);
  return out;
}

std::string Merger::Write(const Sequence& units) const {
  std::string out;
  absl::string_view between;  // what stands before the next sentence, if there is one
  for (const int number : units) {
    const TextUnit& unit = units_[number];
    if (unit.words.empty()) {
      between = unit.space;
      continue;
    }
    if (!out.empty()) absl::StrAppend(&out, between);
    absl::StrAppend(&out, unit.words);
    between = unit.space.empty() ? " " : unit.space;
  }
  return out;
}

}  // namespace

std::optional<std::string> MergeTexts(absl::string_view base,
                                      const std::vector<absl::string_view>& texts) {
  std::vector<absl::string_view> changed;
  for (const absl::string_view text : texts) {
    if (text == base || std::find(changed.begin(), changed.end(), text) != changed.end()) continue;
    changed.push_back(text);
  }
  if (changed.empty()) return std::string(base);
  if (changed.size() == 1) return std::string(changed.front());
  if (changed.size() > kMaxMergedTexts) return std::nullopt;
  Merger merger;
  Sequence was;
  if (!merger.Read(base, &was) || was.empty()) return std::nullopt;
  std::optional<Sequence> merged;
  std::vector<Sequence> sentences;
  for (const absl::string_view text : changed) {
    Sequence has;
    if (!merger.Read(text, &has) || has.empty()) return std::nullopt;
    sentences.push_back(merger.SentencesOf(has));
    merged = merged.has_value() ? merger.MergeTwo(was, *merged, has) : std::move(has);
    if (!merged.has_value() || merged->size() > kMaxTextUnits) return std::nullopt;
  }
  if (!KeepsAll(merger.SentencesOf(was), sentences, merger.SentencesOf(*merged))) {
    return std::nullopt;
  }
  return merger.Write(*merged);
}

}  // namespace doorstep
