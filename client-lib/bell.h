// How observers learn of a commit once it can be seen. The system tells of writes to the log, but
// those come before the commit (which happens in shared memory, of which it tells nothing).
#ifndef CLIENT_LIB_BELL_H_
#define CLIENT_LIB_BELL_H_

#include <string>

namespace doorstep::client {

// The file whose reading (IN_ACCESS) rings. It holds one byte.
std::string BellPath(const std::string& directory);

// Rings after commits. Makes the file if needed; where that fails, it tries again at the next ring.
class Bell {
 public:
  // Empty: never rings (replicas in a test's file system).
  explicit Bell(std::string directory);
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void Ring();

 private:
  void Open();

  const std::string directory_;
  int fd_ = -1;
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_BELL_H_
