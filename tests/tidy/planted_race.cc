// A race that the thread sanitizer must report; if it does not, its silence elsewhere is worth
// nothing.
#include <cstdio>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"

int main() {
  std::string text = "a";
  int number = 0;
  std::thread other([&] {
    number = 1;
    text = absl::StrCat(text, "b");
  });
  number = 2;
  other.join();
  std::printf("%s %d\n", text.c_str(), number);
  return 0;
}
