#include "server/measures/publish.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

constexpr int64_t kMaxSmall = 7;
constexpr int64_t kRounding = 5;
constexpr double kMeanSteps = 10;  // means are shown to a tenth

// Of tablets, not of people.
constexpr char kExactTable[] = "freshness";

bool IsSmall(int64_t count) { return count >= 1 && count <= kMaxSmall; }

int64_t Rounded(int64_t count) { return (count + kRounding / 2) / kRounding * kRounding; }

int64_t Published(int64_t count) { return IsSmall(count) ? kNotShown : Rounded(count); }

// "rose-court.late" is of one site, "late" of all.
std::string SiteOf(const Figure& figure) {
  const size_t dot = figure.part.find('.');
  return dot == std::string::npos ? "" : figure.part.substr(0, dot);
}

bool HidesPart(const Figure& figure) {
  return IsSmall(figure.numerator) || IsSmall(figure.denominator - figure.numerator);
}

bool IsOfCounts(const Figure& figure) {
  return figure.form == Form::kCount || figure.form == Form::kShare ||
         figure.form == Form::kPerThousand;
}

// The wholes that figures are parts of: shares of one site (or of all) with the same denominator
// and unit, and the same figure of every site, which the one of all is the sum of.
std::vector<std::vector<size_t>> WholesOf(const std::vector<Figure>& figures) {
  std::map<std::string, std::vector<size_t>> wholes;
  for (size_t i = 0; i < figures.size(); ++i) {
    const Figure& figure = figures[i];
    const std::string site = SiteOf(figure);
    if (figure.form == Form::kShare) {
      wholes[absl::StrCat("share ", site, "\n", figure.denominator, " ", figure.unit)].push_back(i);
    }
    if (!site.empty() && IsOfCounts(figure)) {
      wholes[absl::StrCat("sites ", figure.part.substr(site.size()))].push_back(i);
    }
  }
  std::vector<std::vector<size_t>> out;
  out.reserve(wholes.size());
  for (auto& [key, parts] : wholes) out.push_back(std::move(parts));
  return out;
}

// One part that is not shown is what the others leave of the whole: the smallest other one joins
// it. True: one did.
bool MarkComplement(const std::vector<Figure>& figures, const std::vector<size_t>& parts,
                    std::vector<bool>* hidden) {
  size_t count = 0;
  std::optional<size_t> least;
  for (const size_t i : parts) {
    if ((*hidden)[i]) {
      ++count;
    } else if (figures[i].numerator > 0 &&
               (!least || figures[i].numerator < figures[*least].numerator)) {
      least = i;
    }
  }
  if (count != 1 || !least) return false;
  (*hidden)[*least] = true;
  return true;
}

// What is left out of one whole may be the only one that is left out of another.
void MarkComplements(const std::vector<Figure>& figures, std::vector<bool>* hidden) {
  const std::vector<std::vector<size_t>> wholes = WholesOf(figures);
  bool more = true;
  while (more) {
    more = false;
    for (const std::vector<size_t>& parts : wholes) {
      more = MarkComplement(figures, parts, hidden) || more;
    }
  }
}

void PublishFigure(bool hidden, Figure* figure) {
  switch (figure->form) {
    case Form::kCount:
      figure->numerator = hidden ? kNotShown : Rounded(figure->numerator);
      return;
    case Form::kShare:
    case Form::kPerThousand:
      figure->numerator = hidden ? kNotShown : Rounded(figure->numerator);
      figure->denominator = Published(figure->denominator);
      if (figure->denominator == kNotShown) figure->numerator = kNotShown;
      return;
    case Form::kMean:
      if (IsSmall(figure->denominator)) {
        figure->numerator = figure->denominator = kNotShown;
        return;
      }
      if (const std::optional<double> mean = figure->Result()) {
        figure->value = std::round(*mean * kMeanSteps) / kMeanSteps;
      }
      figure->numerator = Rounded(figure->numerator);
      figure->denominator = Rounded(figure->denominator);
      return;
    case Form::kNumber:
    case Form::kDifference:
      if (figure->value) figure->value = std::round(*figure->value);
      return;
  }
}

// A number that was worked out from figures of its site of which one is not shown is not shown.
void HideWorkedOut(MeasureTable* table) {
  std::map<std::string, bool> hides;
  for (const Figure& figure : table->figures) {
    if (!figure.IsShown()) hides[SiteOf(figure)] = true;
  }
  for (Figure& figure : table->figures) {
    if (figure.form != Form::kNumber && figure.form != Form::kDifference) continue;
    if (!hides[SiteOf(figure)] || !figure.value) continue;
    figure.value.reset();
    figure.numerator = kNotShown;
  }
}

void PublishTable(MeasureTable* table) {
  std::vector<bool> hidden;
  for (const Figure& figure : table->figures) {
    hidden.push_back(figure.form == Form::kShare ? HidesPart(figure) : IsSmall(figure.numerator));
  }
  MarkComplements(table->figures, &hidden);
  for (size_t i = 0; i < hidden.size(); ++i) PublishFigure(hidden[i], &table->figures[i]);
  HideWorkedOut(table);
}

}  // namespace

Measures ForPublication(Measures measures) {
  measures.published = true;
  measures.open_conflicts = Published(measures.open_conflicts);
  for (MeasureTable& table : measures.tables) {
    table.open_conflicts = Published(table.open_conflicts);
    if (table.name != kExactTable) PublishTable(&table);
  }
  return measures;
}

}  // namespace doorstep::server
