#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "history/operation.h"

namespace rkv::chaos {

// Says what the clients of a load do, and writes down what they were told.
class Workload {
 public:
  virtual ~Workload() = default;
  Workload() = default;
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  // A new operation: its kind, key and argument.
  virtual history::Operation next() = 0;
  // It has ended; `server` was asked.
  virtual void ended(const history::Operation& operation, const std::string& server) = 0;
  // Whether all that was to be written down is in its file. Once, at the end.
  virtual bool save() = 0;
};

// Puts of values that differ, and gets, on few keys at random. A key of which a checker would know
// too little or have too much gives way to a new one.
class RegisterWorkload final : public Workload {
 public:
  // Replaces the file. `seed` decides what is done, and is part of the keys: two loads with
  // different ones share none.
  RegisterWorkload(const std::string& file, std::size_t keys, std::uint64_t read_percent,
                   std::uint64_t seed);

  history::Operation next() override;
  void ended(const history::Operation& operation, const std::string& server) override;
  bool save() override;

 private:
  struct Key {
    std::string name;
    std::size_t operations = 0;
    std::size_t unknown = 0;
  };
  // A search for an order takes longer with each operation that may or may not have happened.
  static constexpr std::size_t kUnknownMax = 10;
  static constexpr std::size_t kOperationsMax = 2000;

  void renew(Key& key);

  std::ofstream file_;
  const std::uint64_t read_percent_;
  const std::uint64_t seed_;
  Random random_;
  std::vector<Key> keys_;
  std::uint64_t next_key_ = 1;
  std::uint64_t next_value_ = 1;
};

// Puts, each of a key of its own. A line "KEY VALUE" is added to the file for each that was
// acknowledged.
class RecordWorkload final : public Workload {
 public:
  // Adds to the file. `seed` is part of the keys: two loads with different ones share none.
  RecordWorkload(const std::string& file, std::size_t value_size, std::uint64_t seed);

  history::Operation next() override;
  void ended(const history::Operation& operation, const std::string& server) override;
  bool save() override;

 private:
  std::ofstream file_;
  const std::size_t value_size_;
  const std::uint64_t seed_;
  std::uint64_t next_key_ = 1;
};

}  // namespace rkv::chaos
