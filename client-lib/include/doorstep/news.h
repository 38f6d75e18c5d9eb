// What everybody must know, once: that somebody has died, or that it was recorded by mistake. The
// words are the schema's (doorstep/v1/due.proto).
//
// It is news on each device from the moment that its records say so (own changes too) until
// somebody has marked it as read there; nobody is told twice. What was taken back before anybody
// had read it is no news at all, and neither is what people do not agree about: that is a conflict.
//
// Threads and errors: as the Replica.
#ifndef DOORSTEP_NEWS_H_
#define DOORSTEP_NEWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace doorstep {

class Replica;

struct News {
  std::string record;
  std::string kind;
  std::string title;
  std::string words;  // what a screen says, in sentences
  bool taken_back = false;
  std::string author;  // who recorded it
  int64_t time_ms = 0;
  bool read = false;
};

// Newest first; without `all` what nobody has marked as read.
absl::StatusOr<std::vector<News>> ListNews(Replica& replica, bool all = false);
// By record; empty: all. kNotFound: there is no such news, and none was marked.
absl::Status MarkNewsRead(Replica& replica, const std::vector<std::string>& records);

}  // namespace doorstep

#endif  // DOORSTEP_NEWS_H_
