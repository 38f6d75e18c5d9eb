// The rows that every workload writes: risk assessments with twelve columns, about 600 bytes, of
// which about 300 are a narrative in varied English.
#ifndef TESTS_BENCH_RECORDS_H_
#define TESTS_BENCH_RECORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "doorstep/care/v1/risk.pb.h"
#include "sync/base/bytes.h"
#include "sync/base/entropy.h"

namespace doorstep::bench {

// Records of one person's or household's file.
inline constexpr int64_t kRecordsPerFile = 500;
// Records of one local transaction where many are written at once.
inline constexpr int64_t kRecordsPerTransaction = 1000;

// The values as a plain program would keep them.
struct Row {
  Uuid id;
  Uuid file;  // not a column of the plain table
  std::string case_study;
  std::string activity;
  std::string hazard;  // the narrative
  std::string harm_of_not_doing;
  std::string category;
  std::string location;
  int64_t value_to_person = 0;
  int64_t likelihood = 0;  // of the residual rating
  int64_t severity = 0;
  std::string rationale;
  std::string review_due;
  int64_t status = 0;
};

// The same rows for the same seed, whoever asks.
class RowMaker {
 public:
  explicit RowMaker(uint64_t seed);

  Row Next();
  // Ids (UUIDv7) come in the order of minting.
  std::vector<Row> Take(int64_t n);

  // A new place for an edit: other than any that Next() makes.
  std::string Edited();

 private:
  std::string Words(int count);
  std::string Narrative(size_t bytes);

  SeededEntropy random_;
  int64_t wall_ms_;
  int64_t made_ = 0;
  Uuid file_;
  Uuid case_study_;
};

care::v1::RiskAssessment ToMessage(const Row& row);

// Bytes of id and columns, as text and numbers are stored.
size_t BytesOf(const Row& row);

}  // namespace doorstep::bench

#endif  // TESTS_BENCH_RECORDS_H_
