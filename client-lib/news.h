// What this device's people have been told of what closes; see doorstep/news.h.
#ifndef CLIENT_LIB_NEWS_H_
#define CLIENT_LIB_NEWS_H_

#include <string>

#include "absl/status/status.h"
#include "client-lib/store.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

// The words of the schema, filled in, of a record whose closing field is `field`.
std::string ClosingSentence(const Schema& schema, const RecordState& record, const FieldSpec& field,
                            bool taken_back);

// The record is no longer held: nothing here tells that it ever was.
absl::Status ForgetTold(Store& store, const Uuid& record);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_NEWS_H_
