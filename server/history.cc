#include "server/history.h"

#include <sodium.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/chain.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/varint.h"

namespace doorstep::server {
namespace {

constexpr char kVersion = 0x01;
constexpr char kRaw = 0x01;
constexpr char kZstd = 0x02;
constexpr int kZstdLevel = 3;
constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
// Below this nothing is gained.
constexpr size_t kMinCompressBytes = 128;
constexpr size_t kMaxFaults = 100;
constexpr size_t kVerifyChunk = 256;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string* text) { return reinterpret_cast<unsigned char*>(text->data()); }

std::string RandomBytes(Entropy& entropy, size_t size) {
  std::string bytes(size, '\0');
  entropy.Fill(absl::MakeSpan(Bytes(&bytes), size));
  return bytes;
}

std::string Chain(absl::string_view previous, absl::string_view header,
                  absl::string_view body_hash) {
  return ChainHash(absl::StrCat(previous, ChainHash(header), body_hash));
}

std::string Plaintext(absl::string_view payload) {
  if (payload.size() >= kMinCompressBytes) {
    std::string out(1 + ZSTD_compressBound(payload.size()), '\0');
    const size_t size =
        ZSTD_compress(out.data() + 1, out.size() - 1, payload.data(), payload.size(), kZstdLevel);
    if (!ZSTD_isError(size) && size < payload.size()) {
      out[0] = kZstd;
      out.resize(1 + size);
      return out;
    }
  }
  return absl::StrCat(absl::string_view(&kRaw, 1), payload);
}

absl::StatusOr<std::string> Payload(absl::string_view plaintext) {
  if (plaintext.empty()) return absl::DataLossError("an empty plaintext");
  const absl::string_view rest = plaintext.substr(1);
  if (plaintext[0] == kRaw) return std::string(rest);
  if (plaintext[0] != kZstd) return absl::DataLossError("a plaintext of no known form");
  const unsigned long long size = ZSTD_getFrameContentSize(rest.data(), rest.size());
  if (size > kMaxPushRawBytes) return absl::DataLossError("a payload over the limit");
  std::string payload(static_cast<size_t>(size), '\0');
  const size_t got = ZSTD_decompress(payload.data(), payload.size(), rest.data(), rest.size());
  if (ZSTD_isError(got) || got != payload.size()) return absl::DataLossError("no zstd frame");
  return payload;
}

bool ReadWords(ByteReader* reader, std::vector<Word>* out) {
  absl::string_view bytes;
  if (!reader->ReadBytes(&bytes)) return false;
  for (const char byte : bytes) out->push_back(static_cast<Word>(byte));
  return true;
}

bool ReadTimes(ByteReader* reader, std::vector<int64_t>* out) {
  uint64_t count = 0;
  if (!reader->ReadVarint(&count) || count > kMaxUnitChanges) return false;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t time = 0;
    if (!reader->ReadSigned(&time)) return false;
    out->push_back(time);
  }
  return true;
}

bool ReadHeader(ByteReader* reader, HistoryHeader* header) {
  UnitRow& unit = header->unit;
  absl::string_view version;
  uint64_t changes = 0;
  if (!reader->ReadRaw(1, &version) || version[0] != kVersion) return false;
  if (!reader->ReadVarint(&unit.sequence) || !reader->ReadVarint(&header->previous)) return false;
  if (!ReadUuid(reader, &unit.device) || !ReadUuid(reader, &unit.incarnation)) return false;
  if (!reader->ReadVarint(&unit.counter) || !reader->ReadVarint(&changes)) return false;
  if (!ReadText(reader, &unit.author) || !ReadText(reader, &unit.schema_hash)) return false;
  if (!reader->ReadVarint(&unit.epoch) || !reader->ReadVarint(&unit.checkpoint)) return false;
  if (!ReadText(reader, &unit.hash) || !ReadWords(reader, &unit.words)) return false;
  if (!ReadText(reader, &unit.reason) || !ReadText(reader, &unit.what_to_do)) return false;
  if (!ReadTimes(reader, &unit.times_ms)) return false;
  if (!reader->ReadSigned(&unit.uncertainty_ms) || !reader->ReadSigned(&unit.received_ms)) {
    return false;
  }
  if (!ReadUuid(reader, &header->key_file) || changes > UINT32_MAX) return false;
  unit.changes = static_cast<uint32_t>(changes);
  return reader->empty();
}

