// The rules of the house that a compiler does not check: which room may include which, who may
// touch SQLite, gRPC, clocks and entropy, and how long a file may be. To move a wall, edit the
// tables below.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Lines of a file that people write. Beyond, its first sentence needs an "and": split it.
constexpr size_t kMaxLines = 600;

struct Room {
  std::string path;                  // of the files the rule is about; the first that fits counts
  std::vector<std::string> allowed;  // prefixes of project includes, besides `path` itself
};

// "doorstep/v1/" is generated from proto/; "doorstep/" is that and the client's public headers.
// No room names "doorstep/care/": a record kind comes from its .proto file alone.
const std::vector<Room>& Rooms() {
  static const auto& rooms = *new std::vector<Room>{
      {"sync/base/", {}},
      {"sync/sqlite/", {"sync/base/"}},
      {"sync/blobs/", {"sync/sqlite/", "sync/base/"}},
      {"sync/http/", {"sync/base/"}},
      {"sync/identity/", {"sync/base/"}},
      {"sync/schema/", {"sync/base/", "doorstep/v1/"}},
      {"sync/change/", {"sync/schema/", "sync/base/", "doorstep/v1/"}},
      {"sync/merge/", {"sync/change/", "sync/schema/", "sync/base/", "doorstep/v1/"}},
      {"sync/cases/",
       {"sync/merge/", "sync/change/", "sync/schema/", "sync/base/", "doorstep/v1/"}},
      {"sync/tables/",
       {"sync/sqlite/", "sync/merge/", "sync/change/", "sync/schema/", "sync/base/",
        "doorstep/v1/"}},
      {"server/", {"sync/", "doorstep/v1/"}},
      {"client-lib/include/", {"doorstep/", "sync/base/"}},
      {"client-lib/", {"sync/", "doorstep/"}},
      {"tools/doorstep/", {"doorstep/", "sync/http/"}},
      {"tools/field/", {"doorstep/", "sync/http/"}},
      {"tests/", {"sync/", "server/", "client-lib/", "tools/", "doorstep/"}},
  };
  return rooms;
}

// What only some files may name, as an include or in code.
struct Restriction {
  std::vector<std::string> names;
  std::vector<std::string> where;   // path prefixes the rule is about; empty: everywhere
  std::vector<std::string> except;  // path prefixes that may
  std::string reason;
};

const std::vector<Restriction>& ForbiddenIncludes() {
  static const auto& rules = *new std::vector<Restriction>{
      {{"sqlite3.h", "sqlite3ext.h"}, {}, {"sync/sqlite/", "tests/"}, "belongs to sync/sqlite"},
      {{"grpc/", "grpcpp/", "grpc++/"},
       {},
       {"server/grpc_", "client-lib/grpc_", "tests/"},
       "gRPC belongs to the shells"},
      {{"openssl/"},
       {},
       {"sync/identity/", "server/identity/", "tests/"},
       "OpenSSL belongs to the identity rooms"},
      {{"grpc", "sqlite3.h", "google/"},
       {"client-lib/include/"},
       {},
       "what applications include shows neither gRPC, SQLite nor the inside of protobuf"},
      {{"doorstep/care/"},
       {"client-lib/", "tools/"},
       {"client-lib/example/"},
       "a record kind comes from its .proto file alone"},
      {{"mutex", "shared_mutex", "condition_variable", "thread", "future", "atomic", "chrono",
        "ctime", "time.h", "iostream", "fstream", "absl/synchronization/", "absl/time/",
        "absl/log/", "spdlog/", "sync/base/mutex.h", "sync/base/entropy.h", "sync/base/file.h"},
       {"sync/merge/", "sync/cases/"},
       {},
       "sync/merge and sync/cases have no lock, SQL, log or time"},
      {{"google/", "grpc", "sodium", "zstd", "openssl/", "spdlog/", "nlohmann/", "CLI/"},
       {"sync/base/"},
       {},
       "sync/base stands on Abseil only"},
  };
  return rules;
}

