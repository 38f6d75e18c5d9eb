// What is fuzzed: a function for each way in which foreign bytes come in. Every input must end, in
// an answer or a refusal; what does not hold ends the program, so that a fuzzer keeps the input.
//
// libFuzzer drives them in the fuzz tree (fuzz_main.cc); corpus_test.cc runs the corpora through
// them, with some thousands of simple mutations, in every tree.
#ifndef TESTS_FUZZ_TARGET_H_
#define TESTS_FUZZ_TARGET_H_

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace doorstep::fuzz {

void Unit(absl::string_view input);    // an author's bytes, decoded
void Row(absl::string_view input);     // rows of a batch, decoded and read as a person sees them
void Plan(absl::string_view input);    // a history of one field, in many orders
void Push(absl::string_view input);    // a push to a live server
void Schema(absl::string_view input);  // descriptors, and the tables made of them
void Pull(absl::string_view input);    // batches applied to a live replica

// By name, as the corpora and programs are called.
struct Target {
  const char* name;
  void (*run)(absl::string_view input);
};
const std::vector<Target>& Targets();

// Inputs from honest conversations, from which a fuzzer starts.
std::vector<std::string> Seeds(absl::string_view target);

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Takes an input apart. Beyond its end everything is 0.
class Input {
 public:
  explicit Input(absl::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  unsigned Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  // A length in two bytes, and so many bytes, or what there is.
  absl::string_view Piece() {
    const size_t low = Byte();
    const absl::string_view piece = rest_.substr(0, low + 256 * Byte());
    rest_.remove_prefix(piece.size());
    return piece;
  }
  absl::string_view Rest() const { return rest_; }

 private:
  absl::string_view rest_;
};

// What Input::Piece takes apart. At most 65,535 bytes.
std::string Piece(absl::string_view bytes);

}  // namespace doorstep::fuzz

#endif  // TESTS_FUZZ_TARGET_H_
