#include "posix/log_sink.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace rkv::posix {
namespace {

class StderrLogger final : public Logger {
 public:
  explicit StderrLogger(LogLevel level)
      : Logger(level), log_("rkvd", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    log_.set_level(spdlog::level::trace);  // what is below the level was not even formatted
    log_.flush_on(spdlog::level::trace);
    log_.set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %-5l %v",
                                                                   spdlog::pattern_time_type::utc));
  }

  void write(LogLevel level, std::string_view line) override {
    log_.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  static spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
      case LogLevel::kError:
        return spdlog::level::err;
      case LogLevel::kInfo:
        return spdlog::level::info;
      case LogLevel::kDebug:
        return spdlog::level::debug;
    }
    return spdlog::level::err;
  }

  spdlog::logger log_;
};

}  // namespace

std::unique_ptr<Logger> make_stderr_logger(LogLevel level) {
  return std::make_unique<StderrLogger>(level);
}

}  // namespace rkv::posix
