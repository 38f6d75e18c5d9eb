// What a generated script is made of: numbers by chance, and values for every field of the schema.
#ifndef TESTS_SIM_DRAW_H_
#define TESTS_SIM_DRAW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sync/base/entropy.h"
#include "sync/schema/schema.h"

namespace doorstep::sim {

// Few, so that people write the same.
inline constexpr const char* kWords[] = {"tea", "walk", "bus", "shop", "garden"};

class Draw {
 protected:
  explicit Draw(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t n) { return random_.Below(n); }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  template <typename T, size_t kSize>
  std::string Any(const T (&from)[kSize]) {
    return from[Below(kSize)];
  }
  // What no other value of the script holds: where it is found, that value is. Long, for a file has
  // numbers by chance in it, too.
  std::string Tag() { return "~" + std::to_string(10'000 + ++marks_) + "~"; }

  // A new kind of practice is drawn as soon as the schema has it.
  std::string AnyKind();
  // Of "r3".
  const KindSpec& KindOf(const std::string& record) const;
  // A value as JSON; "null" or "[]": none.
  std::string Value(const FieldSpec& field);
  // Fields of a kind as a JSON object, for a new record or an edit.
  std::string EditJson(const std::string& kind, bool create);

  std::vector<std::string> kinds_;  // of r1, r2, ...

 private:
  std::string Reference(const FieldSpec& field);
  std::string ScalarValue(const ScalarSpec& scalar);

  SeededEntropy random_;
  uint64_t marks_ = 0;
};

}  // namespace doorstep::sim

#endif  // TESTS_SIM_DRAW_H_
