#pragma once

#include <memory>
#include <utility>

namespace rkv {

template <typename Signature>
class UniqueFunction;

// A callable of which there is one: like std::function, but movable only, and so able to hold what
// is movable only, as the duty to answer a call is.
template <typename Result, typename... Args>
class UniqueFunction<Result(Args...)> {
 public:
  UniqueFunction() = default;
  template <typename Callable>
  UniqueFunction(Callable callable)
      : target_(std::make_unique<Holder<Callable>>(std::move(callable))) {}

  explicit operator bool() const { return target_ != nullptr; }
  Result operator()(Args... args) { return target_->call(std::forward<Args>(args)...); }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual Result call(Args... args) = 0;
  };
  template <typename Callable>
  class Holder final : public Target {
   public:
    explicit Holder(Callable callable) : callable_(std::move(callable)) {}
    Result call(Args... args) override { return callable_(std::forward<Args>(args)...); }

   private:
    Callable callable_;
  };

  std::unique_ptr<Target> target_;
};

}  // namespace rkv
