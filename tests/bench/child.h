#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace rkv::bench {

// A server of the bench as a process of its own; ended with this object.
class Child {
 public:
  // Starts the program and waits until it says its port. It ends by itself after `seconds`.
  Child(const std::string& path, unsigned seconds);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::uint16_t port() const { return port_; }
  // Bytes of memory that the process has resident, as the kernel counts them (VmRSS).
  std::size_t memory() const;

 private:
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace rkv::bench
