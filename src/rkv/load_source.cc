#include "rkv/load_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/limits.h"

namespace rkv::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadSize = 256 * 1024;

// What a walk through a directory has found so far.
struct Found {
  std::vector<std::string> keys;
  std::uint64_t left_out = 0;
};

// Sorts one entry of a directory in; returns whether it is a directory to go into.
bool take_entry(const fs::directory_entry& entry, const std::string& key, Found* found) {
  std::error_code error;
  const bool is_link = entry.is_symlink(error);
  if (!is_link && entry.is_directory(error)) return true;
  if (entry.is_regular_file(error)) {
    found->keys.push_back(key);
  } else {
    ++found->left_out;
  }
  return false;
}

void walk(const fs::path& root, const LoadSink& sink, Found* found) {
  // Directories still to read, as paths from the root; "" is the root.
  std::vector<std::string> to_read = {""};
  while (!to_read.empty()) {
    const std::string prefix = std::move(to_read.back());
    to_read.pop_back();
    const fs::path directory = prefix.empty() ? root : root / prefix;
    std::error_code error;
    fs::directory_iterator entries(directory, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      const std::string name = entries->path().filename().string();
      const std::string key = prefix.empty() ? name : fmt::format("{}/{}", prefix, name);
      if (take_entry(*entries, key, found)) to_read.push_back(key);
    }
    if (error) sink.fail(directory.string(), Status::internal(error.message()));
  }
}

// Cuts what is read into lines. Memory is bounded: of a line that is longer than any that could be
// stored, the rest is dropped.
class LineLoader {
 public:
  // `total`: how many bytes there are; 0 if nobody knows.
  LineLoader(const LoadSink& sink, std::uint64_t total) : sink_(sink), total_(total) {}

  void take(std::string_view bytes) {
    while (!bytes.empty() && sink_.wanted()) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size());
      size_ += end;
      taken_ += end;
      line_.append(bytes.substr(0, std::min(end, kKept - line_.size())));
      if (end == bytes.size()) return;
      end_line();
      ++taken_;
      sink_.reached(taken_, total_);
      bytes.remove_prefix(end + 1);
    }
  }

  void finish() {
    if (size_ > 0 && sink_.wanted()) end_line();
  }

 private:
  // Enough to see that a key, or a value behind the longest key, is over its limit.
  static constexpr std::size_t kKept = kKeySizeMax + 1 + kValueSizeMax + 1;

  void end_line() {
    ++number_;
    const std::size_t tab = line_.find('\t');
    const std::string name = fmt::format("line {}", number_);
    if (tab == std::string::npos) {
      sink_.fail(name, Status::invalid("no tab between a key and a value"));
    } else if (tab == 0) {
      sink_.fail(name, Status::invalid("the key is empty, it needs at least 1 byte"));
    } else if (size_ - tab - 1 > kValueSizeMax) {
      sink_.fail(name,
                 {StatusCode::kOverLimit, fmt::format("the value has {} bytes, the limit is {}",
                                                      size_ - tab - 1, kValueSizeMax)});
    } else if (size_ > line_.size()) {
      sink_.fail(name, {StatusCode::kOverLimit,
                        fmt::format("the key has {} bytes, the limit is {}", tab, kKeySizeMax)});
    } else {
      sink_.put(line_.substr(0, tab), line_.substr(tab + 1));
    }
    line_.clear();
    size_ = 0;
  }

  const LoadSink& sink_;
  const std::uint64_t total_;
  std::uint64_t taken_ = 0;
  std::uint64_t number_ = 0;
  std::string line_;      // its first kKept bytes
  std::size_t size_ = 0;  // of the whole line
};

}  // namespace

std::uint64_t load_directory(const std::string& directory, const LoadSink& sink) {
  Found found;
  const fs::path root(directory);
  walk(root, sink, &found);
  std::sort(found.keys.begin(), found.keys.end());
  const std::size_t total = found.keys.size();
  std::size_t done = 0;
  for (std::string& key : found.keys) {
    if (!sink.wanted()) break;
    const std::string path = (root / key).string();
    Result<std::string> value = read_file(path, kValueSizeMax);
    if (value.ok()) {
      sink.put(std::move(key), std::move(value).value());
    } else {
      sink.fail({}, value.status());
    }
    ++done;
    sink.reached(done, total);
  }
  return found.left_out;
}

void load_lines(InputFile& file, const LoadSink& sink) {
  LineLoader lines(sink, file.size());
  std::string buffer(kReadSize, '\0');
  while (sink.wanted()) {
    if (!file.ready()) sink.settle();
    const Result<std::size_t> count = file.read(buffer.data(), buffer.size());
    if (!count.ok()) {
      sink.fail({}, count.status());
      break;
    }
    if (count.value() == 0) break;
    lines.take(std::string_view(buffer).substr(0, count.value()));
  }
  lines.finish();
}

}  // namespace rkv::cli
