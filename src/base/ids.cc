#include "base/ids.h"

#include "base/bytes.h"

namespace rkv {

std::string ClusterId::to_string() const {
  return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<ClusterId> ClusterId::parse(std::string_view text) {
  const std::optional<std::string> raw = from_hex(text);
  ClusterId id;
  if (!raw || raw->size() != id.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    id.bytes[i] = static_cast<std::uint8_t>((*raw)[i]);
  }
  return id;
}

}  // namespace rkv