const std::vector<Restriction>& ForbiddenNames() {
  static const auto& rules = *new std::vector<Restriction>{
      {{"system_clock", "steady_clock", "high_resolution_clock", "absl::Now(",
        "GetCurrentTimeNanos", "clock_gettime(", "gettimeofday(", "time(nullptr)", "time(NULL)"},
       {},
       {"sync/base/", "tests/"},
       "only sync/base reads a clock"},
      {{"random_device", "getrandom(", "getentropy(", "arc4random", "randombytes", "RAND_bytes(",
        "absl::BitGen", "absl::InsecureBitGen", "srand("},
       {},
       {"sync/base/", "tests/"},
       "only sync/base makes entropy"},
      // A reading is a value and welcome; a clock is not.
      {{"Mutex", "Clock*", "Clock&", "SystemClock("},
       {"sync/merge/", "sync/cases/"},
       {},
       "sync/merge and sync/cases have no lock, SQL, log or time"},
  };
  return rules;
}

bool StartsWithAny(absl::string_view text, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [text](const std::string& prefix) { return absl::StartsWith(text, prefix); });
}

bool AppliesTo(const Restriction& rule, absl::string_view path) {
  return (rule.where.empty() || StartsWithAny(path, rule.where)) &&
         !StartsWithAny(path, rule.except);
}

// "mutex" names one header; "absl/time/" and "grpc" (with a slash or as a beginning) name many.
bool Names(absl::string_view rule, absl::string_view include) {
  return absl::EndsWith(rule, "/") || rule == "grpc" || rule == "sodium" || rule == "zstd"
             ? absl::StartsWith(include, rule)
             : include == rule;
}

// The code with comments and, if wanted, the insides of literals blanked; lines stay lines.
// Enough for our own sources: raw strings count as code.
std::string Strip(absl::string_view code, bool literals) {
  std::string out(code);
  enum { kCode, kLine, kBlock, kQuote } state = kCode;
  char quote = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const char c = out[i];
    const char next = i + 1 < out.size() ? out[i + 1] : '\0';
    if (state == kCode) {
      const bool separator = i > 0 && c == '\'' && absl::ascii_isxdigit(out[i - 1]);  // 1'000
      if (c == '/' && next == '/') state = kLine;
      if (c == '/' && next == '*') state = kBlock;
      if ((c == '"' || c == '\'') && !separator) {
        state = kQuote;
        quote = c;
        continue;
      }
      if (state == kCode) continue;
    }
    if (state == kQuote) {
      if (c == '\\') {
        if (literals) out[i] = ' ';
        ++i;
      } else if (c == quote || c == '\n') {
        state = kCode;
      } else if (literals) {
        out[i] = ' ';
      }
      continue;
    }
    if (c == '\n' && state == kLine) state = kCode;
    if (state == kBlock && c == '*' && next == '/') {
      out[i] = out[i + 1] = ' ';
      ++i;
      state = kCode;
    }
    if (state != kCode && c != '\n') out[i] = ' ';
  }
  return out;
}

// Whether `name` stands in `line` as a word, so that "Mutex" is not found in "kMutexFree".
bool HasWord(absl::string_view line, absl::string_view name) {
  for (size_t at = line.find(name); at != absl::string_view::npos; at = line.find(name, at + 1)) {
    const char before = at == 0 ? ' ' : line[at - 1];
    if (!absl::ascii_isalnum(before) && before != '_') return true;
  }
  return false;
}

