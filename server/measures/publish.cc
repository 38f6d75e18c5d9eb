#include "server/measures/publish.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

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

// Parts of one whole: figures of one site (or of all) with the same denominator and unit.
using Whole = std::tuple<std::string, int64_t, std::string>;

// "rose-court.late" is of one site, "late" of all.
std::string SiteOf(const Figure& figure) {
  const size_t dot = figure.part.find('.');
  return dot == std::string::npos ? "" : figure.part.substr(0, dot);
}

bool HidesPart(const Figure& figure) {
  return IsSmall(figure.numerator) || IsSmall(figure.denominator - figure.numerator);
}

// One part that is not shown is what the others leave of the whole: another one joins it.
void MarkComplements(const std::vector<Figure>& figures, std::vector<bool>* hidden) {
  std::map<Whole, std::vector<size_t>> wholes;
  for (size_t i = 0; i < figures.size(); ++i) {
    if (figures[i].form != Form::kShare) continue;
    wholes[{SiteOf(figures[i]), figures[i].denominator, figures[i].unit}].push_back(i);
  }
  for (const auto& [whole, parts] : wholes) {
    size_t count = 0;
    const size_t* least = nullptr;
    for (const size_t& i : parts) {
      if ((*hidden)[i]) {
        ++count;
      } else if (figures[i].numerator > 0 &&
                 (least == nullptr || figures[i].numerator < figures[*least].numerator)) {
        least = &i;
      }
    }
    if (count == 1 && least != nullptr) (*hidden)[*least] = true;
  }
}

void PublishFigure(bool hidden, Figure* figure) {
  switch (figure->form) {
    case Form::kCount:
      figure->numerator = Published(figure->numerator);
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