template <typename T>
bool Alike(const std::vector<T>& values) {
  for (const T& value : values) {
    if (value != values.front()) return false;
  }
  return true;
}

}  // namespace

std::string EncodeHeader(const HistoryHeader& header) {
  const UnitRow& unit = header.unit;
  std::string out(1, kVersion);
  PutVarint(unit.sequence, &out);
  PutVarint(header.previous, &out);
  absl::StrAppend(&out, unit.device.AsBytes(), unit.incarnation.AsBytes());
  PutVarint(unit.counter, &out);
  PutVarint(unit.changes, &out);
  PutBytes(unit.author, &out);
  PutBytes(unit.schema_hash, &out);
  PutVarint(unit.epoch, &out);
  PutVarint(unit.checkpoint, &out);
  PutBytes(unit.hash, &out);
  std::string words;
  for (const Word word : unit.words) words.push_back(static_cast<char>(word));
  if (Alike(unit.words)) words.resize(std::min<size_t>(words.size(), 1));
  PutBytes(words, &out);
  PutBytes(unit.reason, &out);
  PutBytes(unit.what_to_do, &out);
  const size_t times =
      Alike(unit.times_ms) ? std::min<size_t>(unit.times_ms.size(), 1) : unit.times_ms.size();
  PutVarint(times, &out);
  for (size_t i = 0; i < times; ++i) PutSigned(unit.times_ms[i], &out);
  PutSigned(unit.uncertainty_ms, &out);
  PutSigned(unit.received_ms, &out);
  absl::StrAppend(&out, header.key_file.AsBytes());
  return out;
}

absl::StatusOr<HistoryHeader> ParseHeader(absl::string_view bytes) {
  HistoryHeader header;
  ByteReader reader(bytes);
  if (!ReadHeader(&reader, &header)) return absl::DataLossError("history header: not readable");
  return header;
}

std::string NewFileKey(Entropy& entropy) { return RandomBytes(entropy, kKeyBytes); }

absl::StatusOr<HistoryRow> SealEntry(HistoryHeader header, absl::string_view payload,
                                     absl::string_view key, const HistoryRow& end,
                                     Entropy& entropy) {
  if (key.size() != kKeyBytes) return absl::DataLossError("history key: not of 32 bytes");
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  header.previous = end.sequence;
  HistoryRow row;
  row.sequence = header.unit.sequence;
  row.key_file = header.key_file;
  row.header = EncodeHeader(header);
  row.nonce = RandomBytes(entropy, kNonceBytes);
  const std::string plaintext = Plaintext(payload);
  std::string ciphertext(plaintext.size() + kTagBytes, '\0');
  unsigned long long size = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(Bytes(&ciphertext), &size, Bytes(plaintext),
                                             plaintext.size(), Bytes(row.header), row.header.size(),
                                             nullptr, Bytes(row.nonce), Bytes(key));
  ciphertext.resize(static_cast<size_t>(size));
  row.body_hash = ChainHash(absl::StrCat(row.nonce, ciphertext));
  row.body = std::move(ciphertext);
  row.chain = Chain(end.chain, row.header, row.body_hash);
  return row;
}

absl::StatusOr<std::string> OpenEntry(const HistoryRow& row, ReadView& view) {
  if (!row.body) return absl::NotFoundError(absl::StrCat("entry ", row.sequence, ": erased"));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> key, view.FileKey(row.key_file));
  if (!key) return absl::NotFoundError(absl::StrCat("entry ", row.sequence, ": key destroyed"));
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  const auto altered = absl::DataLossError(absl::StrCat("entry ", row.sequence, ": altered"));
  if (key->size() != kKeyBytes || row.nonce.size() != kNonceBytes || row.body->size() < kTagBytes) {
    return altered;
  }
  std::string plaintext(row.body->size() - kTagBytes, '\0');
  unsigned long long size = 0;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          Bytes(&plaintext), &size, nullptr, Bytes(*row.body), row.body->size(), Bytes(row.header),
          row.header.size(), Bytes(row.nonce), Bytes(*key)) != 0) {
    return altered;
  }
  plaintext.resize(static_cast<size_t>(size));
  absl::StatusOr<std::string> payload = Payload(plaintext);
  if (!payload.ok()) return Annotate(payload.status(), absl::StrCat("entry ", row.sequence));
  return payload;
}

