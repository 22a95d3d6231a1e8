#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attack.h"
#include "bystander.h"
#include "socket.h"
#include "target.h"

namespace rkv::attacks {

// How a server took an attack: the worst that is true of it.
enum class Verdict {
  kPassed,
  kWrong,    // something was not answered as it is due
  kHeld,     // the attacker was not closed when he should have been
  kGrew,     // over the bound of memory
  kSpins,    // over the bound of CPU
  kStalled,  // the others were not answered in time, or not rightly
  kDied
};
const char* to_string(Verdict verdict);

struct Outcome {
  Verdict verdict = Verdict::kPassed;
  std::string problem;  // empty when passed
  Treatment others;
  std::size_t memory_growth = 0;  // bytes, at the peak
  double cpu_share = 0;           // of one core, while the attack was held
  std::size_t descriptors = 0;    // of the server, at the end of the attack
};

// One attack on one target: the attacker's side of it, the others beside him, and the judgement.
// The others call from the first moment to the last; hold() makes sure that a stall is seen while
// what the attack has opened is still open.
class Scene {
 public:
  Scene(const Attack& attack, Target& target);

  Target& target() { return target_; }
  bool is_stock() const { return target_.kind() == Kind::kStock; }
  Socket connect(int receive_size = 0) const {
    return Socket(target_.port(), "127.0.0.1", receive_size);
  }

  // Takes memory from here on as what the server needs without the attack.
  void measure_from_here();
  // Holds the attack until the others have made a good number of calls, or one went wrong; and
  // keeps doing `step`, which should return soon.
  void hold() {
    hold_while([] { pause_for(Duration(20)); });
  }
  void hold_while(const std::function<void()>& step);

  // Notes what is wrong; the attack may be broken off then.
  void expect(bool holds, const std::string& otherwise, Verdict verdict = Verdict::kWrong);
  // That the server answers this message so.
  void expect_answer(Socket& socket, std::string_view message, const std::string& what);
  // That the server closes the connection in time.
  void expect_closed(Socket& socket, Duration limit, const std::string& why);
  // Whether something was wrong already, here or with the others.
  bool failed() const;

  // For the runner.
  Outcome judge();

 private:
  void note(Verdict verdict, const std::string& problem);

  const Attack& attack_;
  Target& target_;
  Bystander others_;
  std::size_t memory_before_ = 0;
  double cpu_share_ = 0;
  Verdict verdict_ = Verdict::kPassed;
  std::string problem_;
};

// Starts the target, runs the attack, judges.
Outcome run_attack(const Attack& attack, Kind kind, const std::string& programs);

}  // namespace rkv::attacks
