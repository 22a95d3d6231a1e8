#include "client/client_id.h"

#include <sys/random.h>

#include "base/check.h"

namespace rkv::client {
namespace {

// The top bit is clear: kv_operation_id in kv.x.
constexpr std::uint64_t kClientIdMax = INT64_MAX;

}  // namespace

std::uint64_t draw_client_id() {
  std::uint64_t id = 0;
  while (id == 0) {
    const ssize_t size = getrandom(&id, sizeof id, 0);
    RKV_CHECK(size == static_cast<ssize_t>(sizeof id), "getrandom() gives up to 256 bytes at once");
    id &= kClientIdMax;
  }
  return id;
}

}  // namespace rkv::client
