#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rpc/event_loop.h"

namespace rkv::bench {

// Calls of etcd's API over one connection: the unary calls of gRPC in HTTP/2 frames that are made
// here, since gRPC's own library would take more of the processors than the servers that are
// measured. It sends what such a library sends: headers by their index once they are known, flow
// control, answers to pings. Of responses it reads the messages and whether there was one, for a
// call that failed has none. Messages of calls are short: kMessageSizeMax. Anything unexpected ends
// the bench. For the loop's thread.
class EtcdConnection final : public rpc::EventLoop::Handler {
 public:
  static constexpr std::size_t kMessageSizeMax = 16'000;  // so that each fits one frame

  enum class Method : std::uint8_t { kPut, kRange, kStatus };

  class Sink {
   public:
    // `response` is a message of protobuf; nothing if the call failed.
    virtual void call_ended(std::size_t slot, std::optional<std::string_view> response) = 0;

   protected:
    ~Sink() = default;
  };

  // Takes over a connected socket. `loop` and `sink` must outlive the connection.
  EtcdConnection(rpc::EventLoop& loop, int descriptor, Sink& sink);
  ~EtcdConnection() override;
  EtcdConnection(const EtcdConnection&) = delete;
  EtcdConnection& operator=(const EtcdConnection&) = delete;

  // The server has greeted.
  bool connected() const { return is_greeted_; }
  // The call leaves at the end of the turn.
  void call(std::size_t slot, Method method, std::string_view message);

 private:
  struct Call {
    std::size_t slot = 0;
    Method method = Method::kPut;
    std::string message;
  };
  struct Stream {
    std::size_t slot = 0;
    std::string response;
  };
  struct Frame;

  void send(const Call& call);
  void send_waiting();
  void append_header(std::string& block, std::size_t header);

  void on_ready(std::uint32_t events) override;
  void take_frames();
  void take(const Frame& frame);
  void take_data(const Frame& frame);
  void end_stream(std::uint32_t stream, bool is_reset);
  void flush();

  rpc::EventLoop& loop_;
  const int descriptor_;
  Sink& sink_;
  rpc::EventLoop::HookId flush_hook_ = 0;
  bool watches_output_ = false;
  bool is_greeted_ = false;

  std::string output_;
  std::vector<char> input_;
  std::size_t input_size_ = 0;

  std::uint32_t next_stream_ = 1;
  std::int64_t send_window_;          // bytes of messages that the server still takes
  std::size_t received_ = 0;          // bytes of messages whose room was not given back yet
  std::vector<std::size_t> indexed_;  // headers that the server has in its table, oldest first
  std::deque<Call> waiting_;          // for the window
  std::unordered_map<std::uint32_t, Stream> streams_;
};

// The little of protobuf's encoding that etcd's messages need.
void append_protobuf(std::string& message, unsigned field, std::string_view bytes);
// The first such field of a message; nothing if it is not there.
std::optional<std::string_view> protobuf_bytes(std::string_view message, unsigned field);
// The same; 0 where it is not there, as protobuf has it.
std::uint64_t protobuf_number(std::string_view message, unsigned field);

}  // namespace rkv::bench