std::vector<std::string> CheckInclude(absl::string_view path, absl::string_view include,
                                      bool quoted) {
  std::vector<std::string> wrong;
  for (const Restriction& rule : ForbiddenIncludes()) {
    if (!AppliesTo(rule, path)) continue;
    for (const std::string& name : rule.names) {
      if (Names(name, include)) wrong.push_back(absl::StrCat(include, ": ", rule.reason));
    }
  }
  if (absl::EndsWith(include, ".grpc.pb.h") &&
      !StartsWithAny(path, {"server/grpc_", "client-lib/grpc_", "tests/"})) {
    wrong.push_back(absl::StrCat(include, ": gRPC belongs to the shells"));
  }
  const std::vector<std::string> ours = {"sync/",  "server/", "client-lib/", "tools/",
                                         "tests/", "proto/",  "doorstep/"};
  if (StartsWithAny(include, ours)) {
    const auto room = std::find_if(Rooms().begin(), Rooms().end(), [path](const Room& r) {
      return absl::StartsWith(path, r.path);
    });
    if (room == Rooms().end()) {
      wrong.push_back(absl::StrCat(include, ": this file is in no room that has a rule"));
    } else if (!absl::StartsWith(include, room->path) && !StartsWithAny(include, room->allowed)) {
      wrong.push_back(absl::StrCat(include, ": got an include outside the layers, want one of ",
                                   room->path, " ", absl::StrJoin(room->allowed, " ")));
    }
  } else if (quoted && !absl::StrContains(include, '/') && include != "sqlite3.h" &&
             include != "doorstep.h") {
    wrong.push_back(absl::StrCat(include, ": want the path from the repository root"));
  } else if (absl::StartsWith(include, ".")) {
    wrong.push_back(absl::StrCat(include, ": want the path from the repository root"));
  }
  return wrong;
}

// What is wrong with one C++ file, as "path:line: what".
std::vector<std::string> Check(absl::string_view path, absl::string_view code) {
  std::vector<std::string> wrong;
  const std::string with_literals = Strip(code, false);
  const std::string bare_text = Strip(code, true);
  const std::vector<absl::string_view> lines = absl::StrSplit(with_literals, '\n');
  const std::vector<absl::string_view> bare = absl::StrSplit(bare_text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string at = absl::StrCat(path, ":", i + 1, ": ");
    absl::string_view line = absl::StripAsciiWhitespace(lines[i]);
    if (absl::ConsumePrefix(&line, "#")) {
      line = absl::StripLeadingAsciiWhitespace(line);
      if (!absl::ConsumePrefix(&line, "include")) continue;
      line = absl::StripLeadingAsciiWhitespace(line);
      if (line.size() < 2) continue;
      const bool quoted = line[0] == '"';
      const absl::string_view include = line.substr(1, line.find_first_of("\">", 1) - 1);
      for (const std::string& what : CheckInclude(path, include, quoted)) {
        wrong.push_back(at + what);
      }
      continue;
    }
    for (const Restriction& rule : ForbiddenNames()) {
      if (!AppliesTo(rule, path)) continue;
      for (const std::string& name : rule.names) {
        if (HasWord(bare[i], name)) wrong.push_back(absl::StrCat(at, name, ": ", rule.reason));
      }
    }
  }
  return wrong;
}

std::vector<std::string> CheckLength(absl::string_view path, absl::string_view text) {
  const size_t lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  if (lines <= kMaxLines) return {};
  return {absl::StrCat(path, ": got ", lines, " lines, want at most ", kMaxLines)};
}

struct SourceFile {
  std::string path;  // from the repository root
  std::string text;
};

