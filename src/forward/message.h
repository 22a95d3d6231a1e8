#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "protocol/message.h"

namespace rkv::forward {

enum Tag : int { kWrites = 1, kWritten = 2 };

// Apply these commands, in this order. At most kBatchCommandsMax of them.
class Writes final : public protocol::Message {
 public:
  explicit Writes(std::vector<SharedBytes> commands)
      : Message(kWrites), commands_(std::move(commands)) {}
  const std::vector<SharedBytes>& commands() const { return commands_; }

 private:
  const std::vector<SharedBytes> commands_;
};

// The answer to Writes: all of them are applied and durable here.
class Written final : public protocol::Message {
 public:
  explicit Written(Position position) : Message(kWritten), position_(position) {}
  // Of the last command, in the count of the replica that answers.
  Position position() const { return position_; }

 private:
  const Position position_;
};

}  // namespace rkv::forward
