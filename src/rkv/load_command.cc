#include "rkv/load_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "client/client.h"
#include "client/loader.h"
#include "rkv/json.h"
#include "rkv/load_place.h"
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

// Reads the source into the sink. `file`: it, where it is open already; else null. A failure is one
// of the source as a whole.
Status load_source(const std::string& source, InputFile* file, const LoadSink& sink,
                   Progress& progress) {
  if (file != nullptr) {
    load_lines(*file, sink);
    return Status();
  }
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
  const Result<std::unique_ptr<InputFile>> opened = InputFile::open(source);
  if (!opened.ok()) return opened.status();
  load_lines(*opened.value(), sink);
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

// A load on its way: from a source, through a loader, with its place noted where that is asked for.
class Load {
 public:
  // `client`: of the same servers; asked which cluster they are. `recorder`: of calls; may be none.
  Load(const Options& options, const std::vector<client::Server>& servers, client::Client& client,
       client::HistoryRecorder* recorder)
      : options_(options),
        client_(client),
        failures_(progress_),
        loader_(
            servers, loader_options(options, recorder),
            [this](const std::string& key, const Status& status) { failures_.add(key, status); }) {}

  // What was stored, for a sequential read behind it.
  Position seen() const { return loader_.seen(); }

  ExitStatus run() {
    // A quoted "-" is a file of that name.
    const std::string& argument = options_.arguments[0];
    const std::string source =
        options_.literal_value && argument == "-" ? std::string("./-") : argument;
    if (const Status status = prepare(source); !status.ok()) {
      progress_.erase();
      return report_not_tried("load", status);
    }
    if (const Status status = loader_.start(); !status.ok()) {
      return report_not_tried("load", status);
    }
    if (const Status status = find_place(source); !status.ok()) {
      return report_not_tried("load", status);
    }
    const auto started = std::chrono::steady_clock::now();
    const Status status = load_source(source, file_.get(), sink(), progress_);
    if (status.ok()) loader_.drain();
    progress_.erase();
    if (!status.ok()) return report_not_tried("load", status);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
    finish();
    write_totals(loader_.totals(), failures_, elapsed.count(), options_.format);
    return failures_.worst();
  }

 private:
  // So many keys are put between two notes of the place.
  static constexpr std::uint64_t kKeysBetweenNotes = 20'000;

  static client::LoaderOptions loader_options(const Options& options,
                                              client::HistoryRecorder* recorder) {
    client::LoaderOptions loader_options;
    loader_options.timeout = options.timeout;
    loader_options.recorder = recorder;
    loader_options.process = static_cast<std::uint64_t>(getpid());
    return loader_options;
  }

  // What is looked at before a server is asked: whether a dump is whole. A regular file is opened
  // here, and this once: its name may stand for another one later.
  Status prepare(const std::string& source) {
    std::error_code error;
    const bool is_regular = source != "-" && std::filesystem::is_regular_file(source, error);
    if (options_.resume && !is_regular) {
      return Status::invalid("--resume goes with a regular FILE only");
    }
    if (!is_regular) return Status();
    Result<std::unique_ptr<InputFile>> opened = InputFile::open(source);
    if (!opened.ok()) return opened.status();
    file_ = std::move(opened).value();
    // Before it is read: what changes meanwhile must be seen by who goes on.
    const Result<FileStamp> stamp = file_->stamp();
    if (!stamp.ok()) return stamp.status();
    stamp_ = stamp.value();
    const Result<bool> is_dump = check_dump(
        *file_,
        [this](std::uint64_t done, std::uint64_t total) { progress_.show(done, total, 0); });
    if (!is_dump.ok()) return is_dump.status();
    return file_->rewind();
  }

  // With --resume, where to go on: in this file, if it went to this cluster before.
  Status find_place(const std::string& source) {
    if (!options_.resume) return Status();
    client::CallOptions call;
    call.timeout = options_.timeout;
    const Result<client::ReplicaStatus> server = client_.status(false, call);
    if (!server.ok()) return server.status();
    place_.emplace(source, stamp_, server.value().cluster.to_string());
    if (Status status = place_->read(); !status.ok()) return status;
    if (place_->keys() > 0) {
      progress_.erase();
      write_error(fmt::format("load: goes on behind the first {} keys", place_->keys()));
    }
    return Status();
  }

  LoadSink sink() {
    return {
        [this](std::string key, std::string value) { put(std::move(key), std::move(value)); },
        [this](const std::string& name, const Status& status) { failures_.add(name, status); },
        [this] { loader_.drain(); },
        [this] { return !loader_.gave_up(); },
        [this](std::uint64_t done, std::uint64_t total) {
          progress_.show(done, total, loader_.totals().stored);
        },
    };
  }

  void put(std::string key, std::string value) {
    ++keys_;
    if (place_ && keys_ <= place_->keys()) return;
    loader_.put(std::move(key), std::move(value));
    if (place_ && keys_ % kKeysBetweenNotes == 0) note_place();
  }

  // Behind a failure the place stays where it was: the next load begins in front of it.
  void note_place() {
    loader_.drain();
    if (failures_.count() > 0 || loader_.gave_up()) return;
    const Status status = place_->note(keys_);
    if (status.ok()) return;
    failures_.add({}, status);
  }

  void finish() {
    failures_.sum_up();
    if (loader_.gave_up()) write_error("load: given up, the rest was not tried");
    if (place_ && failures_.count() == 0 && !loader_.gave_up()) place_->remove();
  }

  const Options& options_;
  client::Client& client_;
  Progress progress_;
  Failures failures_;
  client::Loader loader_;
  std::unique_ptr<InputFile> file_;  // the source; null: no regular file
  FileStamp stamp_;                  // of it
  std::optional<LoadPlace> place_;
  std::uint64_t keys_ = 0;  // of the source, so far
};

}  // namespace

ExitStatus run_load(const Options& options, Session& session) {
  if (options.transport == rpc::Transport::kUdp) {
    return report_not_tried("load", Status::invalid("goes over TCP only, without -t udp"));
  }
  const Result<const Cluster*> cluster = session.cluster();
  if (!cluster.ok()) return report_not_tried("load", cluster.status());
  const Result<client::HistoryRecorder*> recorder = session.recorder();
  if (!recorder.ok()) return report_not_tried("load", recorder.status());
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report_not_tried("load", client.status());
  Load load(options, cluster.value()->servers, *client.value(), recorder.value());
  const ExitStatus status = load.run();
  client.value()->saw(load.seen());
  return status;
}

}  // namespace rkv::cli
