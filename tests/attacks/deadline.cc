#include "deadline.h"

#include <poll.h>

#include <csignal>

namespace rkv::attacks {
namespace {

Duration the_patience{2000};

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int /*signal*/) { interrupted = 1; }

}  // namespace

Duration patience() { return the_patience; }

void multiply_patience(int factor) { the_patience *= factor; }

void check_interrupted() {
  if (interrupted != 0) throw Interrupted{};
}

void note_interrupts() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, on_interrupt);
}

void pause_for(Duration time) {
  check_interrupted();
  poll(nullptr, 0, static_cast<int>(time.count()));
  check_interrupted();
}

}  // namespace rkv::attacks
