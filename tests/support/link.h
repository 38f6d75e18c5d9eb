// A link between devices and a server that breaks, as a program: cut_proxy.mjs or bad_link.mjs.
//
//   Link link("cut_proxy.mjs", server.address(), {"--answer-of", "Push"});
//   device.Run({"sync", "--server", link.address()});
//   EXPECT_EQ(link.Stop()["cuts"], 1);
#ifndef TESTS_SUPPORT_LINK_H_
#define TESTS_SUPPORT_LINK_H_

#include <memory>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/support/process.h"

namespace doorstep::testing {

class Link {
 public:
  // Starts, and waits until it listens. `how`: the script's options.
  Link(const std::string& script, const std::string& server, const std::vector<std::string>& how);

  const std::string& address() const { return address_; }
  // Ends it and returns what it has counted.
  nlohmann::json Stop();

 private:
  TempDir dir_;
  std::string address_;
  std::unique_ptr<Process> process_;
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_LINK_H_
