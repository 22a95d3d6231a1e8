#include "twopc/records.h"

#include <memory>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/limits.h"

namespace rkv::twopc {
namespace {

bool carries_transaction(Record::Type type) {
  return type == Record::Type::kPrepared || type == Record::Type::kDecided;
}

SharedBytes encode_transaction(const Transaction& transaction) {
  auto bytes = std::make_shared<std::string>();
  append_uint64(*bytes, transaction.timestamp.clock);
  append_uint32(*bytes, transaction.timestamp.replica.value);
  append_uint32(*bytes, transaction.origin.replica.value);
  append_uint64(*bytes, transaction.origin.incarnation);
  append_uint64(*bytes, transaction.origin.proposal);
  append_uint64(*bytes, transaction.operation.client);
  append_uint64(*bytes, transaction.operation.sequence);
  append_uint64(*bytes, transaction.operation.first_outstanding);
  append_uint32(*bytes, static_cast<std::uint32_t>(transaction.keys.size()));
  for (const std::string& key : transaction.keys) append_opaque(*bytes, key);
  append_opaque(*bytes, *transaction.command);
  return bytes;
}

TransactionPtr decode_transaction(const TxnId& id, std::string_view bytes) {
  XdrReader reader(bytes);
  auto transaction = std::make_shared<Transaction>();
  transaction->id = id;
  transaction->timestamp.clock = reader.read_uint64();
  transaction->timestamp.replica.value = reader.read_uint32();
  transaction->origin.replica.value = reader.read_uint32();
  transaction->origin.incarnation = reader.read_uint64();
  transaction->origin.proposal = reader.read_uint64();
  transaction->operation.client = reader.read_uint64();
  transaction->operation.sequence = reader.read_uint64();
  transaction->operation.first_outstanding = reader.read_uint64();
  const std::uint32_t keys = reader.read_uint32();
  for (std::uint32_t i = 0; i < keys && reader.ok(); ++i) {
    transaction->keys.emplace_back(reader.read_opaque(kKeySizeMax));
  }
  transaction->command = std::make_shared<const std::string>(reader.read_opaque(kCommandSizeMax));
  if (!reader.done() || transaction->keys.empty()) return nullptr;
  return transaction;
}

}  // namespace

LogRecord encode_record(const Record& record) {
  LogRecord encoded;
  encoded.type = static_cast<std::uint32_t>(record.type);
  encoded.slot = record.number;
  append_uint32(encoded.head, record.id.coordinator.value);
  append_uint64(encoded.head, record.id.incarnation);
  append_uint64(encoded.head, record.id.number);
  append_uint64(encoded.head, record.position);
  if (carries_transaction(record.type)) encoded.body = encode_transaction(*record.transaction);
  return encoded;
}

std::optional<Record> decode_record(const LogRecord& record) {
  Record decoded;
  const auto last = static_cast<std::uint32_t>(Record::Type::kFinished);
  if (record.type == 0 || record.type > last) return std::nullopt;
  decoded.type = static_cast<Record::Type>(record.type);
  decoded.number = record.slot;
  XdrReader reader(record.head);
  decoded.id.coordinator.value = reader.read_uint32();
  decoded.id.incarnation = reader.read_uint64();
  decoded.id.number = reader.read_uint64();
  decoded.position = reader.read_uint64();
  if (!reader.done()) return std::nullopt;
  if (carries_transaction(decoded.type)) {
    if (record.body == nullptr) return std::nullopt;
    decoded.transaction = decode_transaction(decoded.id, *record.body);
    if (decoded.transaction == nullptr) return std::nullopt;
  }
  return decoded;
}

std::string encode_standing(const Standing& standing) {
  std::string bytes;
  append_uint64(bytes, standing.cut);
  append_uint64(bytes, standing.last);
  append_uint64(bytes, standing.clock);
  return bytes;
}

std::optional<Standing> decode_standing(std::string_view bytes) {
  XdrReader reader(bytes);
  Standing standing;
  standing.cut = reader.read_uint64();
  standing.last = reader.read_uint64();
  standing.clock = reader.read_uint64();
  if (!reader.done()) return std::nullopt;
  return standing;
}

}  // namespace rkv::twopc
