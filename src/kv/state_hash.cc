#include "kv/state_hash.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "base/check.h"

namespace rkv::kv {

struct StateHasher::State {
  State() : stream(XXH3_createState()) {
    RKV_CHECK(stream != nullptr, "out of memory");
    XXH3_128bits_reset(stream);
  }
  ~State() { XXH3_freeState(stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void add(std::string_view bytes) { XXH3_128bits_update(stream, bytes.data(), bytes.size()); }

  XXH3_state_t* const stream;  // allocated by xxHash, which wants it aligned to 64 bytes
};

StateHasher::StateHasher() : state_(std::make_unique<State>()) {}

StateHasher::~StateHasher() = default;

void StateHasher::add(std::string_view key, std::uint64_t version, std::string_view value) {
  std::string head;
  append_uint64(head, key.size());
  head.append(key);
  append_uint64(head, version);
  append_uint64(head, value.size());
  state_->add(head);
  state_->add(value);
  ++keys_;
}

StateHash StateHasher::finish(Position position) const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->stream));
  StateHash result;
  static_assert(sizeof(canonical.digest) == sizeof(result.hash));
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), result.hash.begin());
  result.position = position;
  result.keys = keys_;
  return result;
}

}  // namespace rkv::kv
