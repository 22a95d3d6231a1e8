#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/status.h"
#include "rkv/json.h"

namespace rkv::cli {

// The lines of a dump, which docs/dump.txt describes: a header, a line for each key in bytewise
// order, and an end that says how many there are and their hash.

// What the first line of every dump begins with.
constexpr std::string_view kDumpBeginning = "{\"rkv_dump\":";
// Bytes of a line. Every byte of a key or value may have been written as \u00NN.
constexpr std::size_t kDumpLineMax = 6 * (kKeySizeMax + kValueSizeMax) + 256;

// XXH3 with 128 bits over every key and value, each as its length (8 bytes, big-endian) and its
// bytes.
class DumpHash {
 public:
  DumpHash();
  ~DumpHash();
  DumpHash(const DumpHash&) = delete;
  DumpHash& operator=(const DumpHash&) = delete;

  void add(std::string_view key, std::string_view value);
  std::uint64_t keys() const { return keys_; }
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t keys_ = 0;
};

// Each with its newline. `fields` come behind the version of the format.
std::string dump_header(const Json& fields);
std::string dump_entry(std::string_view key, std::string_view value);
std::string dump_end(const DumpHash& hash);

// Reads a dump line by line and checks it as a whole.
class DumpReader {
 public:
  struct Entry {
    std::string key;
    std::string value;
  };

  // A line without its newline. An entry, or nothing for the header and the end. kInvalid with
  // "line N: what is wrong" otherwise, and for an end that does not fit what was before it.
  Result<std::optional<Entry>> take(std::string_view line);
  // At the end of the input: kInvalid if the dump has no end, so that it was cut.
  Status finish() const;

  const DumpHash& hash() const { return hash_; }
  // What the header says.
  const Json& header() const { return header_; }

 private:
  Result<std::optional<Entry>> take_json(const Json& json);
  Status take_header(const Json& json);
  Status take_end(const Json& json);
  Status failure(const std::string& what) const;

  std::uint64_t line_ = 0;
  bool ended_ = false;
  Json header_;
  DumpHash hash_;
};

}  // namespace rkv::cli
