#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "json_bytes.h"

namespace rkv::history {

// The first thing that was found wrong with a line; empty: nothing was.
using Failure = std::string;

// Takes a JSON object apart, field by field. After the first field of the line that is not as it
// must be, `failure` says what is wrong with it, and every further field is zero, empty or missing.
class FieldReader {
 public:
  // Of an object; both outlive the reader.
  FieldReader(const Json& object, Failure& failure) : object_(object), failure_(failure) {
    if (!object.is_object()) fail("this is no JSON object");
  }

  bool has(const char* name) const { return ok() && object_.contains(name); }
  std::uint64_t number(const char* name);
  std::int64_t signed_number(const char* name);
  bool boolean(const char* name);
  std::string bytes(const char* name);
  // Which of these words it is, by its number among them.
  std::size_t word(const char* name, std::initializer_list<const char*> words);
  // An object or an array; an empty one if it is missing.
  const Json& object(const char* name);
  const Json& array(const char* name);

  // Nothing if the field is missing.
  std::optional<std::uint64_t> number_if_there(const char* name);
  std::optional<std::int64_t> signed_number_if_there(const char* name);
  std::optional<std::string> bytes_if_there(const char* name);
  bool boolean_if_there(const char* name) { return has(name) && boolean(name); }

  void fail(std::string reason) {
    if (ok()) failure_ = std::move(reason);
  }
  bool ok() const { return failure_.empty(); }

 private:
  // Nothing, and a failure, if the field is missing.
  const Json* find(const char* name);

  const Json& object_;
  Failure& failure_;
};

}  // namespace rkv::history
