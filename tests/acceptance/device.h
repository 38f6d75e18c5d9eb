// A replica as its user has it: a directory and the command line.
#ifndef TESTS_ACCEPTANCE_DEVICE_H_
#define TESTS_ACCEPTANCE_DEVICE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tests/support/process.h"

namespace doorstep::testing {

class Device {
 public:
  // Nothing is made yet. With a `clock` ("2019-01-01 08:00:00") every command believes that it
  // begins at that time.
  Device(std::string directory, std::string site, std::string user, std::string clock = "")
      : directory_(std::move(directory)),
        site_(std::move(site)),
        user_(std::move(user)),
        clock_(std::move(clock)) {}

  const std::string& directory() const { return directory_; }
  const std::string& user() const { return user_; }

  RunResult Run(std::vector<std::string> args, absl::string_view in = "") const;
  // All its clocks go on by so much from now on, as when it has lain in a drawer.
  void Later(int64_t ms) { later_ms_ = ms; }
  // These fail the test unless the exit code is 0.
  void Init(const std::string& server, const std::string& tenant = "default") const;
  // Standard output without white space at the ends.
  std::string Out(std::vector<std::string> args, absl::string_view in = "") const;
  nlohmann::json Json(std::vector<std::string> args, absl::string_view in = "") const;
  // Returns the id.
  std::string Add(const std::string& kind, const nlohmann::json& record,
                  std::vector<std::string> args = {}) const;
  void Edit(const std::string& id, const nlohmann::json& fields) const;
  nlohmann::json Sync(const std::string& server) const;
  nlohmann::json Record(const std::string& id) const;  // of get --json
  nlohmann::json Conflicts() const;                    // the list
  int64_t Number(const std::string& key) const;        // of status --json

  // What the replica holds, for comparison: id → `get --json` of every record.
  std::map<std::string, nlohmann::json> Dump() const;
  // Compartment → [digest, records], computed anew and found equal to the stored ones.
  std::map<std::string, nlohmann::json> Digests() const;

 private:
  std::string directory_;
  std::string site_;
  std::string user_;
  std::string clock_;
  int64_t later_ms_ = 0;
};

// The part of both maps that has keys in common is equal; returns how many there are.
int ExpectSameWhereShared(const std::map<std::string, nlohmann::json>& a,
                          const std::map<std::string, nlohmann::json>& b);

}  // namespace doorstep::testing

#endif  // TESTS_ACCEPTANCE_DEVICE_H_
