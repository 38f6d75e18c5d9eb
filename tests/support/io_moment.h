// kill -9 at a chosen input or output of a program.
//
//   IoMoment moment(dir.File("io"));
//   Process sync(WithEnvironment(moment.Environment(), DoorstepCommand(...)));
//   ...                     // or first once without a choice: moment.Done() says how many there
//   are moment.DieAt(17);       // the 17th from now on; before the program starts, or while it
//   runs
#ifndef TESTS_SUPPORT_IO_MOMENT_H_
#define TESTS_SUPPORT_IO_MOMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/shim.h"

namespace doorstep::testing {

// "NAME=value" words before a command. Programs under the sanitizers accept the shim.
std::vector<std::string> WithEnvironment(std::vector<std::string> variables,
                                         std::vector<std::string> command);
// The words that load the shim.
std::vector<std::string> ShimEnvironment();

class IoMoment {
 public:
  // Makes `file`.
  explicit IoMoment(std::string file);
  ~IoMoment();
  IoMoment(const IoMoment&) = delete;
  IoMoment& operator=(const IoMoment&) = delete;

  std::vector<std::string> Environment() const;
  // 0: at none.
  void DieAt(int64_t io);
  int64_t Done() const;
  // Whether a program died at the last choice.
  bool Died() const;

 private:
  std::string file_;
  IoCount* count_ = nullptr;
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_IO_MOMENT_H_
