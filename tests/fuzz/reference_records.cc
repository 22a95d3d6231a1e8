#include "reference_records.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.h"

namespace rkv::fuzz {

ReferenceRecords reference_records(std::string_view stream,
                                   const rpc::RecordReader::Limits& limits) {
  using Next = rpc::RecordReader::Next;
  ReferenceRecords result;
  std::string record;
  std::size_t fragments = 0;
  while (stream.size() >= rpc::kRecordMarkSize) {
    const std::uint32_t mark = XdrReader(stream).read_uint32();
    const std::size_t size = mark & 0x7FFFFFFF;
    if (record.size() + size > limits.record_size_max) {
      result.end = Next::kTooLong;
      return result;
    }
    if (fragments == limits.fragments_max) {
      result.end = Next::kTooManyFragments;
      return result;
    }
    if (stream.size() - rpc::kRecordMarkSize < size) break;
    record += stream.substr(rpc::kRecordMarkSize, size);
    stream.remove_prefix(rpc::kRecordMarkSize + size);
    ++fragments;
    if (mark >> 31 != 0) {
      result.records.push_back(std::exchange(record, {}));
      fragments = 0;
    }
  }
  result.in_record = fragments > 0 || !stream.empty();
  return result;
}

}  // namespace rkv::fuzz
