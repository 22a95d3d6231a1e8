#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "histogram.h"
#include "record_stream.h"
#include "workload.h"

namespace rkv::bench {

// What a server is asked: `in_flight` calls at any time, dealt out evenly over the connections.
struct LoadPlan {
  Procedure procedure = Procedure::kNull;
  std::size_t in_flight = 1;
  std::size_t connections = 1;
  double seconds = 1;
};

struct LoadResult {
  double calls_per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
};

// A closed loop: each reply brings the next call of its slot. Replies that came in one read are
// answered with one write. Calls are encoded beforehand, and only their xid is written anew, so
// that this is not what is measured. Every reply must be of the size of a success and of a call
// that waits; anything else ends the bench.
class Load {
 public:
  Load(std::uint16_t port, const LoadPlan& plan);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Once.
  LoadResult run();

 private:
  struct Slot {
    std::string call;
    std::uint32_t xid = 0;
    std::int64_t sent_ns = 0;
    bool waiting = false;
  };
  struct Connection {
    std::size_t index = 0;
    int descriptor = -1;
    RecordStream in;
    std::string out;
    bool blocked = false;  // the socket takes no more: what is left waits for EPOLLOUT
  };

  void turn();
  void receive(Connection& connection);
  void take_reply(Connection& connection, std::string_view reply);
  void call(Connection& connection, std::size_t slot);
  void flush(Connection& connection);
  void watch(const Connection& connection, int operation);

  const LoadPlan plan_;
  const std::size_t reply_size_;
  int epoll_ = -1;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<Connection>> connections_;

  std::int64_t now_ns_ = 0;
  std::int64_t count_from_ns_ = 0;
  std::int64_t end_ns_ = 0;
  std::size_t waiting_ = 0;
  Histogram latencies_;
};

// Makes one call on a connection and waits for its reply.
void call_once(int descriptor, Procedure procedure);

}  // namespace rkv::bench
