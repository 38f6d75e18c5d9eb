#include "server/measures/show.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "sync/base/clock.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;
using Json = nlohmann::ordered_json;

constexpr char kNoFigure[] = "no figure yet";
constexpr char kHeldBack[] = "not shown";
constexpr char kFew[] = "1 to 7";  // a whole of which no part is told

bool IsRatio(Form form) {
  return form == Form::kShare || form == Form::kMean || form == Form::kPerThousand;
}

bool IsWhole(double value) { return std::floor(value) == value; }

std::string NumberText(double value, bool sign) {
  std::string text = absl::StrFormat("%.*f", IsWhole(value) ? 0 : 1, value);
  return sign && value >= 0 ? absl::StrCat("+", text) : text;
}

std::string WithUnit(const std::string& text, const std::string& unit) {
  return unit.empty() ? text : absl::StrCat(text, " ", unit);
}

std::string CountText(int64_t count) { return count == kNotShown ? kFew : absl::StrCat(count); }

std::string FigureText(const Figure& figure) {
  if (figure.denominator == kNotShown || (!figure.IsShown() && !IsRatio(figure.form))) {
    return kHeldBack;
  }
  if (!figure.IsShown()) {
    return WithUnit(absl::StrCat(kHeldBack, ", of ", figure.denominator), figure.unit);
  }
  const std::optional<double> result = figure.Result();
  const std::string parts =
      WithUnit(absl::StrCat(figure.numerator, " of ", figure.denominator), figure.unit);
  switch (figure.form) {
    case Form::kCount:
      return WithUnit(absl::StrCat(figure.numerator), figure.unit);
    case Form::kShare:
      return absl::StrCat(parts, ": ",
                          result ? absl::StrFormat("%.1f %%", *result * kPercent) : kNoFigure);
    case Form::kMean:
      return result ? absl::StrFormat("%.2f (%d over %d %s)", *result, figure.numerator,
                                      figure.denominator, figure.unit)
                    : kNoFigure;
    case Form::kPerThousand:
      return absl::StrCat(parts, ": ",
                          result ? absl::StrFormat("%.1f per 1,000", *result) : kNoFigure);
    case Form::kNumber:
    case Form::kDifference:
      return result ? WithUnit(NumberText(*result, figure.form == Form::kDifference), figure.unit)
                    : kNoFigure;
  }
  return kNoFigure;
}

Json CountJson(int64_t count) { return count == kNotShown ? Json() : Json(count); }

Json FigureJson(const Figure& figure) {
  const std::optional<double> result = figure.Result();
  Json out = {{"words", figure.words}};
  if (!figure.IsShown()) out["not_shown"] = true;
  if (IsRatio(figure.form)) {
    out["numerator"] = CountJson(figure.numerator);
    out["denominator"] = CountJson(figure.denominator);
  }
  if (figure.form == Form::kCount && figure.IsShown()) {
    out["value"] = figure.numerator;
  } else {
    out["value"] = result ? Json(*result) : Json();
  }
  const char* scale = figure.form == Form::kShare         ? "share"
                      : figure.form == Form::kMean        ? "mean"
                      : figure.form == Form::kPerThousand ? "per 1,000"
                                                          : "number";
  out["is"] = scale;
  if (!figure.unit.empty()) out["unit"] = figure.unit;
  return out;
}

// What every measure comes with.
Json Heading(const Measures& measures, int64_t open_conflicts) {
  Json out = {{"as_of", FormatUtc(measures.as_of_ms)}, {"day", measures.day}};
  if (!measures.programme.empty()) out["programme"] = measures.programme;
  out["sites"] = measures.sites;
  out["fresh_sites"] = measures.fresh_sites;
  out["open_conflicts"] = CountJson(open_conflicts);
  if (measures.published) out["published"] = true;
  return out;
}

std::string CountCell(int64_t count) { return count == kNotShown ? "" : absl::StrCat(count); }

// A number that begins with a sign is one.
std::string CsvText(const std::string& text) {
  const bool formula = !text.empty() && std::string("=+-@\t\r").find(text[0]) != std::string::npos;
  std::string safe = formula ? absl::StrCat("'", text) : text;
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  return absl::StrCat("\"", absl::StrReplaceAll(safe, {{"\"", "\"\""}}), "\"");
}

}  // namespace

std::string ToText(const Measures& measures) {
  std::string text = absl::StrFormat(
      "As of %s - %d of %d sites fresh - %s open conflicts\nDays are counted up to %s%s\n",
      FormatUtc(measures.as_of_ms), measures.fresh_sites, measures.sites,
      CountText(measures.open_conflicts), measures.day,
      measures.programme.empty() ? "" : absl::StrCat("; programme ", measures.programme));
  if (measures.published) {
    absl::StrAppend(&text,
                    "To be passed on: counts from 1 to 7, and what would tell them, are not shown; "
                    "others are rounded to 5\n");
  }
  for (const MeasureTable& table : measures.tables) {
    absl::StrAppend(&text, "\n", table.title, "\n");
    for (const Figure& figure : table.figures) {
      absl::StrAppendFormat(&text, "  %-38s %s\n", figure.words, FigureText(figure));
    }
    if (table.open_conflicts != 0) {
      absl::StrAppend(&text, "  (", CountText(table.open_conflicts),
                      table.open_conflicts == 1 ? " waits" : " wait", " for somebody to decide)\n");
    }
  }
  return text;
}

std::string ToJson(const Measures& measures) {
  Json out = Heading(measures, measures.open_conflicts);
  for (const MeasureTable& table : measures.tables) {
    Json each = Heading(measures, table.open_conflicts);
    each["figures"] = Json::object();
    for (const Figure& figure : table.figures) each["figures"][figure.part] = FigureJson(figure);
    out[table.name] = std::move(each);
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string ToCsv(const Measures& measures) {
  std::string csv =
      "as_of,day,measure,part,words,numerator,denominator,value,unit,open_conflicts,sites,"
      "fresh_sites";
  absl::StrAppend(&csv, measures.published ? ",not_shown" : "", "\r\n");
  for (const MeasureTable& table : measures.tables) {
    for (const Figure& figure : table.figures) {
      const std::optional<double> result = figure.Result();
      const bool ratio = IsRatio(figure.form);
      std::vector<std::string> cells = {FormatUtc(measures.as_of_ms),
                                        measures.day,
                                        CsvText(table.name),
                                        CsvText(figure.part),
                                        CsvText(figure.words),
                                        ratio ? CountCell(figure.numerator) : "",
                                        ratio ? CountCell(figure.denominator) : "",
                                        result ? absl::StrCat(*result) : "",
                                        CsvText(figure.unit),
                                        CountCell(table.open_conflicts),
                                        absl::StrCat(measures.sites),
                                        absl::StrCat(measures.fresh_sites)};
      if (measures.published) cells.emplace_back(figure.IsShown() ? "" : "1");
      absl::StrAppend(&csv, absl::StrJoin(cells, ","), "\r\n");
    }
  }
  return csv;
}

}  // namespace doorstep::server