std::vector<SourceFile> SourceFiles() {
  namespace fs = std::filesystem;
  const fs::path root = DOORSTEP_SOURCE_ROOT;
  std::vector<SourceFile> files;
  for (const char* top : {"client-lib", "proto", "server", "sync", "tests", "tools"}) {
    if (!fs::exists(root / top)) continue;
    for (auto it = fs::recursive_directory_iterator(root / top);
         it != fs::recursive_directory_iterator(); ++it) {
      const std::string name = it->path().filename().string();
      if (it->is_directory() &&
          (name == "node_modules" || name == "dist" || absl::StartsWith(name, "."))) {
        it.disable_recursion_pending();
      }
      const std::string extension = it->path().extension().string();
      const std::vector<std::string> known = {".cc", ".h",  ".proto", ".sql",
                                              ".js", ".ts", ".mjs",   ".cmake"};
      if (!it->is_regular_file() ||
          std::find(known.begin(), known.end(), extension) == known.end()) {
        continue;
      }
      std::ifstream in(it->path(), std::ios::binary);
      files.push_back({it->path().lexically_relative(root).generic_string(),
                       {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}});
    }
  }
  return files;
}

bool IsCpp(absl::string_view path) {
  return absl::EndsWith(path, ".cc") || absl::EndsWith(path, ".h");
}

