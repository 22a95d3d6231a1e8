#pragma once

#include <cstdint>

#include "kv/transaction.h"

namespace rkv::kv {

// Everything that a transaction may have, once.
inline Transaction sample_transaction() {
  using Kind = Step::Kind;
  using Relation = Compare::Relation;
  using Target = Compare::Target;
  return {{{"a", Target::kExists, Relation::kEqual, 1, ""},
           {"bb", Target::kVersion, Relation::kNotEqual, 0x1122334455667788U, ""},
           {"ccc", Target::kCreated, Relation::kLess, UINT64_MAX, ""},
           {"dddd", Target::kModified, Relation::kGreater, 0, ""},
           {"e", Target::kValue, Relation::kEqual, 0, "value"}},
          {{Kind::kGet, "get", "", 0, true},
           {Kind::kPut, "put", "v", 0, true},
           {Kind::kDel, "del", "", 0, true},
           {Kind::kIncr, "incr", "", INT64_MIN, false},
           {Kind::kAppend, "append", "tail", 0, false},
           {Kind::kDelRange, "first", "last", 0, false}},
          {{Kind::kDelRange, "", "", 0, false},
           {Kind::kGet, "get", "", 0, false},
           {Kind::kPut, "put", "", 0, false},
           {Kind::kDel, "del", "", 0, false},
           {Kind::kIncr, "incr", "", 5, false}}};
}

// Everything that its result may have.
inline StepsResult sample_result() {
  using Kind = Step::Kind;
  const ToldEntry entry{"told", 1, 2, 3};
  StepsResult result;
  result.succeeded = true;
  result.results.push_back({.kind = Kind::kGet, .entry = entry});
  result.results.push_back({.kind = Kind::kGet, .entry = std::nullopt});
  result.results.push_back({.kind = Kind::kPut, .entry = entry, .version = 4});
  result.results.push_back({.kind = Kind::kPut, .entry = std::nullopt, .version = 1});
  result.results.push_back({.kind = Kind::kDel, .entry = entry, .version = 5});
  result.results.push_back({.kind = Kind::kIncr, .entry = {}, .version = 6, .number = -7});
  result.results.push_back(
      {.kind = Kind::kAppend, .entry = {}, .version = 8, .number = 0, .size = 9});
  result.results.push_back({.kind = Kind::kDelRange,
                            .entry = {},
                            .version = 0,
                            .number = 0,
                            .size = 0,
                            .removed = 10,
                            .more = true});
  return result;
}

}  // namespace rkv::kv
