// Runs a target on every file of its corpus, and on so many mutations of each, the same ones every
// time:
//
//   TARGET CORPUS_DIRECTORY MUTATIONS
//
// Prints "N inputs, N mutations". When the target aborts, the input is left in the file "crash" of
// the working directory, which the target's libFuzzer program takes as its argument.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.h"

extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }

namespace rkv::fuzz {
namespace {

constexpr std::size_t kInputSizeMax = 1 << 20;
constexpr unsigned kEditsMax = 4;

// The input that is being run, for the signal handler.
std::string_view current_input;

void keep_input(int signal_number) {
  const int file = open("crash", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0) {
    [[maybe_unused]] const ssize_t size = write(file, current_input.data(), current_input.size());
    close(file);
  }
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

void run(std::string_view input) {
  const ExactCopy copy(input);
  current_input = copy.view();
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(copy.view().data()), input.size());
}

std::vector<std::string> read_corpus(const std::string& directory) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// Edits inputs as a fuzzer does that sees no coverage. mt19937 is the same everywhere; the
// distributions of <random> are not, so they are not used.
class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string mutate(std::string input) {
    for (std::size_t edits = 1 + below(kEditsMax); edits > 0; --edits) edit(&input);
    if (input.size() > kInputSizeMax) input.resize(kInputSizeMax);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void edit(std::string* input) {
    const std::size_t at = below(input->size() + 1);
    switch (below(7)) {
      case 0:  // flip a bit
        if (at < input->size()) (*input)[at] = static_cast<char>((*input)[at] ^ 1 << below(8));
        break;
      case 1:  // another byte
        if (at < input->size()) (*input)[at] = static_cast<char>(below(256));
        break;
      case 2:
        input->insert(at, 1 + below(8), static_cast<char>(below(256)));
        break;
      case 3:
        input->erase(at, 1 + below(8));
        break;
      case 4:
        input->resize(at);
        break;
      case 5:
        overwrite_word(input, at);
        break;
      default:  // go on as another one does
        const std::string& other = corpus_[below(corpus_.size())];
        input->replace(at, std::string::npos, other, below(other.size() + 1), std::string::npos);
        break;
    }
  }

  // A number that is at the edge of something, as XDR has it.
  void overwrite_word(std::string* input, std::size_t at) {
    constexpr std::array<std::uint32_t, 12> kNumbers = {
        0, 1, 2, 4, 16, 17, 400, 401, 1024, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    const std::uint32_t number = kNumbers[below(kNumbers.size())];
    at -= at % 4;
    for (std::size_t i = 0; i < 4 && at + i < input->size(); ++i) {
      (*input)[at + i] = static_cast<char>(number >> (24 - 8 * i));
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_{20261121};
};

int replay(const std::string& directory, std::size_t mutations) {
  const std::vector<std::string> corpus = read_corpus(directory);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no inputs\n", directory.c_str());
    return EXIT_FAILURE;
  }
  for (const std::string& input : corpus) run(input);
  Mutator mutator(corpus);
  for (const std::string& input : corpus) {
    for (std::size_t i = 0; i < mutations; ++i) run(mutator.mutate(input));
  }
  std::printf("%zu inputs, %zu mutations\n", corpus.size(), corpus.size() * mutations);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace rkv::fuzz

int main(int argc, char** argv) {
  std::size_t mutations = 0;
  const std::string_view count = argc == 3 ? argv[2] : "";
  if (std::from_chars(count.data(), count.data() + count.size(), mutations).ec != std::errc()) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY MUTATIONS\n", argv[0]);
    return 2;
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(number, rkv::fuzz::keep_input);
  }
  return rkv::fuzz::replay(argv[1], mutations);
}
