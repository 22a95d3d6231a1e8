#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace rkv::posix {

// The whole content of a file of at most `size_max` bytes; the reason names the file.
Result<std::string> read_file(const std::string& path, std::size_t size_max);

// Random bytes of the kernel, fit for identities and secrets.
void fill_random(void* bytes, std::size_t size);

// Raises the number of descriptors that this process may have to what the system lets it; returns
// the number it has then.
std::uint64_t raise_descriptor_limit();

// Makes the signals of a stop (SIGTERM, SIGINT) readable from the descriptor that is returned, in
// place of ending the process, and ignores SIGPIPE. Before any thread is started, so that all
// inherit it.
int take_over_signals();
// Reads one such signal off the descriptor; 0 if none is there.
int read_signal(int descriptor);

}  // namespace rkv::posix
