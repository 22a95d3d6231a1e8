#include "rkv/session.h"

#include <unistd.h>

#include <utility>

namespace rkv::cli {

Session::Session(Options options, Kind kind) : options_(std::move(options)), kind_(kind) {}

Result<const Cluster*> Session::cluster() {
  if (!cluster_) {
    Result<Cluster> found = find_cluster(options_);
    if (!found.ok()) return found.status();
    cluster_ = std::move(found).value();
  }
  return &*cluster_;
}

Result<client::Client*> Session::client() {
  if (!client_) {
    const Result<const Cluster*> found = cluster();
    if (!found.ok()) return found.status();
    const Result<client::HistoryRecorder*> recorder = this->recorder();
    if (!recorder.ok()) return recorder.status();
    client::ClientOptions client_options;
    client_options.timeout = options_.timeout;
    client_options.transport = options_.transport;
    client_options.patient = false;  // a person waits
    client_options.discover = false;
    client_options.recorder = recorder.value();
    client_options.process = static_cast<std::uint64_t>(getpid());
    client_ = std::make_unique<client::Client>(found.value()->servers, client_options);
  }
  return client_.get();
}

Result<client::HistoryRecorder*> Session::recorder() {
  if (options_.history_file && recorder_ == nullptr) {
    Result<std::unique_ptr<client::HistoryRecorder>> opened =
        client::HistoryRecorder::open(*options_.history_file);
    if (!opened.ok()) return opened.status();
    recorder_ = std::move(opened).value();
  }
  return recorder_.get();
}

Status Session::history_status() const {
  return recorder_ == nullptr ? Status() : recorder_->status();
}

}  // namespace rkv::cli
