#include "target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>

#include "deadline.h"
#include "socket.h"

namespace rkv::attacks {
namespace {

constexpr Duration kStartLimit{20'000};
constexpr Duration kStartPause{10};
constexpr int kPortTries = 1000;
constexpr std::size_t kLogEndSize = 4000;
constexpr const char* kClusterId = "00112233445566778899aabbccddeeff";

bool can_bind(int type, std::uint16_t port) {
  const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const bool bound =
      bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(descriptor);
  return bound;
}

// Below those that the kernel gives to clients, so that none of the attack's own takes it.
std::uint16_t free_port() {
  static std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(20'000, 31'999);
  for (int i = 0; i < kPortTries; ++i) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (can_bind(SOCK_STREAM, port) && can_bind(SOCK_DGRAM, port)) return port;
  }
  throw std::runtime_error("no free port");
}

std::string make_directory() {
  std::string path = (std::filesystem::temp_directory_path() / "rkv-attacks.XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make " + path);
  return path;
}

}  // namespace

const char* to_string(Kind kind) { return kind == Kind::kRkvd ? "rkvd" : "stock"; }

Target::Target(Kind kind, const std::string& programs, const Setup& setup)
    : kind_(kind), directory_(make_directory()), replicas_(setup.replicas) {
  for (Replica& replica : replicas_) {
    replica.port = free_port();
    replica.peer_port = free_port();
  }
  write_replicas_file();
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    replicas_[i].process = std::make_unique<Process>(command(programs, setup, i),
                                                     directory_ + "/log", setup.descriptors_max);
  }
  for (std::size_t i = 0; i < replicas_.size(); ++i) wait_until_answering(i);
}

Target::~Target() {
  replicas_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

bool Target::running() {
  for (Replica& replica : replicas_) {
    if (!replica.process->running()) return false;
  }
  return true;
}

std::string Target::log_end() const {
  std::ifstream file(directory_ + "/log");
  const std::string log(std::istreambuf_iterator<char>(file), {});
  return log.substr(log.size() - std::min(log.size(), kLogEndSize));
}

std::vector<std::string> Target::command(const std::string& programs, const Setup& setup,
                                         std::size_t replica) const {
  const std::string port = std::to_string(replicas_[replica].port);
  if (kind_ == Kind::kStock) return {programs + "/attacks_stock_server", port};
  std::vector<std::string> words = {programs + "/rkvd", "--data-dir",
                                    directory_ + "/" + std::to_string(replica + 1)};
  if (replicas_.size() == 1) {
    words.insert(words.end(), {"--listen", "127.0.0.1:" + port});
  } else {
    words.insert(words.end(),
                 {"--replicas", directory_ + "/replicas.conf", "--id", std::to_string(replica + 1),
                  "--create", "--cluster-id", kClusterId});
  }
  words.insert(words.end(), setup.options.begin(), setup.options.end());
  return words;
}

void Target::write_replicas_file() const {
  std::ofstream file(directory_ + "/replicas.conf");
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    file << i + 1 << " 127.0.0.1 " << replicas_[i].port << ' ' << replicas_[i].peer_port << '\n';
  }
}

// A PUT that every replica took: in a cluster, the replicas have found one another.
void Target::wait_until_answering(std::size_t replica) {
  const Deadline deadline(kStartLimit);
  while (Socket(port(replica)).ask(put_call(1, "ready", "yes")).status() != 0U) {
    if (deadline.passed() || !replicas_[replica].process->running()) {
      throw std::runtime_error(std::string(to_string(kind_)) + " does not start: " + log_end());
    }
    pause_for(kStartPause);
  }
}

bool serves_udp(Kind kind, const std::string& programs) {
  if (kind == Kind::kStock) return true;
  std::FILE* const help = popen(("'" + programs + "/rkvd' --help").c_str(), "r");
  if (help == nullptr) return false;
  std::string text;
  std::array<char, 4096> bytes;
  std::size_t count = 0;
  while ((count = std::fread(bytes.data(), 1, bytes.size(), help)) > 0) {
    text.append(bytes.data(), count);
  }
  pclose(help);
  return text.find("--udp") != std::string::npos;
}

}  // namespace rkv::attacks
