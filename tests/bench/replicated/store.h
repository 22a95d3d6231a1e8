#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../workload.h"
#include "rpc/event_loop.h"
#include "server.h"

namespace rkv::bench {

// Told how operations end.
class OperationSink {
 public:
  // `is_done`: a put is durable, a get has brought a value of kValueSize bytes (workload.h).
  virtual void operation_ended(std::size_t slot, bool is_done) = 0;

 protected:
  ~OperationSink() = default;
};

// A connection of the generator to one replica. What is asked in a turn of the loop leaves together
// at its end. `slot` is handed to the sink; there is one operation of a slot at a time. For the
// loop's thread.
class StoreConnection {
 public:
  virtual ~StoreConnection() = default;
  virtual bool connected() const = 0;
  virtual void put(std::size_t slot, std::string_view key, std::string_view value) = 0;
  virtual void get(std::size_t slot, std::string_view key) = 0;
};

// A cluster of one of the systems that are compared, on this machine: it runs when it has been
// made, and has a leader soon after. Ended with this object.
class Store {
 public:
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  virtual const char* name() const = 0;
  std::size_t replicas() const { return servers_.size(); }

  // The index of the replica that leads, from 0, by its own account; waits until there is one.
  std::size_t leader();
  // `loop` and `sink` must outlive the connection.
  virtual std::unique_ptr<StoreConnection> connect(rpc::EventLoop& loop, std::size_t replica,
                                                   OperationSink& sink) = 0;

  // Of all replicas together, in seconds.
  double cpu_seconds() const;
  // Of the replica that has the most.
  std::size_t peak_memory() const;
  void forget_peak_memory();

 protected:
  Store() = default;
  void start_server(const std::vector<std::string>& command, const std::string& log);
  // As leader(), without waiting: replicas() if nobody says that it leads.
  virtual std::size_t find_leader() = 0;

 private:
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace rkv::bench
