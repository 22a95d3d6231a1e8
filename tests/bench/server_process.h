#pragma once

#include <cstdint>

namespace rkv::bench {

// The first thing in main() of every server of the bench, which is started as `SERVER SECONDS`: it
// ends with the process that started it, and after that many seconds at the latest.
void guard_server(int argc, char** argv);

// A listening, blocking socket on 127.0.0.1 and a port that the kernel picked.
int listen_on_loopback();

// Says on standard output where the server is; who started it reads that.
void announce_port(std::uint16_t port);
void announce_port_of(int descriptor);

}  // namespace rkv::bench
