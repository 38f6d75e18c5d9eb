// A world whose measures are asked for: each test's figures were worked out by hand.
#ifndef TESTS_SERVER_MEASURING_H_
#define TESTS_SERVER_MEASURING_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/measures/measures.h"
#include "server/measures/show.h"
#include "sync/merge/marks.h"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {

inline constexpr int64_t kHourMs = 3'600'000;

class MeasuringTest : public ::testing::Test {
 protected:
  // Today is 2026-11-22, a Sunday, nine o'clock.
  Measures Now(MeasureOptions options = {}) {
    auto db = Must(Database::Open(world_.path() + "/tenants/default.db", {}));
    auto history = Must(world_.tenant().store().Read());
    options.now_ms = world_.clock().Read().wall_ms;
    return Must(Measure(*db, Schema::BuiltIn(), *history, options));
  }
  Measures On(const std::string& day) {
    MeasureOptions options;
    options.day = day;
    return Now(options);
  }

  ChangeId Add(const std::string& kind, uint64_t id, const std::string& json) {
    return a_->Do(Id(1), {Create(kind, Id(id), json)}).changes[0].id;
  }
  ChangeId Change(TestDevice& device, const std::string& kind, uint64_t id, const std::string& json,
                  const std::vector<ChangeId>& base) {
    return device.Do(Id(1), {Edit(kind, Id(id), json, base)}).changes[0].id;
  }
  void Hide(const std::string& kind, uint64_t id, const ChangeId& seen) {
    ChangeData hide;
    hide.record = Id(id);
    hide.kind = KindNumber(kind);
    hide.seen = {seen};
    FieldEdit& mark = hide.edits.emplace_back();
    mark.field = kHiddenField;
    mark.value = MarkValue(kHiddenField, "written twice");
    a_->Do(Id(1), {hide});
  }
  static std::string IdText(uint64_t id) { return Id(id).ToString(); }

  World world_;  // two sites
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
};

// "3/5" of a share, mean or rate; the number of a count.
inline std::string Parts(const Measures& measures, const std::string& table,
                         const std::string& part) {
  const MeasureTable* found = measures.Find(table);
  const Figure* figure = found == nullptr ? nullptr : found->Find(part);
  if (figure == nullptr) return "no such figure";
  if (figure->form == Figure::Form::kCount) return std::to_string(figure->numerator);
  return std::to_string(figure->numerator) + "/" + std::to_string(figure->denominator);
}

// All figures of a measure that have parts: of the whole tenant, or of one site.
inline std::map<std::string, std::string> AllParts(const Measures& measures,
                                                   const std::string& table,
                                                   const std::string& site = "") {
  std::map<std::string, std::string> out;
  const MeasureTable* found = measures.Find(table);
  if (found == nullptr) return out;
  for (const Figure& figure : found->figures) {
    if (figure.form == Figure::Form::kNumber || figure.form == Figure::Form::kDifference) continue;
    const size_t dot = figure.part.find('.');
    const std::string of = dot == std::string::npos ? "" : figure.part.substr(0, dot);
    if (of != site) continue;
    out[of.empty() ? figure.part : figure.part.substr(dot + 1)] =
        Parts(measures, table, figure.part);
  }
  return out;
}

inline std::optional<double> ResultOf(const Measures& measures, const std::string& table,
                                      const std::string& part) {
  const MeasureTable* found = measures.Find(table);
  const Figure* figure = found == nullptr ? nullptr : found->Find(part);
  if (figure == nullptr) {
    ADD_FAILURE() << "no figure " << table << "." << part;
    return std::nullopt;
  }
  return figure->Result();
}

using Figures = std::map<std::string, std::string>;

}  // namespace doorstep::server

#endif  // TESTS_SERVER_MEASURING_H_
