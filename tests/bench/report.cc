#include "tests/bench/report.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/recorded_limits.h"

namespace doorstep::bench {
namespace {

constexpr double kSlowerThanRecorded = 1.5;

// One operation's seconds, or bytes, as people read them.
std::string Readable(double value, absl::string_view unit) {
  if (unit == "bytes") {
    if (value >= 1e6) return absl::StrFormat("%.1f MB", value / 1e6);
    if (value >= 1e4) return absl::StrFormat("%.1f kB", value / 1e3);
    return absl::StrFormat("%.0f B", value);
  }
  if (value >= 1) return absl::StrFormat("%.2f s", value);
  if (value >= 1e-3) return absl::StrFormat("%.2f ms", value * 1e3);
  return absl::StrFormat("%.1f us", value * 1e6);
}

std::string NumberText(const Json& value) {
  if (!value.is_number_float()) return value.is_string() ? value.get<std::string>() : value.dump();
  const double number = value.get<double>();
  return number >= 100 ? absl::StrFormat("%.0f", number) : absl::StrFormat("%.3g", number);
}

// Lists of repetitions as their median.
Json Condensed(const Json& extra) {
  Json out = Json::object();
  for (const auto& [key, value] : extra.items()) {
    out[key] = value.is_array() ? Json(Median(value.get<std::vector<double>>())) : value;
  }
  return out;
}

}  // namespace

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<double> Ratios(const std::vector<double>& product, const std::vector<double>& limit) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(product.size(), limit.size()); ++i) {
    if (limit[i] > 0) ratios.push_back(product[i] / limit[i]);
  }
  return ratios;
}

void Report::AddBare(double insert, double insert_cpu, double sync) {
  bare_insert_.push_back(insert);
  bare_cpu_.push_back(insert_cpu);
  bare_sync_.push_back(sync);
}

double Report::TimesBare(const Metric& metric) const {
  const double bare = Median(bare_cpu_);
  return bare > 0 ? Median(metric.limit_cpu) / static_cast<double>(metric.operations) / bare : 0;
}

void Report::CompareLimits() {
  for (const Metric& metric : metrics_) {
    const double now = TimesBare(metric);
    for (const RecordedLimit& recorded : kRecordedLimits) {
      if (metric.workload != recorded.workload || metric.name != recorded.name) continue;
      if (now <= recorded.times_bare * kSlowerThanRecorded) continue;
      Warn(
          absl::StrFormat("%s, %s: the limit took %.2f times a bare insert, recorded were %.2f: "
                          "a slow limit flatters",
                          metric.workload, metric.name, now, recorded.times_bare));
    }
  }
}

std::string Report::Table() const {
  std::string text = absl::StrFormat("%-14s %-18s %10s %10s %7s %15s %6s  %s\n", "workload", "what",
                                     "product", "limit", "ratio", "least..most", "cpu", "also");
  for (const Metric& metric : metrics_) {
    std::vector<double> ratios = Ratios(metric.product, metric.limit);
    const std::vector<double> cpu = Ratios(metric.product_cpu, metric.limit_cpu);
    std::sort(ratios.begin(), ratios.end());
    const auto operations = static_cast<double>(metric.operations);
    const double product = Median(metric.product) / operations;
    std::string also;
    if (metric.unit == "s" && metric.operations > 1) {
      also = absl::StrFormat("%d in %s (%.0f/s) ", metric.operations,
                             Readable(product * operations, "s"), 1 / product);
    }
    const Json extra = Condensed(metric.extra);
    for (const auto& [key, value] : extra.items()) {
      absl::StrAppend(&also, key, "=", NumberText(value), " ");
    }
    absl::StrAppendFormat(
        &text, "%-14s %-18s %10s %10s %7s %15s %6s  %s\n", metric.workload, metric.name,
        Readable(product, metric.unit),
        metric.limit.empty() ? "-" : Readable(Median(metric.limit) / operations, metric.unit),
        ratios.empty() ? "-" : absl::StrFormat("%.2f", Median(ratios)),
        ratios.empty() ? "-" : absl::StrFormat("%.2f..%.2f", ratios.front(), ratios.back()),
        cpu.empty() ? "-" : absl::StrFormat("%.2f", Median(cpu)), also);
  }
  absl::StrAppendFormat(&text, "bare: insert %.2f us a row, wait for the disk %.0f us\n",
                        Median(bare_insert_) * 1e6, Median(bare_sync_) * 1e6);
  for (const std::string& warning : warnings_) absl::StrAppend(&text, "WARNING: ", warning, "\n");
  for (const std::string& failure : failures_) absl::StrAppend(&text, "FAILED: ", failure, "\n");
  return text;
}

Json Report::ToJson() const {
  Json out;
  out["bare"] = {{"insert_s", Median(bare_insert_)},
                 {"insert_cpu_s", Median(bare_cpu_)},
                 {"sync_s", Median(bare_sync_)}};
  out["workloads"] = Json::array();
  for (const Metric& metric : metrics_) {
    Json one = {{"workload", metric.workload},
                {"name", metric.name},
                {"unit", metric.unit},
                {"operations", metric.operations},
                {"product", Median(metric.product)},
                {"product_each", metric.product},
                {"also", Condensed(metric.extra)}};
    if (!metric.limit.empty()) {
      one["limit_is"] = metric.limit_is;
      one["limit"] = Median(metric.limit);
      one["limit_each"] = metric.limit;
      one["ratio"] = Median(Ratios(metric.product, metric.limit));
      one["ratio_each"] = Ratios(metric.product, metric.limit);
    }
    if (!metric.product_cpu.empty()) {
      one["product_cpu"] = Median(metric.product_cpu);
      one["limit_cpu"] = Median(metric.limit_cpu);
      one["cpu_ratio"] = Median(Ratios(metric.product_cpu, metric.limit_cpu));
      one["limit_times_bare"] = TimesBare(metric);
    }
    out["workloads"].push_back(std::move(one));
  }
  out["warnings"] = warnings_;
  out["failures"] = failures_;
  return out;
}

}  // namespace doorstep::bench
