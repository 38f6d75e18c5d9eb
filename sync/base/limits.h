// Every bound on a queue, loop, batch or string, in one place, with its unit and its reason.
//
// Some are part of the contract between programs of different releases ("wire": a smaller value
// would refuse what an older program already stored, so raise them only); the rest may be tuned.
#ifndef SYNC_BASE_LIMITS_H_
#define SYNC_BASE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace doorstep {

inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;

// --- Schema (wire) ---

// The highest number of a record kind: it travels with every record and stands in every digest.
inline constexpr uint32_t kMaxKindNumber = 65535;
// The highest number of a field: two bytes of tag, and room for a thousand years of additions.
inline constexpr uint32_t kMaxFieldNumber = 10000;

// --- Changes (wire) ---

// Changes per unit. A unit is admitted whole in one transaction, so this bounds how long the writer
// is held; imports split above it.
inline constexpr size_t kMaxUnitChanges = 1000;
// Bytes of a unit's payloads together. A unit must fit one push batch, and one push message.
inline constexpr size_t kMaxUnitPayloadBytes = 1 * kMiB;
// Bytes of one text field: some twenty dense pages. Longer matter is an attachment.
inline constexpr size_t kMaxTextFieldBytes = 64 * kKiB;
// Bytes of one element of a set: a name or a code with its note, not a document.
inline constexpr size_t kMaxSetElementBytes = 1 * kKiB;
// Live elements of one set field; keeps the worst field near 1 MiB.
inline constexpr size_t kMaxSetElements = 1024;
// Heads kept for one field. Only people who never sync with each other make heads; beyond this it
// is a fault or an attack, and further changes to the field are held for a person.
inline constexpr size_t kMaxFieldHeads = 64;

// Sentences and paragraph breaks of one text that is merged, and different texts of one field. A
// diff costs the product of two lengths: 0.2 s at this limit for texts with nothing in common, and
// who saves the record pays it. Twenty dense pages have some 700 sentences; beyond, a person
// decides. Everybody must come to the same answer, so these are of the wire.
inline constexpr size_t kMaxTextUnits = 1000;
inline constexpr size_t kMaxMergedTexts = 8;

// Heads that one change may say that its author saw elsewhere: a mark that hides a record names all
// of its heads, also those of long sets.
inline constexpr size_t kMaxSeenHeads = 4096;
// Records that are one judgement with their parent. Each save of one looks at all.
inline constexpr size_t kMaxJudgementRecords = 256;

// Other incarnations that one unit may name. An author has seen a few colleagues' devices; a
// settlement names the heads of one field.
inline constexpr size_t kMaxUnitIncarnations = 1024;
// Bytes of the reason for a settlement: a paragraph.
inline constexpr size_t kMaxSettleReasonBytes = 4 * kKiB;
// Bytes of an author's name. It stands in every head, so it must not multiply a batch.
inline constexpr size_t kMaxAuthorBytes = 256;

// --- Transfer ---

// Bytes of changes per push call, before compression. Small enough to be offered again whole
// when a mobile connection drops half-way.
inline constexpr size_t kMaxPushBatchBytes = 1 * kMiB;
// Bytes of rows per pull batch, before compression. About two seconds on a bad mobile network,
// which is the most that a cut connection costs.
inline constexpr size_t kMaxPullBatchBytes = 256 * kKiB;
// Bytes of one gRPC message, either way: a full push batch with its envelopes, with room to
// spare. Larger messages are refused before they are parsed.
inline constexpr size_t kMaxGrpcMessageBytes = 4 * kMiB;

// --- Attachments ---

// Bytes of one attachment (wire): an hour's recording, a long scan. At 32 kbit/s it takes half a
// day, and as many memory cards as photographs fill a tenant's disk.
inline constexpr uint64_t kMaxAttachmentBytes = 64 * kMiB;
// Bytes of one chunk: what a cut costs on a good link; slow ones take smaller ones.
inline constexpr size_t kMaxAttachmentChunkBytes = 256 * kKiB;
// Attachments that one call asks about.
inline constexpr size_t kMaxAskedAttachments = 500;
// Bytes that one device has begun to send and not finished, on the server.
inline constexpr uint64_t kMaxUnfinishedAttachmentBytes = 256 * kMiB;
// An unfinished attachment that got no bytes, and one that no record names, stay on the server for
// so long: a device that comes back from a month in a drawer goes on where it was.
inline constexpr int64_t kAbandonedAttachmentMs = int64_t{30} * 24 * 60 * 60 * 1000;
// Attachments that the server looks at in one step for those that nothing refers to.
inline constexpr size_t kCollectedAttachments = 200;
// Time that attachments take of a sync before it looks for new records again.
inline constexpr int64_t kAttachmentSliceMs = 30'000;
// Bytes put here for a record that was never written (the program ended in between) stay so long.
inline constexpr int64_t kUnwrittenAttachmentMs = 60 * 60 * 1000;

// --- Server ---

