#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rkv::rpc {

// Record marking (RFC 5531, section 11): on a stream, a message is a record of one or more
// fragments, each behind a 4-byte header: the top bit says "last fragment", the rest is the
// fragment's length.

// Bytes of a fragment header.
constexpr std::size_t kRecordMarkSize = 4;

// A block of uninitialised bytes that many connections read into, one after the other: a connection
// with nothing half-received holds no buffer of its own.
class ReadScratch {
 public:
  static constexpr std::size_t kSize = 256 * 1024;
  ReadScratch() : bytes_(new char[kSize]) {}
  std::span<char> bytes() { return {bytes_.get(), kSize}; }

 private:
  std::unique_ptr<char[]> bytes_;
};

// Cuts what arrives on a stream into records. Memory grows with the bytes that came, never with the
// length a header announces; a length over the limit is refused when its header is read.
//
// Use: read into space(), tell received(), then take records with next() until it says kIncomplete.
// Calls to next() may be broken off and taken up again later, but not after another space().
class RecordReader {
 public:
  struct Limits {
    std::size_t record_size_max = 0;  // bytes of a record, all fragments together
    std::size_t fragments_max = 0;    // fragments of a record
  };
  enum class Next { kRecord, kIncomplete, kTooLong, kTooManyFragments };

  // `scratch` is shared between readers of one thread and must outlive them.
  RecordReader(const Limits& limits, ReadScratch* scratch) : limits_(limits), scratch_(scratch) {}

  // Where to read to: at least 4 KiB. Views given out by next() end here.
  std::span<char> space();
  // `size` bytes were written to the front of the last space().
  void received(std::size_t size);

  // The next complete record, without its marks; valid until the next call of space() or
  // keep_rest(). kTooLong and kTooManyFragments are final: the stream cannot be understood any
  // further.
  Next next(std::string_view* record);

  // Must be called before another reader uses the scratch: moves what is not yet taken (a record
  // that is not complete, or complete ones that were left for later) into a buffer of this reader's
  // own.
  void keep_rest();

  // Whether part of a record has arrived and its end has not. Meaningful when next() has said
  // kIncomplete.
  bool in_record() const { return parsed_ < filled_ || fragments_ > 0; }
  // Bytes of memory that this reader holds.
  std::size_t memory() const { return capacity_; }

 private:
  void grow();

  const Limits limits_;
  ReadScratch* const scratch_;

  // `data_` is `own_` or the scratch. In it: [begin_, assembled_) the payload of the fragments of
  // the current record so far; [parsed_, filled_) what has arrived and is not yet looked at.
  std::unique_ptr<char[]> own_;
  std::size_t capacity_ = 0;  // of own_
  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t assembled_ = 0;
  std::size_t parsed_ = 0;
  std::size_t filled_ = 0;
  std::size_t fragments_ = 0;
};

// Bytes on their way out of a connection: appended at the back, written from the front.
class OutputBuffer {
 public:
  ~OutputBuffer();
  OutputBuffer() = default;
  OutputBuffer(const OutputBuffer&) = delete;
  OutputBuffer& operator=(const OutputBuffer&) = delete;

  // At least `size` writable bytes behind the end; valid until the next reserve().
  char* reserve(std::size_t size);
  // Makes the first `size` reserved bytes part of the content.
  void commit(std::size_t size) { end_ += size; }
  // Takes back the last `size` bytes of the content.
  void retract(std::size_t size) { end_ -= size; }

  std::string_view content() const { return {data_ + begin_, end_ - begin_}; }
  // Drops `size` bytes from the front. Memory is given back as they go: of large content, at most
  // twice what is left is held; when nothing is left, a little.
  void consume(std::size_t size);
  // Gives back what is left of it, if there is no content: for a while nothing will be appended.
  void release_memory();
  // Bytes of memory that this buffer holds.
  std::size_t memory() const { return capacity_; }

 private:
  void move_to(std::size_t capacity);

  char* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace rkv::rpc
