#include "sim_disk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rkv::sim {
namespace {

constexpr std::size_t kSectorSize = env::Disk::kSectorSize;

bool is_zero(const std::string& bytes, std::size_t offset, std::size_t size) {
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                     bytes.begin() + static_cast<std::ptrdiff_t>(offset + size),
                     [](char byte) { return byte == '\0'; });
}

}  // namespace

SimDisk::SimDisk(Random& random, Schedule schedule)
    : random_(random), schedule_(std::move(schedule)), power_(std::make_shared<bool>(true)) {}

Result<std::vector<std::string>> SimDisk::list() {
  std::vector<std::string> names;
  for (auto& [name, file] : files_) {
    for (const Change& change : std::exchange(file.changes, {})) apply(file, change);
    if (file.exists) names.push_back(name);
  }
  return names;
}

Result<std::string> SimDisk::read(const std::string& name) {
  const auto found = files_.find(name);
  if (found == files_.end() || !found->second.exists) {
    return Status::invalid(name + ": there is no such file");
  }
  RKV_CHECK(found->second.changes.empty(), "reading comes before any change");
  return found->second.content;
}

void SimDisk::create(const std::string& name, std::size_t size, Done done) {
  ++counters_.creates;
  submit(name, {Kind::kCreate, 0, size, {}, std::move(done), false});
}

void SimDisk::write(const std::string& name, std::size_t offset, std::string bytes, Done done) {
  ++counters_.writes;
  counters_.bytes_written += bytes.size();
  submit(name, {Kind::kWrite, offset, 0, std::move(bytes), std::move(done), false});
}

void SimDisk::remove(const std::string& name, Done done) {
  ++counters_.removes;
  submit(name, {Kind::kRemove, 0, 0, {}, std::move(done), false});
}

std::uint64_t SimDisk::free_bytes() {
  return faults_.capacity - std::min(faults_.capacity, used());
}

std::uint64_t SimDisk::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, file] : files_) bytes += file.content.size();
  return bytes;
}

void SimDisk::submit(const std::string& name, Change change) {
  ++counters_.changes;
  change.fails = counters_.changes == faults_.failing_change || draw(faults_.error_per_million);
  files_[name].changes.push_back(std::move(change));
  begin_next(name);
}

void SimDisk::begin_next(const std::string& name) {
  File& file = files_[name];
  if (file.busy || file.changes.empty()) return;
  file.busy = true;
  schedule_(draw_delay(), [this, name, power = std::weak_ptr<bool>(power_)] {
    if (!power.expired()) finish_first(name);
  });
}

Duration SimDisk::draw_delay() {
  if (draw(faults_.stall_per_million)) {
    ++counters_.stalls;
    const auto stall = static_cast<std::uint64_t>(faults_.stall_max.ns);
    return {static_cast<std::int64_t>(random_.below(stall + 1))};
  }
  // Evenly spread, so that the mean is what is asked for.
  const Duration spread = (faults_.delay_mean - faults_.delay_min) * 2;
  const auto more =
      random_.below(static_cast<std::uint64_t>(std::max<std::int64_t>(spread.ns, 0)) + 1);
  return {faults_.delay_min.ns + static_cast<std::int64_t>(more)};
}

void SimDisk::finish_first(const std::string& name) {
  File& file = files_[name];
  const Change change = std::move(file.changes.front());
  file.changes.pop_front();
  file.busy = false;
  const Status status = try_change(file, name, change);
  begin_next(name);
  change.done(status);
}

Status SimDisk::try_change(File& file, const std::string& name, const Change& change) {
  if (broken_) return Status::internal(name + ": the disk does not work since an error");
  if (change.fails) {
    ++counters_.errors;
    broken_ = true;
    tear(file, change);
    return Status::internal(name + ": Input/output error");
  }
  if (file.exists == (change.kind == Kind::kCreate)) {
    broken_ = true;
    return Status::internal(name +
                            (file.exists ? ": is there already" : ": there is no such file"));
  }
  if (change.kind == Kind::kCreate && change.size > free_bytes()) {
    ++counters_.errors;
    ++counters_.out_of_space;
    broken_ = true;
    return Status::internal(name + ": No space left on device");
  }
  apply(file, change);
  return {};
}

