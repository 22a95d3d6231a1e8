#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace rkv::sim {

// The first thing that was found not to hold in a run; what follows from it is not news.
class Violation {
 public:
  void report(std::string_view invariant, std::string what) {
    if (found()) return;
    invariant_ = invariant;
    what_ = std::move(what);
  }

  bool found() const { return !invariant_.empty(); }
  const std::string& invariant() const { return invariant_; }  // its name
  const std::string& what() const { return what_; }            // what happened instead

 private:
  std::string invariant_;
  std::string what_;
};

}  // namespace rkv::sim
