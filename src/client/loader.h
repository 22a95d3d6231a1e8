#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "client/options.h"
#include "client/server.h"

namespace rkv::client {

struct LoaderOptions {
  std::size_t calls_max = 1024;             // puts under way at once
  std::size_t bytes_max = 8 * 1024 * 1024;  // bytes of their keys and values
  Duration timeout = seconds(10);           // for one put, from when it is under way; and to start
  HistoryRecorder* recorder = nullptr;      // as in ClientOptions
  std::uint64_t process = 0;
};

// What a loader has done so far.
struct LoaderTotals {
  std::uint64_t stored = 0;       // puts that were acknowledged
  std::uint64_t value_bytes = 0;  // bytes of their values
  std::uint64_t failed = 0;       // puts that ended in any other way
};

// Puts many keys, with many puts under way at once; AsyncClient, which it has one of, says how each
// is done. For one thread; calls that wait say so. Puts of different keys may be done in any order;
// a second put of a key waits for the first one's end.
//
// When a put has failed for want of a server that does it, after at least three quarters of its
// timeout, and none was acknowledged in that time, the loader gives up: what is not under way yet
// is failed as kUnavailable at once.
class Loader {
 public:
  // Told of each put that failed, from within the calls below.
  using OnFailure = std::function<void(const std::string& key, const Status& status)>;

  // `servers`: at least one.
  Loader(const std::vector<Server>& servers, const LoaderOptions& options, OnFailure on_failure);
  // Puts that are under way are forgotten, whatever becomes of them: drain() first.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Waits for the first server that answers. kUnavailable, with the reason of each, if none does.
  Status start();

  // Begins a put; waits while the window is full. A key or value over its limit is failed here.
  void put(std::string key, std::string value);

  // Waits until every put has ended.
  void drain();

  bool gave_up() const;
  // The highest position that a put was told: for Client::saw().
  Position seen() const;
  const LoaderTotals& totals() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace rkv::client
