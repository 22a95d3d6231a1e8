#include "rkv/load_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/limits.h"
#include "rkv/dump_format.h"

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

// What bytes of a source become, of either form.
class Form {
 public:
  virtual ~Form() = default;
  virtual void take(std::string_view bytes) = 0;
  // The source is at its end.
  virtual void finish() = 0;
};

// Lines of a key, a tab and a value. Memory is bounded: of a line that is longer than any that
// could be stored, the rest is dropped.
class LineLoader : public Form {
 public:
  // `total`: how many bytes there are; 0 if nobody knows.
  LineLoader(const LoadSink& sink, std::uint64_t total) : sink_(sink), total_(total) {}

  void take(std::string_view bytes) override {
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

  void finish() override {
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

// A dump.
class DumpLoader : public Form {
 public:
  DumpLoader(const LoadSink& sink, std::uint64_t total) : sink_(sink), total_(total) {}

  void take(std::string_view bytes) override {
    while (!bytes.empty() && goes_on()) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size());
      if (line_.size() + end > kDumpLineMax) return fail(too_long());
      line_.append(bytes.substr(0, end));
      taken_ += end;
      if (end == bytes.size()) return;
      end_line();
      ++taken_;
      sink_.reached(taken_, total_);
      bytes.remove_prefix(end + 1);
    }
  }

  void finish() override {
    if (!goes_on()) return;
    if (!line_.empty()) end_line();
    if (goes_on()) fail(reader_.finish());
  }

 private:
  bool goes_on() const { return !failed_ && sink_.wanted(); }

  static Status too_long() {
    return {
        StatusCode::kOverLimit,
        fmt::format("a line has more than {} bytes, which no line of a dump has", kDumpLineMax)};
  }

  void fail(const Status& status) {
    if (status.ok()) return;
    failed_ = true;
    sink_.fail({}, status);
  }

  void end_line() {
    Result<std::optional<DumpReader::Entry>> entry = reader_.take(line_);
    line_.clear();
    if (!entry.ok()) return fail(entry.status());
    if (!entry.value()) return;
    sink_.put(std::move(entry.value()->key), std::move(entry.value()->value));
  }

  const LoadSink& sink_;
  const std::uint64_t total_;
  std::uint64_t taken_ = 0;
  std::string line_;
  DumpReader reader_;
  bool failed_ = false;
};

// Whichever of them the first bytes say it is.
class FormFinder : public Form {
 public:
  FormFinder(const LoadSink& sink, std::uint64_t total) : sink_(sink), total_(total) {}

  void take(std::string_view bytes) override {
    if (form_ != nullptr) return form_->take(bytes);
    beginning_ += bytes;
    const std::string_view expected = kDumpBeginning.substr(0, beginning_.size());
    const bool may_be_dump = beginning_.starts_with(expected);
    if (may_be_dump && beginning_.size() < kDumpBeginning.size()) return;
    choose(may_be_dump);
  }

  void finish() override {
    if (form_ == nullptr) choose(false);
    form_->finish();
  }

 private:
  void choose(bool is_dump) {
    if (is_dump) {
      form_ = std::make_unique<DumpLoader>(sink_, total_);
    } else {
      form_ = std::make_unique<LineLoader>(sink_, total_);
    }
    form_->take(std::exchange(beginning_, {}));
  }

  const LoadSink& sink_;
  const std::uint64_t total_;
  std::unique_ptr<Form> form_;
  std::string beginning_;  // until the form is known
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
  FormFinder lines(sink, file.size());
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

Result<bool> check_dump(InputFile& file,
                        const std::function<void(std::uint64_t, std::uint64_t)>& reached) {
  Status failure;
  const LoadSink sink = {
      [](const std::string&, const std::string&) {},
      [&failure](const std::string&, const Status& status) { failure = status; },
      [] {},
      [&failure] { return failure.ok(); },
      reached,
  };
  FormFinder form(sink, file.size());
  std::string buffer(kReadSize, '\0');
  bool is_first = true;
  while (failure.ok()) {
    const Result<std::size_t> count = file.read(buffer.data(), buffer.size());
    if (!count.ok()) return count.status();
    if (count.value() == 0) break;
    const std::string_view bytes = std::string_view(buffer).substr(0, count.value());
    if (is_first && !bytes.starts_with(kDumpBeginning)) return false;
    is_first = false;
    form.take(bytes);
  }
  if (is_first) return false;
  form.finish();
  if (!failure.ok()) return failure;
  return true;
}

}  // namespace rkv::cli