TEST(Layering, TheSourceTreeKeepsTheRules) {
  const std::vector<SourceFile> files = SourceFiles();
  ASSERT_FALSE(files.empty()) << "nothing found in " << DOORSTEP_SOURCE_ROOT;
  std::vector<std::string> wrong;
  for (const SourceFile& file : files) {
    if (!IsCpp(file.path)) continue;
    for (std::string& what : Check(file.path, file.text)) wrong.push_back(std::move(what));
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

TEST(Layering, NoFileIsTooLong) {
  std::vector<std::string> wrong;
  for (const SourceFile& file : SourceFiles()) {
    for (std::string& what : CheckLength(file.path, file.text)) wrong.push_back(std::move(what));
  }
  EXPECT_THAT(wrong, IsEmpty()) << absl::StrJoin(wrong, "\n");
}

struct Sample {
  const char* path;
  const char* code;
};

class WrongCode : public ::testing::TestWithParam<Sample> {};

TEST_P(WrongCode, IsFound) {
  const Sample& sample = GetParam();
  EXPECT_THAT(Check(sample.path, sample.code), ElementsAre(HasSubstr(":1: "))) << sample.code;
}

INSTANTIATE_TEST_SUITE_P(
    Planted, WrongCode,
    ::testing::Values(Sample{"sync/base/a.cc", "#include \"sync/schema/a.h\""},
                      Sample{"sync/base/a.cc", "#include <sodium.h>"},
                      Sample{"sync/base/a.cc", "#include \"google/protobuf/message.h\""},
                      Sample{"sync/sqlite/a.cc", "#include \"sync/schema/a.h\""},
                      Sample{"sync/schema/a.cc", "#include \"sync/change/a.h\""},
                      Sample{"sync/schema/a.cc", "#include \"doorstep/care/v1/people.pb.h\""},
                      Sample{"sync/change/a.cc", "#include \"sync/merge/a.h\""},
                      Sample{"sync/merge/a.cc", "#include \"sync/tables/a.h\""},
                      Sample{"sync/merge/a.cc", "#include \"sync/sqlite/a.h\""},
                      Sample{"sync/merge/a.cc", "#include <mutex>"},
                      Sample{"sync/merge/a.cc", "#include <chrono>"},
                      Sample{"sync/merge/a.cc", "#include <spdlog/spdlog.h>"},
                      Sample{"sync/merge/a.cc", "#  include \"absl/time/time.h\""},
                      Sample{"sync/merge/a.cc", "void Plan(Clock* clock);"},
                      Sample{"sync/merge/a.cc", "MutexLock lock(mu);"},
                      Sample{"sync/tables/a.cc", "#include \"sqlite3.h\""},
                      Sample{"server/a.cc", "#include \"client-lib/a.h\""},
                      Sample{"server/a.cc", "#include \"doorstep/replica.h\""},
                      Sample{"server/a.cc", "#include <sqlite3.h>"},
                      Sample{"server/a.cc", "#include <openssl/x509.h>"},
                      Sample{"server/ingest.cc", "#include <grpcpp/grpcpp.h>"},
                      Sample{"server/ingest.h", "#include \"doorstep/v1/sync.grpc.pb.h\""},
                      Sample{"client-lib/a.cc", "#include \"server/a.h\""},
                      Sample{"client-lib/session.cc", "#include \"grpcpp/channel.h\""},
                      Sample{"client-lib/a.cc", "#include \"doorstep/care/v1/people.pb.h\""},
                      Sample{"client-lib/include/doorstep/a.h", "#include \"client-lib/a.h\""},
                      Sample{"client-lib/include/doorstep/a.h",
                             "#include \"google/protobuf/message.h\""},
                      Sample{"tools/doorstep/a.cc", "#include \"client-lib/a.h\""},
                      Sample{"tools/doorstep/a.cc", "#include \"sync/base/a.h\""},
                      Sample{"tools/doorstep/a.cc", "#include \"server/a.h\""},
                      Sample{"tools/other/a.cc", "#include \"doorstep/replica.h\""},
                      Sample{"server/a.cc", "#include \"a.h\""},
                      Sample{"server/a.cc", "#include \"../sync/base/a.h\""},
                      Sample{"server/a.cc", "auto now = std::chrono::steady_clock::now();"},
                      Sample{"client-lib/a.cc", "using std::chrono::system_clock;"},
                      Sample{"sync/change/a.cc", "absl::Time t = absl::Now();"},
                      Sample{"tools/doorstep/a.cc", "const time_t t = time(nullptr);"},
                      Sample{"sync/merge/a.cc", "std::random_device device;"},
                      Sample{"server/a.cc", "if (getrandom(p, n, 0) < 0) {}"}));

class RightCode : public ::testing::TestWithParam<Sample> {};

TEST_P(RightCode, IsLeftAlone) { EXPECT_THAT(Check(GetParam().path, GetParam().code), IsEmpty()); }

INSTANTIATE_TEST_SUITE_P(
    Planted, RightCode,
    ::testing::Values(
        Sample{"sync/base/a.cc", "#include \"absl/strings/str_cat.h\""},
        Sample{"sync/base/clock.cc", "return std::chrono::system_clock::now();"},
        Sample{"sync/sqlite/a.cc", "#include \"sqlite3.h\""},
        Sample{"sync/merge/a.cc", "#include \"sync/merge/b.h\"\n#include \"sync/change/a.h\""},
        Sample{"sync/merge/a.cc", "#include \"sync/base/clock.h\"\nint A(const ClockReading& r);"},
        Sample{"sync/merge/a.cc", "// #include <mutex>\n/* absl::Now() \n Mutex */ int x = 1'000;"},
        Sample{"sync/merge/a.cc", "const char* text = \"no \\\" Mutex, no getrandom(\";"},
        Sample{"server/grpc_shell.cc", "#include \"doorstep/v1/sync.grpc.pb.h\""},
        Sample{"server/grpc_shell.h", "#include <grpcpp/grpcpp.h>"},
        Sample{"client-lib/grpc_transport.cc", "#include <grpcpp/grpcpp.h>"},
        Sample{"server/identity/a.cc", "#include <openssl/x509.h>"},
        Sample{"client-lib/a.cc", "#include \"doorstep/replica.h\"\n#include \"sync/tables/a.h\""},
        Sample{"tools/doorstep/a.cc", "#include \"doorstep/replica.h\"\n#include <CLI/CLI.hpp>"},
        Sample{"tests/sim/a.cc", "#include \"server/a.h\"\n#include \"client-lib/a.h\""}));

TEST(Layering, ALongFileIsFound) {
  EXPECT_THAT(CheckLength("sync/a.cc", std::string(kMaxLines, '\n')), IsEmpty());
  EXPECT_THAT(CheckLength("sync/a.cc", std::string(kMaxLines + 1, '\n')),
              ElementsAre(HasSubstr("got 601 lines, want at most 600")));
}

}  // namespace
}  // namespace doorstep
