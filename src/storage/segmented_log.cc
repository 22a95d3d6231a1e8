#include "storage/segmented_log.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "base/failpoint.h"

namespace rkv::storage {
namespace {

// The last sector of a segment is kept for a batch without records, so that a full segment does not
// keep the log from saying which older ones are not needed any more.
constexpr std::size_t kSpareSectors = 1;
// More than a record takes beside its head and body, with their padding.
constexpr std::size_t kRecordOverhead = 32;  // bytes

// The most bytes of records that one batch in an empty segment can have.
std::size_t records_size_max(std::size_t segment_size) {
  const std::size_t sectors = segment_size / kSectorSize - kFirstBatchSector - kSpareSectors;
  return sectors * kSectorPayloadSize - kBatchHeadSize;
}

}  // namespace

Result<std::unique_ptr<SegmentedLog>> SegmentedLog::open(env::Disk& disk, const Options& options) {
  if (options.segment_size % kSectorSize != 0 || options.segment_size < kSegmentSizeMin ||
      options.segment_size > kSegmentSizeMax) {
    return Status::invalid(
        "the segment size of the log must be a multiple of " + std::to_string(kSectorSize) +
        ", from " + std::to_string(kSegmentSizeMin) + " to " + std::to_string(kSegmentSizeMax));
  }
  Result<LogRecovery> recovery = recover_log(disk, options.identity);
  if (!recovery.ok()) return recovery.status();
  RKV_FAILPOINT(log_after_recovery);
  return std::unique_ptr<SegmentedLog>(
      new SegmentedLog(disk, options, std::move(recovery).value()));
}

SegmentedLog::SegmentedLog(env::Disk& disk, const Options& options, LogRecovery recovery)
    : disk_(disk),
      options_(options),
      recovered_(std::move(recovery.recovered)),
      damage_(std::move(recovery.damage)),
      standing_(recovered_.standing),
      end_segment_(recovery.last_segment),
      end_sector_(recovery.end_sector),
      end_segment_sectors_(recovery.last_sectors),
      sequence_(recovery.sequence),
      highest_slot_(recovery.highest_slot),
      first_segment_(recovery.first_segment),
      segments_(std::move(recovery.segments)),
      ready_segment_(recovery.last_segment),
      file_sizes_(std::move(recovery.file_sizes)),
      alive_(std::make_shared<bool>(true)) {
  for (const auto& [segment, size] : file_sizes_) size_ += size;
  begin_chores(recovery);
}

// What a torn batch left must be gone before something is written that might be torn as well: the
// two together could look like one that is whole.
void SegmentedLog::begin_chores(const LogRecovery& recovery) {
  for (const SegmentNumber segment : recovery.unused) {
    chores_.push_back({Chore::Kind::kRemove, segment});
  }
  if (recovery.unclean_end > recovery.end_sector) {
    chores_.push_back(
        {Chore::Kind::kClear, recovery.last_segment, recovery.end_sector, recovery.unclean_end});
  }
  chores_before_writing_ = chores_.size();
  chores_.push_back({Chore::Kind::kCreate, recovery.last_segment + 1});
  for (const SegmentNumber segment : recovery.outdated) {
    chores_.push_back({Chore::Kind::kRemove, segment});
  }
  do_next_chore();
}

env::LogDevice::Recovered SegmentedLog::take_recovered() {
  RKV_CHECK(!recovered_taken_, "what was recovered is taken once");
  recovered_taken_ = true;
  return std::exchange(recovered_, {});
}

void SegmentedLog::read_again(ReadDone done) {
  readings_.push_back({appended_, std::move(done)});
  read_if_due();
}

void SegmentedLog::read_if_due() {
  if (!reading_is_due() || writing_ || doing_chore_ || failed_) return;
  while (reading_is_due()) {
    Result<LogRecovery> recovery = recover_log(disk_, options_.identity);
    if (!recovery.ok()) return fail(recovery.status());
    if (recovery.value().sequence != sequence_) {
      return fail(Status::internal(
          "the log has lost its end while it was open: what this replica promised is not known"));
    }
    const Reading reading = std::move(readings_.front());
    readings_.pop_front();
    reading.done(std::move(recovery.value().recovered));
  }
  do_next_chore();
  write_next();
}

void SegmentedLog::set_durable_listener(DurableListener listener) {
  listener_ = std::move(listener);
}

void SegmentedLog::set_live_records(LiveRecords live) { live_ = std::move(live); }

// What is on its way to segments that are still to be made counts as written.
bool SegmentedLog::has_room() {
  if (failed_) return false;
  const SegmentNumber wanted = std::max(end_segment_ + 1, ready_segment_);
  const std::uint64_t to_be_made = (wanted - ready_segment_) * options_.segment_size;
  return disk_.free_bytes() >= options_.reserve + to_be_made;
}

std::size_t SegmentedLog::record_size_max() const {
  return records_size_max(options_.segment_size) - kRecordOverhead - env::LogRecord::kHeadSizeMax;
}

// ---- append -----------------------------------------------------------------------------------

env::LogDevice::BatchNumber SegmentedLog::append(Batch batch) {
  RKV_CHECK(batch.standing.size() <= rkv::LogBatch::kStandingSizeMax, "a standing is small");
  const BatchNumber number = ++appended_;
  if (failed_) return number;
  const std::string standing_before = standing_;
  if (!batch.standing.empty()) standing_ = batch.standing;
  std::size_t records_size = 0;
  for (const env::LogRecord& record : batch.records) records_size += encoded_size(record);
  if (!join_last_group(batch, records_size)) {
    Group group;
    group.records = std::move(batch.records);
    group.records_size = records_size;
    group.standing = standing_;
    group.number = number;
    const std::size_t end = end_sector_ + batch_sectors(records_size) + kSpareSectors;
    if (end <= end_segment_sectors_) {
      add_group(std::move(group));
    } else {
      open_segments(std::move(group), standing_before);
    }
  }
  write_next();
  return number;
}

// Whether the batch could go along with one that waits to be written.
bool SegmentedLog::join_last_group(Batch& batch, std::size_t records_size) {
  if (groups_.empty()) return false;
  Group& group = groups_.back();
  const std::size_t joint_size = group.records_size + records_size;
  const std::size_t end = group.sector + batch_sectors(joint_size);
  if (joint_size > kWriteSizeMax || end + kSpareSectors > end_segment_sectors_) return false;
  std::move(batch.records.begin(), batch.records.end(), std::back_inserter(group.records));
  group.records_size = joint_size;
  group.standing = standing_;
  group.number = appended_;
  end_sector_ = end;
  return true;
}

void SegmentedLog::add_group(Group group) {
  group.segment = end_segment_;
  group.sector = end_sector_;
  end_sector_ += batch_sectors(group.records_size);
  groups_.push_back(std::move(group));
}

void SegmentedLog::add_group_in_new_segment(Group group) {
  group.opens_segment = true;
  ++end_segment_;
  end_sector_ = kFirstBatchSector;
  end_segment_sectors_ = options_.segment_size / kSectorSize;
  add_group(std::move(group));
}

// Puts the live records and the group's into a new segment, or into as many as it takes. Should a
// crash come between these, then none of the records counts, and the standing is as it was before.
void SegmentedLog::open_segments(Group group, const std::string& standing_before) {
  RKV_FAILPOINT(log_before_live_records);
  std::vector<env::LogRecord> records;
  if (live_) records = live_();
  RKV_FAILPOINT(log_after_live_records);
  std::move(group.records.begin(), group.records.end(), std::back_inserter(records));
  const std::size_t size_max = records_size_max(options_.segment_size);
  Group part;
  for (env::LogRecord& record : records) {
    const std::size_t size = encoded_size(record);
    RKV_CHECK(size <= size_max, "a record fits into a segment");
    if (part.records_size + size > size_max) {
      part.ends = false;
      part.standing = standing_before;
      add_group_in_new_segment(std::exchange(part, Group{}));
      part.begins = false;
    }
    part.records.push_back(std::move(record));
    part.records_size += size;
  }
  part.standing = group.standing;
  part.number = group.number;
  add_group_in_new_segment(std::move(part));
  RKV_FAILPOINT(log_after_open_segments);
}

void SegmentedLog::cut(Position slot) {
  RKV_FAILPOINT(log_before_cut);
  segments_.cut(slot);
  tell_first_segment();
  RKV_FAILPOINT(log_after_cut);
}

// If older segments could go, and no batch is on its way that says so, makes one.
void SegmentedLog::tell_first_segment() {
  if (failed_ || writing_ || !groups_.empty()) return;
  if (segments_.first_needed() <= first_segment_) return;
  if (end_sector_ >= end_segment_sectors_) return;  // the next append() opens a segment, and tells
  Group group;
  group.standing = standing_;
  add_group(std::move(group));
  write_next();
}

// ---- the disk ---------------------------------------------------------------------------------

void SegmentedLog::write_next() {
  if (failed_ || writing_ || groups_.empty() || chores_before_writing_ > 0) return;
  if (reading_is_due()) return;
  if (groups_.front().segment > ready_segment_) return;
  writing_ = std::move(groups_.front());
  groups_.pop_front();
  const Group& group = *writing_;
  BatchHead head;
  head.sequence = sequence_ + 1;
  head.begins = group.begins;
  head.ends = group.ends;
  head.highest_slot_before = highest_slot_;
  // What an unended group has recorded anew counts when it is ended: until then nothing goes.
  head.first_segment =
      group.begins ? std::max(segments_.first_needed(), first_segment_) : first_segment_;
  if (head.first_segment == 0) head.first_segment = group.segment;  // the log's first batch
  head.standing = group.standing;
  const SectorSeal seal(options_.identity, group.segment);
  std::string bytes = encode_batch(head, group.records, seal, group.sector);
  std::size_t sector = group.sector;
  if (group.opens_segment) {
    bytes.insert(0, encode_segment_header(
                        {options_.identity, group.segment, file_sizes_.at(group.segment)}));
    sector = 0;
    chores_.push_back({Chore::Kind::kCreate, group.segment + 1});
  }
  RKV_FAILPOINT(log_before_write);
  disk_.write(segment_name(group.segment), sector * kSectorSize, std::move(bytes),
              guarded([this, first = head.first_segment] { finish_write(first); }));
  do_next_chore();
}

void SegmentedLog::finish_write(SegmentNumber first_segment) {
  RKV_FAILPOINT(log_after_write);
  const Group group = std::move(*writing_);
  writing_.reset();
  if (group.number != 0) durable_ = group.number;
  ++sequence_;
  if (group.opens_segment) segments_.add(group.segment);
  for (const env::LogRecord& record : group.records) {
    highest_slot_ = std::max(highest_slot_, record.slot);
    segments_.hold(group.segment, record.slot);
  }
  remove_before(first_segment);
  write_next();
  tell_first_segment();
  if (group.number != 0 && listener_) listener_(durable_);
  read_if_due();
}

// The batch that says so is durable: the segments before this one are not needed.
void SegmentedLog::remove_before(SegmentNumber segment) {
  first_segment_ = segment;
  for (const SegmentNumber old : segments_.drop_before(segment)) {
    chores_.push_back({Chore::Kind::kRemove, old});
  }
  do_next_chore();
}

void SegmentedLog::do_next_chore() {
  if (failed_ || doing_chore_ || chores_.empty() || reading_is_due()) return;
  doing_chore_ = true;
  RKV_FAILPOINT(log_before_chore);
  const Chore& chore = chores_.front();
  const std::string name = segment_name(chore.segment);
  env::Disk::Done done = guarded([this] { finish_chore(); });
  switch (chore.kind) {
    case Chore::Kind::kCreate:
      file_sizes_[chore.segment] = options_.segment_size;
      size_ += options_.segment_size;
      disk_.create(name, options_.segment_size, std::move(done));
      return;
    case Chore::Kind::kRemove:
      disk_.remove(name, std::move(done));
      return;
    case Chore::Kind::kClear:
      disk_.write(name, chore.begin_sector * kSectorSize,
                  std::string((chore.end_sector - chore.begin_sector) * kSectorSize, '\0'),
                  std::move(done));
      return;
  }
}

void SegmentedLog::finish_chore() {
  RKV_FAILPOINT(log_after_chore);
  const Chore chore = chores_.front();
  chores_.pop_front();
  doing_chore_ = false;
  if (chores_before_writing_ > 0) --chores_before_writing_;
  if (chore.kind == Chore::Kind::kCreate) ready_segment_ = chore.segment;
  if (chore.kind == Chore::Kind::kRemove) {
    size_ -= file_sizes_.at(chore.segment);
    file_sizes_.erase(chore.segment);
  }
  do_next_chore();
  write_next();
  read_if_due();
}

env::Disk::Done SegmentedLog::guarded(std::function<void()> done) {
  return [this, alive = std::weak_ptr<bool>(alive_), done = std::move(done)](const Status& status) {
    if (alive.expired() || failed_) return;
    if (status.ok()) {
      done();
      return;
    }
    fail(status);
  };
}

void SegmentedLog::fail(const Status& failure) {
  failed_ = true;
  groups_.clear();
  options_.fatal(failure);
}

}  // namespace rkv::storage
