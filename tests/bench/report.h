// Figures of product and limit, side by side.
#ifndef TESTS_BENCH_REPORT_H_
#define TESTS_BENCH_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace doorstep::bench {

using Json = nlohmann::json;

double Median(std::vector<double> values);
// One by one.
std::vector<double> Ratios(const std::vector<double>& product, const std::vector<double>& limit);

struct Metric {
  std::string workload;
  std::string name;
  std::string unit = "s";  // or "bytes"
  int64_t operations = 1;  // that product and limit each did in one repetition
  std::string limit_is;    // in words
  // One value per repetition. Without a limit: empty.
  std::vector<double> product;
  std::vector<double> limit;
  // The same in seconds of the processor, where it was measured (of the client's process).
  std::vector<double> product_cpu;
  std::vector<double> limit_cpu;
  Json extra = Json::object();  // bytes, memory and the like; medians where they repeat

  void Add(double product_value, double limit_value) {
    product.push_back(product_value);
    limit.push_back(limit_value);
  }
  void AddCpu(double product_value, double limit_value) {
    product_cpu.push_back(product_value);
    limit_cpu.push_back(limit_value);
  }
  // Collects one number of one repetition; the report gives the median.
  void Note(absl::string_view key, double value) { extra[std::string(key)].push_back(value); }
};

class Report {
 public:
  void Add(Metric metric) { metrics_.push_back(std::move(metric)); }
  // A finding about correctness: makes the program fail.
  void Fail(std::string message) { failures_.push_back(std::move(message)); }
  void Warn(std::string message) { warnings_.push_back(std::move(message)); }

  // One row of the bare insert loop, in seconds and in seconds of the processor; one wait for the
  // disk.
  void AddBare(double insert, double insert_cpu, double sync);
  // Warns of every limit that is slower than its record; to be called once, at the end.
  void CompareLimits();

  const std::vector<std::string>& failures() const { return failures_; }
  std::string Table() const;
  Json ToJson() const;

 private:
  // The limit's processor time for one operation, in rows of the bare loop; 0: not measured.
  double TimesBare(const Metric& metric) const;

  std::vector<Metric> metrics_;
  std::vector<std::string> failures_;
  std::vector<std::string> warnings_;
  std::vector<double> bare_insert_;
  std::vector<double> bare_cpu_;
  std::vector<double> bare_sync_;
};

}  // namespace doorstep::bench

#endif  // TESTS_BENCH_REPORT_H_
