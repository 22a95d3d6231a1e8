#include "rkv/load_command.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "client/loader.h"
#include "rkv/json.h"
#include "rkv/load_source.h"
#include "rkv/output.h"
#include "rkv/progress.h"

namespace rkv::cli {
namespace {

// Failures with a line of their own; the rest is only counted.
constexpr std::uint64_t kShownFailures = 10;

// What went wrong in a load.
class Failures {
 public:
  // `progress`: makes room for the lines of the failures.
  explicit Failures(Progress& progress) : progress_(progress) {}

  // `name` is what failed; empty where the reason says it.
  void add(const std::string& name, const Status& status) {
    ++count_;
    ++by_code_[status.code()];
    worst_ = worse_of(worst_, exit_status_of(status.code()));
    if (count_ > kShownFailures) return;
    progress_.erase();
    report(name.empty() ? "load" : fmt::format("load: {}", printable(name, 300)), status);
  }

  // How many had no line of their own, and how many there were of each kind.
  void sum_up() const {
    if (count_ <= kShownFailures) return;
    std::string kinds;
    for (const auto& [code, count] : by_code_) {
      kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count, to_string(code));
    }
    write_error(fmt::format("load: and {} more errors; in all {}", count_ - kShownFailures, kinds));
  }

  std::uint64_t count() const { return count_; }
  ExitStatus worst() const { return worst_; }
  const std::map<StatusCode, std::uint64_t>& by_code() const { return by_code_; }

 private:
  Progress& progress_;
  std::uint64_t count_ = 0;
  std::map<StatusCode, std::uint64_t> by_code_;
  ExitStatus worst_ = kExitOk;
};

// Reads the source into the sink. A failure is one of the source as a whole.
Status load_source(const std::string& source, const LoadSink& sink, Progress& progress) {
  std::error_code error;
  if (source != "-" && std::filesystem::is_directory(source, error)) {
    const std::uint64_t left_out = load_directory(source, sink);
    if (left_out > 0) {
      progress.erase();
      write_error(
          fmt::format("load: {} entries that are not regular files were left out", left_out));
    }
    return Status();
  }
  if (source == "-") {
    load_lines(*InputFile::standard_input(), sink);
    return Status();
  }
  const Result<std::unique_ptr<InputFile>> file = InputFile::open(source);
  if (!file.ok()) return file.status();
  load_lines(*file.value(), sink);
  return Status();
}

void write_totals(const client::LoaderTotals& totals, const Failures& failures, double elapsed_s,
                  OutputFormat format) {
  const double rate = elapsed_s > 0 ? static_cast<double>(totals.stored) / elapsed_s : 0;
  if (format != OutputFormat::kJson) {
    write_output(fmt::format("loaded {} keys, {} errors, {} bytes in {:.3f} s ({:.0f} keys/s)\n",
                             totals.stored, failures.count(), totals.value_bytes, elapsed_s, rate));
    return;
  }
  Json object;
  object["keys"] = totals.stored;
  object["errors"] = failures.count();
  object["bytes"] = totals.value_bytes;
  object["seconds"] = elapsed_s;
  object["keys_per_second"] = rate;
  object["errors_by_kind"] = Json::object();
  for (const auto& [code, count] : failures.by_code()) {
    object["errors_by_kind"][std::string(to_string(code))] = count;
  }
  write_output(to_text(object));
}

}  // namespace

ExitStatus run_load(const Options& options, Session& session) {
  if (options.transport == rpc::Transport::kUdp) {
    return report("load", Status::invalid("goes over TCP only, without -t udp"));
  }
  const Result<const Cluster*> cluster = session.cluster();
  if (!cluster.ok()) return report("load", cluster.status());
  Progress progress;
  Failures failures(progress);
  client::LoaderOptions loader_options;
  loader_options.timeout = options.timeout;
  client::Loader loader(
      cluster.value()->servers, loader_options,
      [&failures](const std::string& key, const Status& status) { failures.add(key, status); });
  if (const Status status = loader.start(); !status.ok()) return report("load", status);

  const LoadSink sink = {
      [&loader](std::string key, std::string value) {
        loader.put(std::move(key), std::move(value));
      },
      [&failures](const std::string& name, const Status& status) { failures.add(name, status); },
      [&loader] { loader.drain(); },
      [&loader] { return !loader.gave_up(); },
      [&loader, &progress](std::uint64_t done, std::uint64_t total) {
        progress.show(done, total, loader.totals().stored);
      },
  };
  const auto started = std::chrono::steady_clock::now();
  // A quoted "-" is a file of that name.
  const bool is_file = options.literal_value && options.arguments[0] == "-";
  const Status status = load_source(is_file ? "./-" : options.arguments[0], sink, progress);
  if (status.ok()) loader.drain();
  progress.erase();
  if (!status.ok()) return report("load", status);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  failures.sum_up();
  if (loader.gave_up()) write_error("load: given up, the rest was not tried");
  write_totals(loader.totals(), failures, elapsed.count(), options.format);
  return failures.worst();
}

}  // namespace rkv::cli
