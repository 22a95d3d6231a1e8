#include "rkv/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "rkv/output.h"

namespace rkv::cli {
namespace {

constexpr Duration kRedrawAfter = milliseconds(100);
constexpr std::size_t kBarMax = 40;
constexpr std::size_t kBarMin = 10;
constexpr std::size_t kColumnsUnknown = 80;

TimePoint now() {
  return TimePoint{
      std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

bool can_erase() {
  const char* const terminal = std::getenv("TERM");
  return terminal != nullptr && *terminal != '\0' && std::string_view(terminal) != "dumb";
}

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kColumnsUnknown;
  return size.ws_col;
}

void write_now(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string progress_line(const ProgressState& state, std::size_t columns) {
  const double elapsed_s = static_cast<double>(state.elapsed.ns) / 1e9;
  const double rate = elapsed_s > 0 ? static_cast<double>(state.keys) / elapsed_s : 0;
  std::string text = fmt::format("{} keys, {:.0f} keys/s", state.keys, rate);
  const std::size_t room = columns > 0 ? columns - 1 : 0;
  if (state.total > 0) {
    // What is read may have grown meanwhile.
    const double part =
        static_cast<double>(std::min(state.done, state.total)) / static_cast<double>(state.total);
    text = fmt::format("{:3.0f}%  {}", std::floor(part * 100), text);
    const std::size_t taken = text.size() + 3;  // brackets and a blank
    if (room >= taken + kBarMin) {
      const std::size_t size = std::min(kBarMax, room - taken);
      const auto full = static_cast<std::size_t>(part * static_cast<double>(size));
      text = fmt::format("[{}{}] {}", std::string(full, '#'), std::string(size - full, '.'), text);
    }
  }
  return text.substr(0, room);
}

Progress::Progress()
    : is_wanted_(error_is_terminal() && can_erase()), started_(now()), drawn_at_(started_) {}

Progress::~Progress() { erase(); }

void Progress::show(std::uint64_t done, std::uint64_t total, std::uint64_t keys) {
  if (!is_wanted_) return;
  const TimePoint time = now();
  if (time - drawn_at_ < kRedrawAfter) return;
  drawn_at_ = time;
  is_drawn_ = true;
  // Over the old line, and only then what is left of it: erased first, the line would flicker.
  write_now(fmt::format("\r{}\x1b[K",
                        progress_line({done, total, keys, time - started_}, terminal_columns())));
}

void Progress::erase() {
  if (!is_drawn_) return;
  write_now("\r\x1b[K");
  is_drawn_ = false;
}

}  // namespace rkv::cli
