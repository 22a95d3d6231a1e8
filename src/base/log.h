#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace rkv {

enum class LogLevel { kError, kInfo, kDebug };

// Where a program's log lines go. Thread-safe. Handed to the parts that log; there is no global.
class Logger {
 public:
  virtual ~Logger() = default;

  // Writes one line: no newline at the end, what happened first, then where, then what to do.
  virtual void write(LogLevel level, std::string_view line) = 0;

  bool enabled(LogLevel level) const { return level <= level_; }

  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(LogLevel::kInfo)) {
      write(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
    }
  }
  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(LogLevel::kDebug)) {
      write(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
    }
  }

 protected:
  explicit Logger(LogLevel level) : level_(level) {}

 private:
  const LogLevel level_;
};

// Drops every line; for tests and for programs that speak on stderr only.
class NullLogger final : public Logger {
 public:
  NullLogger() : Logger(LogLevel::kError) {}
  void write(LogLevel, std::string_view) override {}
};

}  // namespace rkv
