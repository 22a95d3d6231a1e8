#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rkv {

// Keys, values and encoded things are std::string and std::string_view: any bytes, NUL included.

// Bytes that many hold at once and nobody changes: what is replicated is on its way to several
// replicas, to the log and to the state, and is not copied for any of them.
using SharedBytes = std::shared_ptr<const std::string>;

// Two lower-case hexadecimal digits for each byte.
std::string to_hex(std::string_view bytes);
// Nothing if the text has an odd length or another character than 0-9, a-f, A-F.
std::optional<std::string> from_hex(std::string_view text);

// RFC 4648, section 4, with padding.
std::string to_base64(std::string_view bytes);
// What that base64 stands for; nothing if it is none, or its padding is wrong.
std::optional<std::string> from_base64(std::string_view text);

// The bytes as a person can read them on one line: printable ASCII as it is, the rest as \xNN (and
// \\ for a backslash); cut after `length_max` characters with "..." behind. For logs and terminals.
std::string printable(std::string_view bytes, std::size_t length_max = 80);

// Whether the bytes are well-formed UTF-8 without control characters other than tab and newline.
bool is_text(std::string_view bytes);

// Appends a number in network byte order, as XDR and the files on disk have it.
void append_uint32(std::string& out, std::uint32_t number);
void append_uint64(std::string& out, std::uint64_t number);

// Reads the numbers and opaque data of XDR (RFC 4506) off the front of `bytes`. After the first
// field that does not fit, ok() is false and every further field is zero or empty.
class XdrReader {
 public:
  explicit XdrReader(std::string_view bytes) : rest_(bytes) {}

  std::uint32_t read_uint32() {
    const std::string_view bytes = take(4);
    if (!ok_) return 0;
    // Compilers make one load and one byte swap of this.
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[0])) << 24 |
           static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[1])) << 16 |
           static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[2])) << 8 |
           static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[3]));
  }
  std::uint64_t read_uint64() {
    const std::uint64_t high = read_uint32();
    return high << 32 | read_uint32();
  }
  // A variable-length opaque of at most `size_max` bytes with its padding; a view into the input.
  std::string_view read_opaque(std::size_t size_max);

  bool ok() const { return ok_; }
  // Whether everything was read and nothing is left.
  bool done() const { return ok_ && rest_.empty(); }

 private:
  // In the header, with read_uint32(): the head of every call is read with them.
  std::string_view take(std::size_t size) {
    if (!ok_ || rest_.size() < size) {
      ok_ = false;
      return {};
    }
    const std::string_view taken(rest_.data(), size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// Appends a variable-length opaque as XDR has it: length, bytes, zero padding to a multiple of 4.
void append_opaque(std::string& out, std::string_view bytes);

}  // namespace rkv