// Bytes of PushUnits before compression: the largest unit with its envelope and author.
inline constexpr size_t kMaxPushRawBytes = kMaxPushBatchBytes + 64 * kKiB;
// Units in one push call. The smallest unit takes some sixty bytes, so honest batches stay below.
inline constexpr size_t kMaxPushUnits = 20'000;
// Calls whose units share one transaction: enough to share the disk's wait, few enough to answer
// the first of them soon.
inline constexpr size_t kMaxGroupedPushes = 64;
// Items in one pull batch, however small.
inline constexpr size_t kMaxPullBatchItems = 4096;
// Bytes of one record's state: below what one message can carry, so that it can always be sent.
inline constexpr size_t kMaxRecordBytes = 2 * kMiB;
// Refused units, and bytes of them, that are read to find what a dependent change inherits.
inline constexpr size_t kMaxInheritedUnits = 64;
inline constexpr size_t kMaxInheritedBytes = 4 * kMiB;
// Bases that a unit's changes inherit from refused ones, all together.
inline constexpr size_t kMaxInheritedBases = 100'000;
// Changes in one page of a record's history, bytes of their values, and bytes that are read to find
// them (a change is stored with the rest of its unit).
inline constexpr size_t kMaxHistoryEntries = 200;
inline constexpr size_t kMaxHistoryPageBytes = 1 * kMiB;
inline constexpr size_t kMaxHistoryReadBytes = 16 * kMiB;
// Bytes of the name of a tenant or site: it is part of a file name.
inline constexpr size_t kMaxNameBytes = 64;
// Bytes of what a device or its program calls itself, and of what people call a site or a person.
inline constexpr size_t kMaxTitleBytes = 256;
// Reader connections of one tenant kept open between calls; each caches a few MiB.
inline constexpr size_t kMaxIdleReaders = 8;
// Devices that watch one tenant: each costs a quiet connection some 40 KB.
inline constexpr size_t kMaxWatchers = 20'000;

// --- Input from people and files ---

// Bytes of one JSON document (imports, tools). Parsed in memory at about ten times its size.
inline constexpr size_t kMaxJsonInputBytes = 64 * kMiB;
// Bytes of one record as JSON: a unit in which every character is escaped.
inline constexpr size_t kMaxRecordJsonBytes = 8 * kMiB;
// Bytes that ReadFile takes when its caller does not say: configuration, keys, certificates and
// descriptor sets are all far smaller.
inline constexpr size_t kMaxReadFileBytes = 64 * kMiB;

// --- Unlocking a replica ---

// People who open one replica: a home's whole staff, and a keyring that is read at once.
inline constexpr size_t kMaxPeople = 256;
// Bytes of the keyring's file: so many people, with room for later formats.
inline constexpr size_t kMaxKeyringBytes = 1 * kMiB;
// Bytes of a PIN or passphrase. Four digits are guessed in minutes by whoever has the secret of the
// device; six take a day.
inline constexpr size_t kMinSecretBytes = 6;
inline constexpr size_t kMaxSecretBytes = 1 * kKiB;
// What a keyring may ask of the device before a PIN is known to be wrong (Argon2id).
inline constexpr uint64_t kMaxUnlockPasses = 32;
inline constexpr uint64_t kMaxUnlockMemoryKib = 1 * kMiB;
// Failures after which a person's wrapped key goes.
inline constexpr int kMaxUnlockFailures = 10;

// --- Messages ---

// Bytes of a foreign value quoted in an error message: enough to recognise it, too few to copy a
// record into a log.
inline constexpr size_t kMaxQuotedValueBytes = 80;
// Bytes of SQL quoted in an error message: verb and table, not the whole statement.
inline constexpr size_t kMaxQuotedSqlBytes = 60;

// Records that are all equal in what identifies them, of which a replica suggests pairs: more is an
// import gone wrong, and the first pairs show it.
inline constexpr size_t kMaxDuplicatesOfOne = 32;

// Bytes of what somebody types to look for words, and words in it: more is a text that was pasted.
inline constexpr size_t kMaxSearchBytes = 1 * kKiB;
inline constexpr int kMaxSearchWords = 32;

// --- SQLite ---

// Prepared statements kept per connection. The programs' SQL is fixed text plus a few statements
// per record kind; the least recently used is finalized beyond this.
inline constexpr size_t kMaxCachedStatements = 512;
// Bytes of one SQL text. Generated DDL of the widest kind is below 64 KiB.
inline constexpr size_t kMaxSqlBytes = 1 * kMiB;
// Bytes of one value or row in a database: the largest payload with room to spare.
inline constexpr size_t kMaxSqlValueBytes = 64 * kMiB;
// Bytes of one SQL text that a person typed: a long report is a few KiB.
inline constexpr size_t kMaxTypedSqlBytes = 100 * kKiB;
// Virtual-machine steps between two looks at the budget of a query that a person typed: well
// below a millisecond.
inline constexpr int kSqlProgressSteps = 1000;
// Virtual-machine steps that a query which a person typed may take: some seconds of work, more on
// a slow tablet; ten times what a report over 100,000 records takes. Ends queries that never would.
inline constexpr int64_t kMaxTypedSqlSteps = 300'000'000;

}  // namespace doorstep

#endif  // SYNC_BASE_LIMITS_H_
