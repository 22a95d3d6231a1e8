#pragma once

#include <cstddef>

namespace rkv {

// A named place in the code where a test can have something go wrong. Only a build with
// RKV_FAILPOINTS has any; the macros below say how they come into the code. They are static objects
// that find one another before main(), and all that is done there is one comparison as long as
// nothing is armed. What happens at an armed one comes from outside (src/posix/failpoints.h).
class Failpoint {
 public:
  // What happens at a failpoint.
  class Action {
   public:
    virtual ~Action() = default;
    // On the thread that has reached the failpoint; several may at once. Returns whether the
    // operation that it stands before is to fail instead of being done.
    virtual bool happen() = 0;
  };

  // `name` lives as long as the failpoint. `can_fail`: the place can act on it when happen() says
  // so; another ignores that.
  Failpoint(const char* name, bool can_fail) noexcept
      : name_(name), can_fail_(can_fail), next_(latest) {
    latest = this;
  }
  Failpoint(const Failpoint&) = delete;
  Failpoint& operator=(const Failpoint&) = delete;

  const char* name() const { return name_; }
  bool can_fail() const { return can_fail_; }

  // The failpoints of this program, in no order; nullptr behind the last one.
  static Failpoint* first() { return latest; }
  Failpoint* next() const { return next_; }

  // From now on the action happens here, or nothing with nullptr. Before the program starts its
  // threads, or after they have ended. The action is not owned.
  void arm(Action* action) { action_ = action; }

  // The program has come here. Returns whether the operation that comes next is to fail.
  bool reached() { return action_ != nullptr && action_->happen(); }

 private:
  static inline Failpoint* latest = nullptr;

  const char* const name_;
  const bool can_fail_;
  Failpoint* const next_;
  Action* action_ = nullptr;
};

// A name as an argument of a template.
template <std::size_t size>
struct FailpointName {
  constexpr FailpointName(const char (&name)[size]) {
    for (std::size_t i = 0; i < size; ++i) text[i] = name[i];
  }
  char text[size]{};
};

// The one failpoint of its name.
template <FailpointName name, bool can_fail>
struct NamedFailpoint {
  static inline Failpoint failpoint{name.text, can_fail};
};

}  // namespace rkv

// RKV_FAILPOINT(name); is a failpoint where the process can be killed, or be delayed.
// RKV_FAILPOINT_FAILS(name) is one where the operation can fail as well: whether it is to.
//
// Names are PART_before_WHAT or PART_after_WHAT. In an ordinary build there is nothing. Sources
// only, not headers: a program with failpoints shares the objects that have none with one without.
#ifdef RKV_FAILPOINTS
#define RKV_FAILPOINT(name) \
  static_cast<void>(::rkv::NamedFailpoint<#name, false>::failpoint.reached())
#define RKV_FAILPOINT_FAILS(name) (::rkv::NamedFailpoint<#name, true>::failpoint.reached())
#else
#define RKV_FAILPOINT(name) static_cast<void>(0)
#define RKV_FAILPOINT_FAILS(name) false
#endif
