#include "kv/command.h"

#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

namespace rkv::kv {
namespace {

// The only revision of kv_extension so far.
constexpr std::uint32_t kExtensionNone = 0;
// What an encoded command has besides key and value: three numbers of the operation, the kind, two
// lengths with up to 3 bytes of padding each, the extension.
constexpr std::size_t kOverheadMax = 3 * 8 + 4 + 2 * (4 + 3) + 4;
static_assert(kKeySizeMax + kValueSizeMax + kOverheadMax <= kCommandSizeMax);

// A command whose key and value are views into its encoding.
struct CommandView {
  Command::Kind kind = Command::Kind::kPut;
  OperationId operation;
  std::string_view key;
  std::string_view value;
};

std::optional<Command::Kind> kind_from_wire(std::uint32_t number) {
  switch (static_cast<Command::Kind>(number)) {
    case Command::Kind::kPut:
    case Command::Kind::kDel:
      return static_cast<Command::Kind>(number);
  }
  return std::nullopt;
}

// What padding bytes hold is not looked at, as in libtirpc: they carry no meaning, and replicas
// that got the same bytes apply the same command.
Result<CommandView> parse_command(std::string_view bytes) {
  XdrReader reader(bytes);
  CommandView command;
  command.operation.client = reader.read_uint64();
  command.operation.sequence = reader.read_uint64();
  command.operation.first_outstanding = reader.read_uint64();
  const std::uint32_t kind_number = reader.read_uint32();
  if (!reader.ok()) return Status::invalid("a command is cut short before its kind");
  const std::optional<Command::Kind> kind = kind_from_wire(kind_number);
  if (!kind) {
    return Status::invalid("a command is of the unknown kind " + std::to_string(kind_number));
  }
  command.kind = *kind;
  command.key = reader.read_opaque(kKeySizeMax);
  if (!reader.ok()) return Status::invalid("a command's key is cut short or over its limit");
  if (command.key.empty()) return Status::invalid("a command's key is empty");
  if (command.kind == Command::Kind::kPut) command.value = reader.read_opaque(kValueSizeMax);
  if (!reader.ok()) return Status::invalid("a command's value is cut short or over its limit");
  const std::uint32_t extension = reader.read_uint32();
  if (!reader.ok()) return Status::invalid("a command is cut short before its extension");
  if (extension != kExtensionNone) {
    return Status::invalid("a command has the unknown extension " + std::to_string(extension));
  }
  if (!reader.done()) return Status::invalid("a command has bytes behind its end");
  return command;
}

}  // namespace

std::string encode_command(const Command& command) {
  RKV_CHECK(validate_key(command.key).ok(), "a key to encode is within its limits");
  RKV_CHECK(validate_value(command.value).ok(), "a value to encode is within its limit");
  RKV_CHECK(command.kind == Command::Kind::kPut || command.value.empty(), "only kPut has a value");
  std::string bytes;
  bytes.reserve(command.key.size() + command.value.size() + kOverheadMax);
  append_uint64(bytes, command.operation.client);
  append_uint64(bytes, command.operation.sequence);
  append_uint64(bytes, command.operation.first_outstanding);
  append_uint32(bytes, static_cast<std::uint32_t>(command.kind));
  append_opaque(bytes, command.key);
  if (command.kind == Command::Kind::kPut) append_opaque(bytes, command.value);
  append_uint32(bytes, kExtensionNone);
  return bytes;
}

Status validate_command(std::string_view bytes) { return parse_command(bytes).status(); }

Result<std::string_view> key_of_command(std::string_view bytes) {
  const Result<CommandView> parsed = parse_command(bytes);
  if (!parsed.ok()) return parsed.status();
  return parsed.value().key;
}

Result<Command> decode_command(std::string_view bytes) {
  const Result<CommandView> parsed = parse_command(bytes);
  if (!parsed.ok()) return parsed.status();
  const CommandView& view = parsed.value();
  return Command{view.kind, view.operation, std::string(view.key), std::string(view.value)};
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
