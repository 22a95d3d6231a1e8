#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "closed_loop.h"

namespace rkv::bench {

constexpr Workload kWorkloads[] = {{"read-leader", 100, true},
                                   {"read", 100, false},
                                   {"mixed", 95, false},
                                   {"write-leader", 0, true},
                                   {"write", 0, false}};

// What the command line of bench_replicated says.
struct Options {
  double seconds = 2;
  std::size_t runs = 3;
  std::vector<std::size_t> in_flight = {1, 16, 64, 256, 1024};
  std::vector<std::size_t> replicas = {3, 5};
  std::vector<Workload> workloads = {std::begin(kWorkloads), std::end(kWorkloads)};
  std::size_t connections = 12;
  std::vector<std::string> replications = {"paxos", "2pc"};  // a cluster of rkvd for each
  bool etcd = true;
  std::string rkvd;    // the program
  std::string folder;  // where the clusters have their data
  std::string json;    // file; empty: none
};

// Ends the bench with its usage if that makes no sense.
Options parse_options(int argc, char** argv);

}  // namespace rkv::bench
