#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

namespace rkv::kv {

// One write, as the replicated state machine applies it.
struct Command {
  enum class Kind : std::uint32_t { kPut = 1, kDel = 2 };

  Kind kind = Kind::kPut;
  OperationId operation;
  std::string key;
  std::string value;  // empty for kDel
};

// What a command did.
struct Applied {
  enum class Outcome : std::uint32_t {
    kApplied = 1,
    kNotFound = 2,  // a kDel of a key that was not there; nothing was changed
    // Nothing was changed: the operation is older than what is remembered of its client, so that
    // nobody knows whether an earlier command with its id was applied.
    kExpired = 3,
  };

  Outcome outcome = Outcome::kApplied;
  std::uint64_t version = 0;  // kPut: the key's new version; kDel: the version it had; or 0
  Position position = 0;      // of the command; of a retry: of the command that it repeats
  bool operator==(const Applied&) const = default;
};

// The command as bytes, for messages and for disk: the XDR encoding of kv_command_body in kv.x, at
// most kCommandSizeMax bytes. Key and value must be within their limits.
std::string encode_command(const Command& command);

// Whether the bytes are one command with nothing behind it and everything within its limits; if
// not, the reason. Copies nothing: for what comes from outside and will be decoded later.
Status validate_command(std::string_view bytes);

// The key of the command that the bytes encode, a view into them; fails where validate_command()
// does.
Result<std::string_view> key_of_command(std::string_view bytes);

// The command that the bytes encode; fails where validate_command() does.
Result<Command> decode_command(std::string_view bytes);

// Whether a key may be stored: kInvalid if it is empty, kOverLimit if it is too long.
Status validate_key(std::string_view key);
// Whether a value may be stored: kOverLimit if it is too long.
Status validate_value(std::string_view value);

}  // namespace rkv::kv
