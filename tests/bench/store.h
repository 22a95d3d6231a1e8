#pragma once

#include <kv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "workload.h"

namespace rkv::bench {

// The map behind both RPC servers, with every key of the workload in it. It is there to be cheap:
// what is compared is how a call gets here and its answer back.
class Store {
 public:
  Store() {
    for (std::size_t i = 0; i < kKeys; ++i) entries_[key_of(i)] = {value(), 1};
  }

  void put(const kv_put_args& args, kv_put_result* result) {
    const std::string_view key(args.key.kv_key_val, args.key.kv_key_len);
    auto found = entries_.find(key);
    if (found == entries_.end()) found = entries_.try_emplace(std::string(key)).first;
    Entry& entry = found->second;
    entry.value.assign(args.value.kv_value_val, args.value.kv_value_len);
    result->status = KV_OK;
    result->kv_put_result_u.ok.key_version = ++entry.version;
    result->kv_put_result_u.ok.position = ++position_;
  }

  // The result borrows the value, which the next put() may change: encode it first.
  void get(const kv_get_args& args, kv_get_result* result) {
    const auto found = entries_.find(std::string_view(args.key.kv_key_val, args.key.kv_key_len));
    if (found == entries_.end()) {
      result->status = KV_NOT_FOUND;
      result->kv_get_result_u.failure.reason = no_reason_;
      return;
    }
    Entry& entry = found->second;
    kv_get_ok& ok = result->kv_get_result_u.ok;
    result->status = KV_OK;
    ok.value = {static_cast<u_int>(entry.value.size()), entry.value.data()};
    ok.key_version = entry.version;
    ok.position = position_;
  }

 private:
  struct Entry {
    std::string value;
    std::uint64_t version = 0;
  };

  // Finds a key without making a string of it.
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming)
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>()(key);
    }
  };

  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::uint64_t position_ = 0;
  char no_reason_[1] = {};
};

}  // namespace rkv::bench
