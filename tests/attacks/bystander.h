#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "deadline.h"
#include "socket.h"

namespace rkv::attacks {

// What the well-behaved client got.
struct Treatment {
  std::size_t answered = 0;
  std::size_t unanswered = 0;  // within patience()
  std::size_t wrong = 0;       // answered with something else than was due
  double median_ms = 0;        // of the time that a call took, those without an answer included
  double worst_ms = 0;
  std::string first_problem;  // of unanswered and wrong calls; empty without one
};

// A well-behaved client, on a thread of its own: NULL, PUT and GET in turn, one at a time, on a
// connection that it keeps, and every fourth call on a new one. It checks every answer: a GET must
// give what its last PUT took.
class Bystander {
 public:
  // Connects; calls nothing yet.
  Bystander(std::uint16_t port, bool takes_new_connections);
  ~Bystander();
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;

  void start();
  // Ends after the call under way.
  void stop();
  // So far; for any thread.
  Treatment treatment() const;
  // Calls ended so far, and whether all of them well; for any thread.
  std::size_t calls() const;
  bool all_well() const;

 private:
  struct Step {
    Procedure procedure = kNull;
    bool on_new_connection = false;
  };
  void run();
  void make_call(const Step& step);
  // Empty if the answer is what is due; notes what a PUT set.
  std::string judge(Procedure procedure, const std::string& value, const Answer& answer);
  void note(double ms, const Answer& answer, const std::string& problem);

  const std::uint16_t port_;
  const bool takes_new_connections_;
  Socket kept_;
  std::uint32_t xid_ = 0;
  std::string stored_;

  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::size_t answered_ = 0;
  std::size_t unanswered_ = 0;
  std::size_t wrong_ = 0;
  std::string first_problem_;
  std::vector<double> times_ms_;
  std::thread thread_;
};

}  // namespace rkv::attacks
