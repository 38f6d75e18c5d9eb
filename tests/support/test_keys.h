// Where tests keep the secrets of the devices that they make, and the key of their servers'
// databases: never where the person who runs them has theirs.
#ifndef TESTS_SUPPORT_TEST_KEYS_H_
#define TESTS_SUPPORT_TEST_KEYS_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace doorstep::testing {

// Of servers that are started as programs.
inline std::string ServerKey() { return std::string(32, 'K'); }

// Once for each test program, before anything is made; the programs that it starts inherit it.
inline void UseTestKeys() {
  struct Keys {
    Keys() {
      std::string pattern =
          (std::filesystem::temp_directory_path() / "doorstep-keys-XXXXXX").string();
      path = mkdtemp(pattern.data());
      const std::string server = path + "/server.key";
      std::ofstream(server) << ServerKey();
      std::filesystem::permissions(server, std::filesystem::perms::owner_read);
      setenv("DOORSTEP_KEYS", (path + "/device").c_str(), 1);
      setenv("DOORSTEP_KEY_FILE", server.c_str(), 1);
    }
    ~Keys() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::string path;
  };
  static const Keys keys;
}

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_TEST_KEYS_H_