void SimDisk::apply(File& file, const Change& change) {
  switch (change.kind) {
    case Kind::kCreate:
      RKV_CHECK(!file.exists, "a file that is made is not there");
      file.exists = true;
      file.content.assign(change.size, '\0');
      return;
    case Kind::kWrite:
      RKV_CHECK(file.exists && change.offset + change.bytes.size() <= file.content.size(),
                "a write is within the size of its file");
      file.content.replace(change.offset, change.bytes.size(), change.bytes);
      return;
    case Kind::kRemove:
      RKV_CHECK(file.exists, "a file that is removed is there");
      file.exists = false;
      file.content.clear();
      return;
  }
}

// Leaves of a change what a crash may leave of it.
void SimDisk::tear(File& file, const Change& change) {
  const std::uint64_t outcome = random_.below(3);  // nothing, all, or some
  // What the change builds upon may not have survived itself.
  if (file.exists == (change.kind == Kind::kCreate)) return;
  if (outcome == 0) {
    if (change.kind == Kind::kWrite) ++counters_.writes_dropped;
    return;
  }
  if (outcome == 1 || change.kind == Kind::kRemove) {
    if (change.kind == Kind::kWrite) ++counters_.writes_kept;
    apply(file, change);
    return;
  }
  if (change.kind == Kind::kCreate) {
    ++counters_.creates_torn;
    apply(file, change);
    file.content.resize(static_cast<std::size_t>(random_.below(change.size)));
    return;
  }
  ++counters_.writes_torn;
  for (std::size_t done = 0; done < change.bytes.size(); done += kSectorSize) {
    const std::size_t offset = change.offset + done;
    const std::size_t size = std::min(kSectorSize, change.bytes.size() - done);
    const bool fits = offset + size <= file.content.size();
    if (fits && random_.below(2) == 0) file.content.replace(offset, size, change.bytes, done, size);
  }
}

void SimDisk::forget_callbacks() {
  power_ = std::make_shared<bool>(true);
  broken_ = false;
  for (auto& [name, file] : files_) file.busy = false;
}

void SimDisk::crash() {
  ++counters_.crashes;
  forget_callbacks();
  for (auto& [name, file] : files_) {
    for (const Change& change : std::exchange(file.changes, {})) tear(file, change);
  }
}

void SimDisk::kill() { forget_callbacks(); }

void SimDisk::flip_bit(const std::string& name, std::size_t offset, unsigned bit) {
  ++counters_.flipped_bits;
  char& byte = files_.at(name).content.at(offset);
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit));
}

bool SimDisk::rot() {
  std::vector<std::pair<std::string, std::size_t>> sectors;
  for (const auto& [name, file] : files_) {
    for (std::size_t at = 0; at + kSectorSize <= file.content.size(); at += kSectorSize) {
      if (!is_zero(file.content, at, kSectorSize)) sectors.emplace_back(name, at);
    }
  }
  if (sectors.empty()) return false;
  const auto& [name, begin] = sectors[static_cast<std::size_t>(random_.below(sectors.size()))];
  ++counters_.rotten_sectors;
  constexpr std::uint64_t kBytes[] = {1, 16, kSectorSize};
  const std::uint64_t bytes = kBytes[random_.below(3)];
  for (std::uint64_t i = 0; i < bytes; ++i) {
    const std::size_t offset = begin + static_cast<std::size_t>(random_.below(kSectorSize));
    flip_bit(name, offset, static_cast<unsigned>(random_.below(8)));
  }
  return true;
}

SimDisk::Image SimDisk::image() const {
  Image image;
  for (const auto& [name, file] : files_) {
    if (file.exists) image[name] = file.content;
  }
  return image;
}

void SimDisk::set_image(const Image& image) {
  forget_callbacks();
  files_.clear();
  for (const auto& [name, content] : image) {
    files_[name].exists = true;
    files_[name].content = content;
  }
}

}  // namespace rkv::sim
