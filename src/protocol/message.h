#pragma once

#include <memory>

namespace rkv::protocol {

// What replicas say to one another. Each protocol derives its own messages and numbers them with
// tags of its own; whoever puts them on a wire switches on the tag. Immutable, so that one message
// can be on its way to many replicas.
class Message {
 public:
  virtual ~Message() = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  int tag() const { return tag_; }

 protected:
  explicit Message(int tag) : tag_(tag) {}

 private:
  const int tag_;
};

using MessagePtr = std::shared_ptr<const Message>;

}  // namespace rkv::protocol
