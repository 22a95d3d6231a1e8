#pragma once

#include <memory>
#include <utility>

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

// A message with the fields of `Fields`, which say what it carries.
template <int kTag, typename Fields>
class MessageOf final : public Message, public Fields {
 public:
  explicit MessageOf(Fields fields) : Message(kTag), Fields(std::move(fields)) {}
};

// The fields of a message whose tag is known.
template <typename MessageType>
const MessageType& as(const Message& message) {
  return static_cast<const MessageType&>(message);
}

}  // namespace rkv::protocol
