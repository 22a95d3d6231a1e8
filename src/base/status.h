#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace rkv {

// How something ended. The same words as kv_status in kv.x, which says what each promises.
enum class StatusCode {
  kOk,
  kNotFound,
  kInvalid,        // the request makes no sense; nothing happened
  kUnavailable,    // not possible now; nothing happened
  kUnknown,        // it may have happened, or may yet
  kDenied,         // the caller may not do this; nothing happened
  kOverLimit,      // over a limit that the reason names; nothing happened
  kInternal,       // this program or its machine is at fault
  kPartlyApplied,  // done at some replicas and not at others
  kBusy,           // too much to do; nothing happened
  kExpired,        // not done now, and whether it was before is not known any more
  kRevisionGone,   // the state that was to be read is not kept any more; nothing happened
};

// What is certain about a call that ended so.
enum class Certainty {
  kDone,             // it happened, all of it
  kNothingHappened,  // and nothing will
  kUnknown,          // it may have happened, or may yet; of kPartlyApplied: at some replicas
};
Certainty certainty_of(StatusCode code);

// The code's name as a person reads it: "not found", "outcome unknown", ...
std::string_view to_string(StatusCode code);

// Success, or an expected failure with a reason a person can act on.
class [[nodiscard]] Status {
 public:
  Status() = default;  // success
  Status(StatusCode code, std::string reason) : code_(code), reason_(std::move(reason)) {
    RKV_CHECK(code != StatusCode::kOk, "success has no reason");
  }

  static Status invalid(std::string reason) { return {StatusCode::kInvalid, std::move(reason)}; }
  static Status unavailable(std::string reason) {
    return {StatusCode::kUnavailable, std::move(reason)};
  }
  static Status unknown(std::string reason) { return {StatusCode::kUnknown, std::move(reason)}; }
  static Status internal(std::string reason) { return {StatusCode::kInternal, std::move(reason)}; }

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& reason() const { return reason_; }

  // "ok", or the code's name and the reason.
  std::string to_string() const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string reason_;
};

// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::move(value)) {}
  Result(Status status) : content_(std::move(status)) {
    RKV_CHECK(!std::get<Status>(content_).ok(), "a result without a value needs a reason");
  }

  bool ok() const { return std::holds_alternative<T>(content_); }

  // Success when there is a value.
  Status status() const { return ok() ? Status() : std::get<Status>(content_); }

  T& value() & {
    RKV_CHECK(ok(), "value of a failed result");
    return std::get<T>(content_);
  }
  const T& value() const& {
    RKV_CHECK(ok(), "value of a failed result");
    return std::get<T>(content_);
  }
  T&& value() && {
    RKV_CHECK(ok(), "value of a failed result");
    return std::get<T>(std::move(content_));
  }

 private:
  std::variant<T, Status> content_;
};

}  // namespace rkv
