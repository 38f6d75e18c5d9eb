// A hundred thousand records in and out as text: the memory that it takes does not grow with their
// number. The programs are run as people run them, and the kernel says what they took at most.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

constexpr int kMany = 100'000;
constexpr int kFew = 10'000;
// What any of these programs may take, in KiB. The file is 27 MB; whoever held it, or a list of
// what is in it, would need several times this.
constexpr int64_t kMaxKib = 64 * 1024;
// Of rows without an id some 50 bytes each are kept; and SQLite fills its cache.
constexpr int64_t kMaxGrowthKib = 24 * 1024;

class TransferMemoryTest : public ::testing::Test {
 protected:
  static std::string Name(int i) { return absl::StrFormat("Person %06d of the long street", i); }
  // Prose that differs from row to row: about 200 bytes.
  static std::string Words(int i) {
    std::string words;
    for (int word = 0; word < 25; ++word)
      absl::StrAppend(&words, "word", (i * 31 + word) % 997, " ");
    return words;
  }
  // Written row by row: what this program holds counts for its children, which begin as its copies.
  std::string JsonLines(int rows) {
    const std::string path = dir_.File(absl::StrCat(rows, ".jsonl"));
    std::ofstream file(path);
    for (int i = 0; i < rows; ++i) {
      file << absl::StrFormat(
          R"({"kind":"Person","id":"0190a7c2-7f30-7c1e-9d2b-%012x","file":"new","record":)"
          R"({"name":"%s","about_me":"%s"}})"
          "\n",
          i, Name(i), Words(i));
    }
    return path;
  }
  // Without ids.
  std::string Csv(int rows) {
    const std::string path = dir_.File(absl::StrCat(rows, ".csv"));
    std::ofstream file(path);
    file << "_kind,name,about_me\r\n";
    for (int i = 0; i < rows; ++i) file << "Person," << Name(i) << ",\"" << Words(i) << "\"\r\n";
    return path;
  }
  static int64_t Peak(const Device& device, const std::vector<std::string>& args) {
    const RunResult result = device.Run(args);
    EXPECT_EQ(result.exit, 0) << result;
    std::cout << args[0] << " " << args.back() << ": " << result.peak_kib << " KiB" << std::endl;
    EXPECT_LT(result.peak_kib, kMaxKib) << args[0];
    return result.peak_kib;
  }
  // In and out again. What the programs take at most.
  struct Peaks {
    int64_t in = 0, out = 0;
  };
  Peaks Round(const std::string& name, const std::string& file, int rows, bool csv) {
    const Device device(dir_.File(name), "north-team", "A Khan");
    device.Init("127.0.0.1:1");
    Peaks peaks;
    peaks.in = Peak(device, {"import", file});
    EXPECT_EQ(device.Number("records"), rows);
    std::vector<std::string> out = {"export", "--to", dir_.File("out")};
    if (csv) out.insert(out.begin() + 1, {"--kind", "Person", "--csv"});
    peaks.out = Peak(device, out);
    int lines = 0;
    bool has_last = false;
    std::ifstream exported(dir_.File("out"));
    for (std::string line; std::getline(exported, line); ++lines) {
      has_last |= absl::StrContains(line, Name(rows - 1));
    }
    EXPECT_EQ(lines, rows + (csv ? 1 : 0));
    EXPECT_TRUE(has_last);
    return peaks;
  }
  void ExpectBounded(bool csv) {
    const std::string few = csv ? Csv(kFew) : JsonLines(kFew);
    const std::string many = csv ? Csv(kMany) : JsonLines(kMany);
    const Peaks of_few = Round("few", few, kFew, csv);
    const Peaks of_many = Round("many", many, kMany, csv);
    EXPECT_LT(of_many.in - of_few.in, kMaxGrowthKib);
    EXPECT_LT(of_many.out - of_few.out, kMaxGrowthKib);
  }

  TempDir dir_;
};

TEST_F(TransferMemoryTest, JsonLines) { ExpectBounded(/*csv=*/false); }

TEST_F(TransferMemoryTest, Csv) { ExpectBounded(/*csv=*/true); }

}  // namespace
}  // namespace doorstep::testing
