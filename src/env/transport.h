#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/ids.h"

namespace rkv::env {

// How a message to another replica ended without an answer.
enum class SendFailure {
  kNotDelivered,  // it did not get there, or was refused there: nothing came of it
  kUnknown,       // it may have got there, or may yet
};

// Carries messages of a protocol to the other replicas, and their answers back.
template <typename Message>
class Transport {
 public:
  virtual ~Transport() = default;

  // Exactly one of the two is run, on the caller's thread, in a later turn.
  struct Done {
    std::function<void(std::shared_ptr<const Message> answer)> answered;
    std::function<void(SendFailure failure, const std::string& reason)> failed;
  };
  // Sends a message that wants an answer. Messages to one replica arrive in the order of sending as
  // long as none fails; the network may lose any of them.
  virtual void send(ReplicaId to, std::shared_ptr<const Message> message, Done done) = 0;
};

}  // namespace rkv::env
