#pragma once

#include <string_view>

namespace rkv {

// Ends the process with a message that names the broken invariant and where it was found. Never
// returns, never unwinds: state that has become impossible must not be written anywhere.
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               std::string_view message);

}  // namespace rkv

// An invariant that only a bug in this program can break. On in every build. What input, a peer or
// the operating system can cause is a Status instead.
#define RKV_CHECK(condition, message)                               \
  do {                                                              \
    if (!(condition)) [[unlikely]] {                                \
      ::rkv::check_failed(#condition, __FILE__, __LINE__, message); \
    }                                                               \
  } while (false)
