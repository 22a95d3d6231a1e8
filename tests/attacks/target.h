#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "process.h"

namespace rkv::attacks {

// Who is attacked: our rkvd, or rpcgen's stubs for the same kv.x under libtirpc's svc_run().
enum class Kind { kRkvd, kStock };
const char* to_string(Kind kind);

// How the server of an attack is started.
struct Setup {
  // Timeouts and limits as options of rkvd; stock has none.
  std::vector<std::string> options = {};
  std::size_t descriptors_max = 0;  // 0: as many as this process may have
  std::size_t replicas = 1;         // rkvd only
};

// A server on free ports of 127.0.0.1, or a cluster of them, with a directory of its own, which is
// removed at the end. The programs are looked for beside this one.
class Target {
 public:
  // Returns when every replica answers. Throws std::runtime_error when one does not.
  Target(Kind kind, const std::string& programs, const Setup& setup);
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  Kind kind() const { return kind_; }
  std::size_t size() const { return replicas_.size(); }
  std::uint16_t port(std::size_t replica = 0) const { return replicas_[replica].port; }
  std::uint16_t peer_port(std::size_t replica = 0) const { return replicas_[replica].peer_port; }
  // The process that is attacked: the first one.
  Process& process() { return *replicas_.front().process; }
  // Whether every process still runs.
  bool running();
  // The last of what the processes have logged: why one ended, for a person to read.
  std::string log_end() const;

 private:
  struct Replica {
    std::uint16_t port = 0;
    std::uint16_t peer_port = 0;
    std::unique_ptr<Process> process;
  };
  std::vector<std::string> command(const std::string& programs, const Setup& setup,
                                   std::size_t replica) const;
  void write_replicas_file() const;
  void wait_until_answering(std::size_t replica);

  const Kind kind_;
  std::string directory_;
  std::vector<Replica> replicas_;
};

// Whether rkvd serves UDP: older ones do not.
bool serves_udp(Kind kind, const std::string& programs);

}  // namespace rkv::attacks