absl::StatusOr<std::optional<std::string>> ReadPayload(uint64_t sequence, ReadView& view) {
  std::optional<std::string> payload;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> entry, view.History(sequence));
  if (!entry) return payload;
  absl::StatusOr<std::string> opened = OpenEntry(*entry, view);
  if (absl::IsNotFound(opened.status())) return payload;
  DOORSTEP_RETURN_IF_ERROR(opened.status());
  payload = *std::move(opened);
  return payload;
}

absl::StatusOr<std::optional<Unit>> ReadUnit(const Schema& schema, const UnitRow& row,
                                             ReadView& view, size_t* bytes) {
  std::optional<Unit> none;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> payload,
                            ReadPayload(row.sequence, view));
  if (!payload) return none;
  *bytes += payload->size();
  absl::StatusOr<Unit> unit =
      ParseUnit(schema, row.incarnation, row.counter, row.changes, *payload);
  if (!unit.ok()) return none;
  return std::optional<Unit>(*std::move(unit));
}

absl::Status AppendHistory(const UnitRow& unit, const Uuid& file, absl::string_view payload,
                           WriteTransaction& transaction, Entropy& entropy) {
  HistoryHeader header;
  header.unit = unit;
  header.key_file = file;
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<std::string> key, transaction.FileKey(file));
  if (!key) {
    header.key_file = Uuid();
    DOORSTEP_ASSIGN_OR_RETURN(key, transaction.FileKey(header.key_file));
    if (!key) return absl::DataLossError("the tenant's own key is missing");
  }
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryRow end, transaction.HistoryEnd());
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryRow row,
                            SealEntry(std::move(header), payload, *key, end, entropy));
  return transaction.AddHistory(row);
}

namespace {

// What is wrong with one entry that follows `previous`; empty when nothing is.
std::string FaultOf(const HistoryRow& row, const HistoryRow& previous) {
  absl::StatusOr<HistoryHeader> header = ParseHeader(row.header);
  if (!header.ok()) return "its header is not readable";
  if (header->unit.sequence != row.sequence || header->key_file != row.key_file) {
    return "it is not in its own place";
  }
  if (header->previous != previous.sequence) {
    return absl::StrCat("it follows entry ", header->previous, ", and the one before it is ",
                        previous.sequence, ": entries were removed, added or moved");
  }
  if (row.body && ChainHash(absl::StrCat(row.nonce, *row.body)) != row.body_hash) {
    return "its body was altered";
  }
  if (Chain(previous.chain, row.header, row.body_hash) != row.chain) {
    return "it was altered, or replaced";
  }
  return "";
}

}  // namespace

absl::StatusOr<HistoryReport> VerifyHistory(ReadView& view) {
  HistoryReport report;
  HistoryRow previous;
  previous.chain = std::string(kChainHashBytes, '\0');
  auto fault = [&](uint64_t sequence, absl::string_view what) {
    if (report.faults.size() >= kMaxFaults) return;
    report.faults.push_back(absl::StrCat("history entry ", sequence, ": ", what));
  };
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<HistoryRow> rows,
                              view.HistoryAfter(previous.sequence, kVerifyChunk));
    if (rows.empty()) break;
    for (HistoryRow& row : rows) {
      ++report.entries;
      std::string what = FaultOf(row, previous);
      if (what.empty()) {
        const absl::Status opened = OpenEntry(row, view).status();
        if (absl::IsNotFound(opened)) ++report.erased;
        if (absl::IsDataLoss(opened)) what = "its body does not open with its key";
      }
      if (!what.empty()) fault(row.sequence, what);
      previous = std::move(row);
    }
  }
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryRow end, view.HistoryEnd());
  if (end.sequence != previous.sequence) {
    fault(end.sequence, absl::StrCat("it is the last, and the last one found is ",
                                     previous.sequence, ": entries were removed or added"));
  } else if (end.chain != previous.chain) {
    fault(end.sequence, "the end of the chain was altered");
  }
  report.last_sequence = previous.sequence;
  report.end = previous.chain;
  return report;
}

}  // namespace doorstep::server
