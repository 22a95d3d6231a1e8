#include "rkv/session.h"

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
    client_ = std::make_unique<client::Client>(
        found.value()->servers, client::ClientOptions{options_.timeout, options_.transport});
  }
  return client_.get();
}

}  // namespace rkv::cli
