#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rpc/record.h"

namespace rkv::fuzz {

// What is in a stream, by the simplest reading of RFC 5531, section 11: with all of its bytes at
// hand, and every fragment copied to its record.
struct ReferenceRecords {
  std::vector<std::string> records;  // in order, up to the end or the first error
  // kIncomplete, or the error that ends the stream.
  rpc::RecordReader::Next end = rpc::RecordReader::Next::kIncomplete;
  bool in_record = false;  // part of a record came and its end did not
};
ReferenceRecords reference_records(std::string_view stream,
                                   const rpc::RecordReader::Limits& limits);

}  // namespace rkv::fuzz
