#include "kv/command.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "kv/transaction_codec.h"

namespace rkv::kv {
namespace {

// The only revision of kv_extension so far.
constexpr std::uint32_t kExtensionNone = 0;
// What an encoded command has besides key and value, or transaction: three numbers of the
// operation, the kind, two lengths with up to 3 bytes of padding each, the extension.
constexpr std::size_t kOverheadMax = 3 * 8 + 4 + 2 * (4 + 3) + 4;
static_assert(kKeySizeMax + kValueSizeMax + kOverheadMax <= kCommandSizeMax);

// A command whose key and value are views into its encoding.
struct CommandView {
  Command::Kind kind = Command::Kind::kPut;
  OperationId operation;
  std::string_view key;
  std::string_view value;
  std::shared_ptr<const Transaction> transaction;
  std::uint64_t epoch = 0;
};

// What comes behind the kind, of each kind.
Status parse_put_or_del(XdrReader& reader, CommandView& command) {
  command.key = reader.read_opaque(kKeySizeMax);
  if (!reader.ok()) return Status::invalid("a command's key is cut short or over its limit");
  if (command.key.empty()) return Status::invalid("a command's key is empty");
  if (command.kind == Command::Kind::kPut) command.value = reader.read_opaque(kValueSizeMax);
  if (!reader.ok()) return Status::invalid("a command's value is cut short or over its limit");
  return {};
}

Status parse_transaction(XdrReader& reader, CommandView& command) {
  Result<Transaction> transaction = read_transaction(reader);
  if (!transaction.ok()) return Status::invalid(transaction.status().reason());
  command.transaction = std::make_shared<const Transaction>(std::move(transaction).value());
  return {};
}

Status parse_change(XdrReader& reader, std::uint32_t kind, CommandView& command) {
  command.kind = static_cast<Command::Kind>(kind);
  switch (command.kind) {
    case Command::Kind::kPut:
    case Command::Kind::kDel:
      return parse_put_or_del(reader, command);
    case Command::Kind::kTransaction:
      return parse_transaction(reader, command);
    case Command::Kind::kEpoch:
      command.epoch = reader.read_uint64();
      return {};
  }
  return Status::invalid("a command is of the unknown kind " + std::to_string(kind));
}

// What padding bytes hold is not looked at, as in libtirpc: they carry no meaning, and replicas
// that got the same bytes apply the same command.
Result<CommandView> parse_command(std::string_view bytes) {
  if (bytes.size() > kCommandSizeMax) return Status::invalid("a command is over its limit");
  XdrReader reader(bytes);
  CommandView command;
  command.operation.client = reader.read_uint64();
  command.operation.sequence = reader.read_uint64();
  command.operation.first_outstanding = reader.read_uint64();
  const std::uint32_t kind = reader.read_uint32();
  if (!reader.ok()) return Status::invalid("a command is cut short before its kind");
  if (Status status = parse_change(reader, kind, command); !status.ok()) return status;
  const std::uint32_t extension = reader.read_uint32();
  if (!reader.ok()) return Status::invalid("a command is cut short before its extension");
  if (extension != kExtensionNone) {
    return Status::invalid("a command has the unknown extension " + std::to_string(extension));
  }
  if (!reader.done()) return Status::invalid("a command has bytes behind its end");
  return command;
}

void append_change(std::string& out, const Command& command) {
  switch (command.kind) {
    case Command::Kind::kPut:
      append_opaque(out, command.key);
      append_opaque(out, command.value);
      return;
    case Command::Kind::kDel:
      append_opaque(out, command.key);
      return;
    case Command::Kind::kTransaction:
      append_transaction(out, *command.transaction);
      return;
    case Command::Kind::kEpoch:
      append_uint64(out, command.epoch);
      return;
  }
  RKV_CHECK(false, "kind of command out of range");
}

void check_limits(const Command& command) {
  if (command.kind == Command::Kind::kPut || command.kind == Command::Kind::kDel) {
    RKV_CHECK(validate_key(command.key).ok(), "a key to encode is within its limits");
    RKV_CHECK(validate_value(command.value).ok(), "a value to encode is within its limit");
  }
  RKV_CHECK(command.kind == Command::Kind::kPut || command.value.empty(), "only kPut has a value");
  RKV_CHECK((command.kind == Command::Kind::kTransaction) == (command.transaction != nullptr),
            "a kTransaction has a transaction");
}

}  // namespace

bool Applied::operator==(const Applied& other) const {
  const bool tells_same =
      told == other.told || (told != nullptr && other.told != nullptr && *told == *other.told);
  return outcome == other.outcome && version == other.version && position == other.position &&
         tells_same;
}

std::string encode_command(const Command& command) {
  check_limits(command);
  std::string bytes;
  bytes.reserve(command.key.size() + command.value.size() + kOverheadMax);
  append_uint64(bytes, command.operation.client);
  append_uint64(bytes, command.operation.sequence);
  append_uint64(bytes, command.operation.first_outstanding);
  append_uint32(bytes, static_cast<std::uint32_t>(command.kind));
  append_change(bytes, command);
  append_uint32(bytes, kExtensionNone);
  RKV_CHECK(bytes.size() <= kCommandSizeMax, "a command to encode is within its limit");
  return bytes;
}

Status fits_command(const Transaction& transaction) {
  const std::size_t size = encoded_size(transaction);
  if (size + kOverheadMax <= kCommandSizeMax) return {};
  return {StatusCode::kOverLimit, "the transaction has " + std::to_string(size) +
                                      " bytes, the limit is " +
                                      std::to_string(kCommandSizeMax - kOverheadMax)};
}

Status validate_command(std::string_view bytes) { return parse_command(bytes).status(); }

std::vector<std::string> keys_of(const Command& command) {
  if (command.kind == Command::Kind::kEpoch) return {std::string(kEpochKey)};
  if (command.transaction != nullptr) return keys_of(*command.transaction);
  return {command.key};
}

Result<std::vector<std::string>> keys_of_command(std::string_view bytes) {
  const Result<CommandView> parsed = parse_command(bytes);
  if (!parsed.ok()) return parsed.status();
  const CommandView& view = parsed.value();
  if (view.kind == Command::Kind::kEpoch) return std::vector{std::string(kEpochKey)};
  if (view.transaction != nullptr) return keys_of(*view.transaction);
  return std::vector{std::string(view.key)};
}

Result<Command> decode_command(std::string_view bytes) {
  Result<CommandView> parsed = parse_command(bytes);
  if (!parsed.ok()) return parsed.status();
  CommandView& view = parsed.value();
  return Command{view.kind,
                 view.operation,
                 std::string(view.key),
                 std::string(view.value),
                 std::move(view.transaction),
                 view.epoch};
}

Status validate_key(std::string_view key) {
  if (key.empty()) return Status::invalid("the key is empty");
  if (key.size() > kKeySizeMax) {
    return {StatusCode::kOverLimit, "the key has " + std::to_string(key.size()) +
                                        " bytes, the limit is " + std::to_string(kKeySizeMax)};
  }
  return {};
}

Status validate_value(std::string_view value) {
  if (value.size() > kValueSizeMax) {
    return {StatusCode::kOverLimit, "the value has " + std::to_string(value.size()) +
                                        " bytes, the limit is " + std::to_string(kValueSizeMax)};
  }
  return {};
}

}  // namespace rkv::kv
