#pragma once

#include <memory>
#include <utility>

namespace rkv {

template <typename Signature>
class FunctionRef;

// Refers to a callable that lives at least as long: for parameters that are called before the
// function returns. Unlike std::function it copies nothing and never allocates.
template <typename Result, typename... Args>
class FunctionRef<Result(Args...)> {
 public:
  template <typename Callable>
  FunctionRef(const Callable& callable)
      : target_(std::addressof(callable)), call_([](const void* target, Args... args) -> Result {
          return (*static_cast<const Callable*>(target))(std::forward<Args>(args)...);
        }) {}

  Result operator()(Args... args) const { return call_(target_, std::forward<Args>(args)...); }

 private:
  const void* target_;
  Result (*call_)(const void*, Args...);
};

}  // namespace rkv
