// Every input of the corpora, every honest seed, and simple mutations of them, through the fuzz
// targets: what a fuzzer found once is never let in again, and every tree fuzzes a little.
//
// A crash names its input on the last line before it ("mutation of ..." with its number: the seed
// is printed, DOORSTEP_SEED=N repeats it). DOORSTEP_MUTATIONS=N: so many of each input.
// DOORSTEP_WRITE_SEEDS=1 writes the seeds into the corpora.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "sync/base/entropy.h"
#include "tests/fuzz/target.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"

namespace doorstep::fuzz {
namespace {

constexpr uint64_t kMutations = 20;
constexpr size_t kMaxCorpusBytes = 64 * 1024;

std::string CorpusOf(const std::string& target) {
  return absl::StrCat(DOORSTEP_SOURCE_ROOT "/tests/fuzz/corpus/", target);
}

std::map<std::string, std::string> InputsOf(const std::string& target) {
  std::map<std::string, std::string> inputs;
  std::error_code none;
  for (const auto& file : std::filesystem::directory_iterator(CorpusOf(target), none)) {
    inputs[file.path().filename().string()] = testing::ReadAll(file.path().string());
  }
  int number = 0;
  for (std::string& seed : Seeds(target)) {
    inputs[absl::StrCat("seed-", ++number)] = std::move(seed);
  }
  return inputs;
}

// A few bytes changed, left out, repeated, or taken from elsewhere.
std::string Mutate(std::string bytes, SeededEntropy& random) {
  for (uint64_t n = 1 + random.Below(4); n > 0 && !bytes.empty(); --n) {
    const size_t at = random.Below(bytes.size());
    const size_t length = std::min<size_t>(1 + random.Below(8), bytes.size() - at);
    switch (random.Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(random.Below(256));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.Below(8)));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(random.Below(bytes.size()), bytes.substr(at, length));
        break;
      default:
        bytes.replace(at, length, bytes.substr(random.Below(bytes.size()), length));
    }
  }
  return bytes;
}

class Corpus : public ::testing::TestWithParam<Target> {};

TEST_P(Corpus, DoesNoHarm) {
  google::protobuf::LogHandler* const before = google::protobuf::SetLogHandler(nullptr);
  const std::string name = GetParam().name;
  SeededEntropy random(testing::SeedForTest());
  const uint64_t mutations = testing::FromEnvironment("DOORSTEP_MUTATIONS", kMutations);
  const auto inputs = InputsOf(name);
  EXPECT_FALSE(inputs.empty());
  for (const auto& [file, bytes] : inputs) {
    std::cout << name << ": " << file << ", " << bytes.size() << " bytes" << std::endl;
    GetParam().run(bytes);
  }
  for (const auto& [file, bytes] : inputs) {
    std::cout << name << ": mutations of " << file << std::endl;
    for (uint64_t i = 0; i < mutations; ++i) GetParam().run(Mutate(bytes, random));
  }
  google::protobuf::SetLogHandler(before);
}

INSTANTIATE_TEST_SUITE_P(Targets, Corpus, ::testing::ValuesIn(Targets()),
                         [](const auto& target) { return std::string(target.param.name); });

TEST(Corpora, AreSmall) {
  if (std::getenv("DOORSTEP_WRITE_SEEDS") != nullptr) {
    for (const Target& target : Targets()) {
      std::filesystem::create_directories(CorpusOf(target.name));
      int number = 0;
      for (const std::string& seed : Seeds(target.name)) {
        testing::WriteAll(absl::StrCat(CorpusOf(target.name), "/seed-", ++number), seed);
      }
    }
  }
  for (const Target& target : Targets()) {
    size_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(CorpusOf(target.name))) {
      bytes += file.file_size();
    }
    EXPECT_LE(bytes, kMaxCorpusBytes) << target.name;
  }
}

}  // namespace
}  // namespace doorstep::fuzz
