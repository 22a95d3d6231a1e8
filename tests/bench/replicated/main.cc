// make bench-replicated: clusters of rkvd, one for each of some replication protocols, beside
// clusters of etcd, on this machine and over loopback, in one run. One process with one thread
// asks; see options.cc for the options.
//
// All clusters of a size run at the same time and take turns, run by run: what else the machine
// does meets them alike. Generator and servers share the processors, so the figures say little for
// themselves: compare those of one run. Each generator is lean (etcd_connection.h), and what it
// takes is counted apart.

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "../fail.h"
#include "closed_loop.h"
#include "etcd_store.h"
#include "options.h"
#include "report.h"
#include "rkv_store.h"
#include "workspace.h"

namespace rkv::bench {
namespace {

constexpr LoadPlan kPopulate = {{"populate", 0, true}, 64, 1, 0};

std::string new_folder(const std::string& parent, const std::string& name) {
  std::string folder = parent + "/" + name;
  std::filesystem::create_directory(folder);
  return folder;
}

// The clusters of one size.
class Comparison {
 public:
  Comparison(const Options& options, const std::string& folder, std::size_t replicas)
      : options_(options), folder_(new_folder(folder, std::to_string(replicas))) {
    for (const std::string& replication : options.replications) {
      auto store = std::make_unique<RkvStore>(options.rkvd, replication,
                                              new_folder(folder_, replication), replicas);
      if (rkv_ == nullptr) rkv_ = store.get();
      stores_.push_back(std::move(store));
    }
    if (options.etcd && EtcdStore::installed()) {
      stores_.push_back(std::make_unique<EtcdStore>(new_folder(folder_, "etcd"), replicas));
    }
    for (const auto& store : stores_) {
      ClosedLoop(*store, data_, store->leader(), kPopulate).populate();
    }
  }

  void run(Report* report) {
    for (const Workload& workload : options_.workloads) {
      for (const std::size_t in_flight : options_.in_flight) {
        measure({workload, in_flight, options_.connections, options_.seconds}, report);
      }
    }
  }

 private:
  void measure(const LoadPlan& plan, Report* report) {
    std::vector<std::vector<LoadResult>> results(stores_.size());
    for (std::size_t run = 0; run < options_.runs; ++run) {
      if (plan.in_flight == 1 && plan.workload.at_leader && rkv_ != nullptr) {
        const std::uint16_t port = rkv_->port(rkv_->leader());
        const Floor floor = measure_floor(port, folder_, options_.seconds / 2);
        report->add_floor(floor);
        write_json(to_json(rkv_->replicas(), floor));
      }
      for (std::size_t i = 0; i < stores_.size(); ++i) {
        Store& store = *stores_[i];
        results[i].push_back(ClosedLoop(store, data_, store.leader(), plan).run());
        write_json(to_json(store.replicas(), store.name(), plan, results[i].back()));
      }
    }
    for (std::size_t i = 0; i < stores_.size(); ++i) {
      report->add(stores_[i]->name(), plan, results[i]);
    }
  }

  void write_json(const std::string& line) const {
    if (!options_.json.empty()) std::ofstream(options_.json, std::ios::app) << line << '\n';
  }

  const Options& options_;
  const std::string folder_;
  const DataSet data_;
  std::vector<std::unique_ptr<Store>> stores_;
  RkvStore* rkv_ = nullptr;  // the first of them, for the floor
};

}  // namespace
}  // namespace rkv::bench

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what is there when it is stopped is worth having
  const rkv::bench::Options options = rkv::bench::parse_options(argc, argv);
  return rkv::bench::run_in_workspace(options.folder, [&options](const std::string& folder) {
    if (options.etcd && !rkv::bench::EtcdStore::installed()) {
      fmt::print("etcd is not installed (sh scripts/deps.sh bench): it is left out\n\n");
    }
    for (const std::size_t replicas : options.replicas) {
      rkv::bench::Comparison comparison(options, folder, replicas);
      rkv::bench::Report report(replicas);
      comparison.run(&report);
      report.print_goals();
    }
  });
}
