#include "storage/log_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "storage/log_reader.h"

namespace rkv::storage {
namespace {

// A refusal to start from what is here.
Status refusal(SegmentNumber segment, std::size_t sector, const std::string& what) {
  return Status::internal(fmt::format(
      "log segment {}, offset {}: {}. What this replica promised last is not known, so it must "
      "not vote again: put back this very file if you have it, or replace the replica by a new one",
      segment_name(segment), sector * kSectorSize, what));
}

// A batch that can be read, and where it is.
struct FoundBatch {
  SegmentNumber segment = 0;
  std::size_t sector = 0;
  std::size_t end_sector = 0;
  LogBatch batch;
};

class Recovery {
 public:
  Recovery(env::Disk& disk, const LogIdentity& identity) : disk_(disk), identity_(identity) {}

  Result<LogRecovery> run() {
    Status status = list_files();
    if (status.ok()) status = find_batches();
    if (status.ok()) status = judge_order();
    if (status.ok()) status = judge_end();
    if (!status.ok()) return status;
    collect_segments();
    collect_records();
    return std::move(result_);
  }

 private:
  struct File {
    std::size_t size = 0;
    bool cut_short = false;
  };

  Status list_files() {
    Result<std::vector<std::string>> names = disk_.list();
    if (!names.ok()) return names.status();
    for (const std::string& name : names.value()) {
      if (const auto segment = parse_segment_name(name)) files_[*segment] = File{};
    }
    return {};
  }

  Status find_batches() {
    for (auto& [segment, file] : files_) {
      const Result<std::string> bytes = disk_.read(segment_name(segment));
      if (!bytes.ok()) return bytes.status();
      file.size = bytes.value().size();
      result_.file_sizes[segment] = file.size;
      const SegmentReader reader(bytes.value(), SectorSeal(identity_, segment));
      const Status header = judge_header(segment, file, bytes.value());
      if (!header.ok()) return header;
      find_batches_in(segment, reader);
    }
    return {};
  }

  void find_batches_in(SegmentNumber segment, const SegmentReader& reader) {
    std::size_t damaged = 0;
    std::size_t first_damaged = 0;
    for (std::size_t i = kFirstBatchSector; i < reader.sectors();) {
      if (std::optional<LogBatch> batch = reader.batch_at(i)) {
        const std::size_t end = i + *reader.extent(i);
        found_.push_back({segment, i, end, std::move(*batch)});
        i = end;
        continue;
      }
      if (reader.at(i).state == SegmentReader::State::kDamaged && damaged++ == 0) first_damaged = i;
      ++i;
    }
    if (damaged == 0) return;
    result_.damage.push_back(
        fmt::format("log segment {}: damaged sectors: {}, the first at offset {}",
                    segment_name(segment), damaged, first_damaged * kSectorSize));
  }

  // A header that is not there yet is no damage; whether it should be, the batches tell.
  Status judge_header(SegmentNumber segment, File& file, std::string_view bytes) {
    const std::string_view sector = bytes.substr(0, kSectorSize);
    if (std::all_of(sector.begin(), sector.end(), [](char byte) { return byte == '\0'; })) {
      return {};
    }
    const Result<SegmentHeader> decoded = decode_segment_header(sector);
    const std::string name = segment_name(segment);
    if (decoded.status().code() == StatusCode::kUnavailable) {
      return Status::unavailable("log segment " + name + ": " + decoded.status().reason());
    }
    if (!decoded.ok()) {
      result_.damage.push_back("log segment " + name + ": " + decoded.status().reason());
      return {};
    }
    const SegmentHeader& header = decoded.value();
    if (header.identity != identity_) {
      return Status::unavailable(fmt::format(
          "log segment {} belongs to replica {} of cluster {}, and this is replica {} of cluster "
          "{}: start the replica on its own directory",
          name, header.identity.replica.value, header.identity.cluster.to_string(),
          identity_.replica.value, identity_.cluster.to_string()));
    }
    if (header.segment != segment) {
      result_.damage.push_back(fmt::format("log segment {} is in truth segment {}, renamed", name,
                                           segment_name(header.segment)));
    }
    file.cut_short = file.size < header.size;
    if (file.cut_short) {
      result_.damage.push_back(
          fmt::format("log segment {} has {} bytes of {}", name, file.size, header.size));
    }
    return {};
  }

  Status judge_order() {
    for (std::size_t i = 1; i < found_.size(); ++i) {
      if (found_[i].batch.head.sequence <= found_[i - 1].batch.head.sequence) {
        return refusal(found_[i].segment, found_[i].sector, "its batch is out of order");
      }
    }
    if (found_.empty()) return {};
    const FoundBatch& last = found_.back();
    result_.sequence = last.batch.head.sequence;
    result_.first_segment = last.batch.head.first_segment;
    result_.last_segment = last.segment;
    result_.last_sectors = files_.at(last.segment).size / kSectorSize;
    result_.end_sector = result_.unclean_end = last.end_sector;
    result_.highest_slot = last.batch.head.highest_slot_before;
    for (const env::LogRecord& record : last.batch.records) {
      result_.highest_slot = std::max(result_.highest_slot, record.slot);
    }
    if (result_.first_segment == 0 || result_.first_segment > last.segment) {
      return refusal(last.segment, last.sector, "its last batch contradicts itself");
    }
    return {};
  }

