// The routines that rpcgen makes of kv.x, every one of them: what decodes can be encoded, and that
// encoding decodes to the same; nothing is read behind the end; memory stays within what kv.x
// allows for; and freeing frees all.
//
// Input: two bytes that name the type, then its encoding. One program for all types, not one for
// each: a type takes some microseconds, so that what counts is how few processes there are to start
// and corpora to load. The name is a place on a ring of hashes, so that a type that is added to
// kv.x takes over some inputs of one other type and leaves all the rest.

#include <kv.h>

#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "fuzz.h"
#include "rpc/xdr.h"

namespace rkv::fuzz {
namespace {

struct Type {
  xdrproc_t routine = nullptr;
  std::size_t size = 0;
};

std::map<std::uint16_t, Type> make_types() {
  std::map<std::uint16_t, Type> types;
  const auto add = [&types](std::string_view name, Type type) {
    RKV_CHECK(types.emplace(place_of(name), type).second, "two types have one place");
  };
#define KV_TYPE(name) add(#name, {rpc::untyped(xdr_##name), sizeof(name)});
#include <kv_types.inc>
#undef KV_TYPE
  return types;
}

const Type& type_at(std::uint16_t place) {
  static const std::map<std::uint16_t, Type> kTypes = make_types();
  const auto found = kTypes.lower_bound(place);
  return found == kTypes.end() ? kTypes.begin()->second : found->second;
}

// A decoded value of any type of kv.x.
class Value {
 public:
  explicit Value(const Type& type) : type_(type), memory_(new char[type.size]()) {}
  ~Value() { xdr_free(type_.routine, memory_.get()); }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;

  // How much was read; nothing is left behind the end of `bytes` to be read.
  bool decode(std::string_view bytes, std::size_t* size) {
    XDR xdr;
    xdrmem_create(&xdr, const_cast<char*>(bytes.data()), static_cast<u_int>(bytes.size()),
                  XDR_DECODE);
    const bool ok = type_.routine(&xdr, memory_.get()) != FALSE;
    *size = XDR_GETPOS(&xdr);
    return ok;
  }
  std::string encode(std::size_t size_max) {
    std::string bytes(size_max, '\0');
    XDR xdr;
    xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(size_max), XDR_ENCODE);
    RKV_CHECK(type_.routine(&xdr, memory_.get()) != FALSE, "what was decoded can be encoded");
    bytes.resize(XDR_GETPOS(&xdr));
    return bytes;
  }
  bool is_clear() const {
    return std::all_of(memory_.get(), memory_.get() + type_.size, [](char c) { return c == 0; });
  }
  void* get() { return memory_.get(); }

 private:
  const Type& type_;
  const std::unique_ptr<char[]> memory_;
};

// A decoder allocates an opaque or an array when it has read how long it is: at most the largest
// opaque, the arrays of STATUS, of a batch, of a page or of a transaction, and what the bytes of
// the input became before.
constexpr std::size_t kAnnouncedMax =
    KV_COMMAND_MAX + KV_BATCH_MAX * sizeof(kv_command) + KV_COUNTERS_MAX * sizeof(kv_counter) +
    KV_REPLICAS_MAX * (sizeof(kv_peer) + sizeof(kv_replica)) +
    KV_ENTRIES_MAX * sizeof(kv_range_entry) + KV_COMPARES_MAX * sizeof(kv_compare) +
    2 * KV_STEPS_MAX * (sizeof(kv_step) + sizeof(kv_step_result)) + 4096;
constexpr std::size_t kMemoryFactor = 8;

void run(std::string_view input) {
  Taker taker(input);
  const std::uint16_t place = taker.take_uint16();
  const Type& type = type_at(place);
  // At an odd place not aligned to a word, as it comes; else aligned.
  const ExactCopy encoded(taker.rest(), place % 2 == 0 ? 0 : 2);
  const std::size_t before = heap_in_use();
  std::size_t size = 0;
  {
    Value value(type);
    const bool ok = value.decode(encoded.view(), &size);
    RKV_CHECK(heap_in_use() <= before + kAnnouncedMax + kMemoryFactor * input.size(),
              "memory is bounded by the input and the limits of kv.x");
    if (ok) {
      RKV_CHECK(size <= encoded.view().size(), "a value ends within its bytes");
      const std::string first = value.encode(size);
      const ExactCopy copy(first);
      Value again(type);
      std::size_t size_again = 0;
      RKV_CHECK(again.decode(copy.view(), &size_again), "what was encoded decodes");
      RKV_CHECK(size_again == first.size(), "and nothing of it is left");
      RKV_CHECK(again.encode(size_again) == first, "every value has one encoding");
    }
    // All or nothing, as src/rpc decodes results.
    Value whole(type);
    const bool is_whole = rpc::decode_all(encoded.view(), type.routine, whole.get(), type.size);
    RKV_CHECK(is_whole == (ok && size == encoded.view().size()), "decode_all() takes whole values");
    RKV_CHECK(is_whole || whole.is_clear(), "and clears what is none");
  }
  if (&__sanitizer_get_current_allocated_bytes != nullptr) {
    RKV_CHECK(heap_in_use() == before, "freeing frees all");
  }
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
