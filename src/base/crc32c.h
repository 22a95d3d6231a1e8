#pragma once

#include <cstdint>
#include <string_view>

namespace rkv {

// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of bytes that come in pieces: the first piece with
// `crc` 0, each further one with the result so far. Uses the processor's instruction where there is
// one.
std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes);

// The same without that instruction.
std::uint32_t crc32c_portable(std::uint32_t crc, std::string_view bytes);

}  // namespace rkv
