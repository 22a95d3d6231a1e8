#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/function_ref.h"
#include "rpc/byte_stream.h"
#include "rpc/record.h"
#include "rpc/xdr.h"

namespace rkv::rpc {

// The encoded calls of a channel on their way out. Knows of each whether a byte of it was written,
// and can take one back of which none was. Positions count bytes from the channel's beginning, over
// all of its connections.
class CallOutput {
 public:
  // Where a record is: [begin, end).
  struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::size_t size() const { return static_cast<std::size_t>(end - begin); }
  };

  // Appends one record as append_record() does; false if it cannot be encoded within `size_max`.
  bool append(std::size_t size_max, FunctionRef<bool(XDR*)> encode, Extent* extent);
  // Takes back the record that was appended last, and nothing of which was written.
  void retract(const Extent& extent);
  // A record nothing of which was written never will be.
  void cancel(const Extent& extent);

  // Writes until all is written or the stream takes no more; returns what the last write did.
  IoResult write(ByteStream& stream);
  // The connection is gone: what is left of a record that was begun is dropped, so that the next
  // connection starts with a whole record.
  void drop_begun();

  // Whether a byte of the record was written.
  bool begun(const Extent& extent) const { return extent.begin < written_; }
  // Everything before it was written or dropped.
  std::uint64_t written() const { return written_; }
  // Bytes not yet written, cancelled records that still take room included.
  std::size_t size() const { return buffer_.content().size(); }

 private:
  struct Record {
    std::uint64_t end = 0;
    bool cancelled = false;
  };

  void advance(std::size_t size);
  void drop_cancelled_front();
  std::size_t writable_size() const;

  OutputBuffer buffer_;
  std::uint64_t written_ = 0;       // the position of the front of buffer_
  std::uint64_t record_begin_ = 0;  // of the first of records_
  std::deque<Record> records_;      // those not written whole, in order
  std::size_t cancelled_ = 0;       // of records_
  std::size_t size_hint_ = 0;
};

}  // namespace rkv::rpc
