#include "options.h"

#include <getopt.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace rkv::bench {
namespace {

constexpr const char* kUsage = R"(usage: bench_replicated [OPTION...]

  --seconds S          counted in each run (2)
  --runs N             of which the medians are taken (3)
  --in-flight N,...    operations under way (1,16,64,256,1024)
  --replicas N,...     in a cluster (3,5)
  --replication NAME   paxos, 2pc or forward: a cluster of rkvd with it; may be given several times
                       (paxos and 2pc)
  --systems NAME,...   rkv,etcd: without one of the two
  --workloads NAME,... read-leader,read,mixed,write-leader,write
  --connections N      at most, over all replicas (12)
  --folder DIR         the clusters have their data in a new folder there: a real disk (the folder
                       of this program)
  --rkvd FILE          the program (rkvd in the folder above that of this program)
  --json FILE          write each run there too, as a line of JSON
)";

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "bench_replicated: %s\n%s", why.c_str(), kUsage);
  std::exit(2);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::istringstream in(list);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  if (parts.empty()) refuse("an empty list");
  return parts;
}

double positive(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || number <= 0) refuse("no positive number: " + text);
  return number;
}

std::vector<std::size_t> positive_list(const std::string& text) {
  std::vector<std::size_t> numbers;
  for (const std::string& part : split(text)) {
    numbers.push_back(std::max<std::size_t>(1, static_cast<std::size_t>(positive(part))));
  }
  return numbers;
}

std::vector<Workload> workload_list(const std::string& text) {
  std::vector<Workload> workloads;
  for (const std::string& name : split(text)) {
    const auto* const found =
        std::find_if(std::begin(kWorkloads), std::end(kWorkloads),
                     [&name](const Workload& workload) { return workload.name == name; });
    if (found == std::end(kWorkloads)) refuse("no such workload: " + name);
    workloads.push_back(*found);
  }
  return workloads;
}

// What several options say together.
struct Systems {
  std::vector<std::string> replications;
  bool rkv = true;
  bool etcd = true;
};

void set_systems(const std::string& text, Systems* systems) {
  systems->rkv = systems->etcd = false;
  for (const std::string& name : split(text)) {
    if (name != "rkv" && name != "etcd") refuse("no such system: " + name);
    (name == "rkv" ? systems->rkv : systems->etcd) = true;
  }
}

void add_replication(const std::string& text, Systems* systems) {
  for (const std::string& name : split(text)) {
    if (name != "paxos" && name != "2pc" && name != "forward") {
      refuse("no such replication: " + name);
    }
    systems->replications.push_back(name);
  }
}

void set_option(int letter, const std::string& text, Options* options, Systems* systems) {
  switch (letter) {
    case 's':
      options->seconds = positive(text);
      break;
    case 'r':
      options->runs = positive_list(text).front();
      break;
    case 'i':
      options->in_flight = positive_list(text);
      break;
    case 'n':
      options->replicas = positive_list(text);
      break;
    case 'y':
      set_systems(text, systems);
      break;
    case 'w':
      options->workloads = workload_list(text);
      break;
    case 'c':
      options->connections = positive_list(text).front();
      break;
    case 'p':
      add_replication(text, systems);
      break;
    case 'f':
      options->folder = text;
      break;
    case 'd':
      options->rkvd = text;
      break;
    case 'j':
      options->json = text;
      break;
    default:
      refuse("see below");
  }
}

}  // namespace

Options parse_options(int argc, char** argv) {
  static const option kLong[] = {{"seconds", required_argument, nullptr, 's'},
                                 {"runs", required_argument, nullptr, 'r'},
                                 {"in-flight", required_argument, nullptr, 'i'},
                                 {"replicas", required_argument, nullptr, 'n'},
                                 {"systems", required_argument, nullptr, 'y'},
                                 {"workloads", required_argument, nullptr, 'w'},
                                 {"connections", required_argument, nullptr, 'c'},
                                 {"replication", required_argument, nullptr, 'p'},
                                 {"folder", required_argument, nullptr, 'f'},
                                 {"rkvd", required_argument, nullptr, 'd'},
                                 {"json", required_argument, nullptr, 'j'},
                                 {nullptr, 0, nullptr, 0}};
  Options options;
  const std::string self = argv[0];
  const std::size_t slash = self.rfind('/');
  options.folder = slash == std::string::npos ? "." : self.substr(0, slash);
  options.rkvd = options.folder + "/../rkvd";
  Systems systems;
  int letter = 0;
  while ((letter = getopt_long(argc, argv, "", kLong, nullptr)) != -1) {
    set_option(letter, letter == '?' ? "" : optarg, &options, &systems);
  }
  options.etcd = systems.etcd;
  if (!systems.replications.empty()) options.replications = systems.replications;
  if (!systems.rkv) options.replications.clear();
  if (optind != argc) refuse("what is " + std::string(argv[optind]) + "?");
  return options;
}

}  // namespace rkv::bench