  // Behind the last batch that can be read there may be a torn one, and nothing else.
  Status judge_end() {
    SegmentNumber expected = std::max<SegmentNumber>(result_.last_segment, 1);
    for (auto file = files_.lower_bound(expected); file != files_.end(); ++file, ++expected) {
      const auto& [segment, about] = *file;
      if (segment != expected) return refusal(expected, 0, "the file is missing");
      // The one behind it is begun when this one is whole.
      const bool half_made = about.size < kSectorSize && std::next(file) != files_.end();
      if (about.cut_short || half_made) {
        return refusal(segment, about.size / kSectorSize, "the file ends here");
      }
      const Result<std::string> bytes = disk_.read(segment_name(segment));
      if (!bytes.ok()) return bytes.status();
      const SegmentReader reader(bytes.value(), SectorSeal(identity_, segment));
      const bool is_last = segment == result_.last_segment;
      const std::size_t start = is_last ? result_.end_sector : kFirstBatchSector;
      // Only right behind the last batch, or in the segment behind it, can a batch begin.
      const bool may_begin = segment <= result_.last_segment + 1;
      const Status status = judge_rest(segment, reader, start, may_begin);
      if (!status.ok()) return status;
      if (is_last) {
        result_.unclean_end = std::max(start, reader.used_end());
      } else {
        result_.unused.insert(result_.unused.begin(), segment);
      }
    }
    return {};
  }

  // Judges the sectors from `start` on, where no batch can be read.
  Status judge_rest(SegmentNumber segment, const SegmentReader& reader, std::size_t start,
                    bool may_begin) const {
    const BatchSequence next = result_.sequence + 1;
    for (std::size_t i = start; i < reader.sectors(); ++i) {
      const SegmentReader::Sector sector = reader.at(i);
      if (sector.state == SegmentReader::State::kGood &&
          (sector.stamp.sequence != next || !may_begin)) {
        return refusal(segment, start, "a batch is lost, and the last one behind it is not whole");
      }
    }
    const SegmentReader::Sector first = reader.at(start);
    if (first.state == SegmentReader::State::kZero) return {};  // torn, or nothing
    const std::size_t size = reader.extent(start).value_or(1);
    std::size_t zero = 0;
    for (std::size_t i = start; i < start + size && i < reader.sectors(); ++i) {
      const SegmentReader::State state = reader.at(i).state;
      if (state == SegmentReader::State::kDamaged) {
        return refusal(segment, i, "its last batch is damaged");
      }
      if (state == SegmentReader::State::kZero) ++zero;
    }
    if (zero == 0) return refusal(segment, start, "its last batch is damaged");
    return {};
  }

  void collect_segments() {
    LogSegments& segments = result_.segments;
    const SegmentNumber first = result_.first_segment;
    if (first == 0) return;
    if (!files_.contains(first)) {
      segments.add_missing(first);
      result_.damage.push_back("log segment " + segment_name(first) + " is missing");
    }
    for (const auto& [segment, file] : files_) {
      if (segment < first) result_.outdated.push_back(segment);
      if (segment >= first && segment <= result_.last_segment) segments.add(segment);
    }
  }

  void collect_records() {
    const FoundBatch* previous = nullptr;
    for (const FoundBatch& found : found_) {
      if (found.segment < result_.first_segment) continue;
      const bool follows =
          previous == nullptr
              ? found.segment == result_.first_segment && found.sector == kFirstBatchSector
              : found.batch.head.sequence == previous->batch.head.sequence + 1;
      if (!follows) {
        lose(previous == nullptr ? result_.first_segment : previous->segment, found);
      }
      take(found);
      previous = &found;
    }
    if (previous != nullptr) result_.recovered.standing = previous->batch.head.standing;
  }

  // Batches between those in `segment` and this one are not there any more.
  void lose(SegmentNumber segment, const FoundBatch& behind) {
    pending_.clear();
    const Position lost_up_to = behind.batch.head.highest_slot_before;
    result_.damage.push_back(
        fmt::format("log segment {}: batches before number {} are lost, with records of slots up "
                    "to {}",
                    segment_name(segment), behind.batch.head.sequence, lost_up_to));
    if (lost_up_to == 0) return;  // they had none
    result_.segments.hold_lost(segment, lost_up_to);
    std::optional<Position>& lost = result_.recovered.lost_up_to;
    lost = std::max(lost.value_or(0), lost_up_to);
  }

  void take(const FoundBatch& found) {
    if (found.batch.head.begins) pending_.clear();
    for (const env::LogRecord& record : found.batch.records) {
      pending_.emplace_back(found.segment, record);
    }
    if (!found.batch.head.ends) return;
    for (auto& [segment, record] : pending_) {
      result_.segments.hold(segment, record.slot);
      result_.recovered.records.push_back(std::move(record));
    }
    pending_.clear();
  }

  env::Disk& disk_;
  const LogIdentity identity_;
  std::map<SegmentNumber, File> files_;
  std::vector<FoundBatch> found_;
  // Of batches that another one must end; and their segments.
  std::vector<std::pair<SegmentNumber, env::LogRecord>> pending_;
  LogRecovery result_;
};

}  // namespace

Result<LogRecovery> recover_log(env::Disk& disk, const LogIdentity& identity) {
  return Recovery(disk, identity).run();
}

}  // namespace rkv::storage
