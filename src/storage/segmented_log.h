#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "env/disk.h"
#include "env/log_device.h"
#include "storage/log_format.h"
#include "storage/log_recovery.h"
#include "storage/log_segments.h"

namespace rkv::storage {

// The log of a replica, in segments: files of one size, made of zeros ahead of need, filled one
// after another and removed when nothing in them is needed any more. FORMAT.txt has their bytes.
//
// One write at a time is under way, ended by a sync; what is appended meanwhile becomes the next
// one. A new segment begins with the live records, so the older ones need not stay for them.
// The caller bounds what is appended and not durable yet.
class SegmentedLog final : public env::LogDevice {
 public:
  static constexpr std::size_t kSegmentSizeMin = 8 * kSectorSize;
  static constexpr std::size_t kSegmentSizeMax = std::size_t{1} << 30;  // bytes
  static constexpr std::size_t kWriteSizeMax = std::size_t{4} << 20;    // bytes of records at once

  struct Options {
    LogIdentity identity;
    // In bytes, of new segments. A record must fit into one, and the live records should take a
    // small part of one.
    std::size_t segment_size = std::size_t{16} << 20;
    // has_room() is false when the disk has less than this, in bytes. At least two segments, so
    // that what must be written in spite of that finds room.
    std::uint64_t reserve = std::uint64_t{64} << 20;
    // A write, or the making or removing of a file, failed. Called once. What is on disk is not
    // known then, and nothing more is written; it is not expected that the process goes on.
    std::function<void(const Status& failure)> fatal;
  };
  // Reads what is there; nothing is an empty log. Fails as recover_log() does, and with kInvalid if
  // the sizes make no sense. `disk` must outlive the log, and have no other user.
  static Result<std::unique_ptr<SegmentedLog>> open(env::Disk& disk, const Options& options);
  // What is not durable yet may become so, or not.
  ~SegmentedLog() override = default;
  SegmentedLog(const SegmentedLog&) = delete;
  SegmentedLog& operator=(const SegmentedLog&) = delete;

  Recovered take_recovered() override;
  // While it waits for the disk to be still, nothing new is begun.
  void read_again(ReadDone done) override;
  // A record's body must fit into a segment: record_size_max() bytes.
  BatchNumber append(Batch batch) override;
  BatchNumber durable() const override { return durable_; }
  void set_durable_listener(DurableListener listener) override;
  void cut(Position slot) override;
  void set_live_records(LiveRecords live) override;
  bool has_room() override;
  std::uint64_t size() const override { return size_; }

  // Whether anything was ever written to it that is still known.
  bool has_batches() const { return sequence_ > 0; }
  // Whether records that were durable are among what was found damaged at the start. To be asked
  // before take_recovered().
  bool has_lost_records() const { return recovered_.lost_up_to.has_value(); }
  // What was found damaged at the start, a line for a person each; empty: nothing.
  const std::vector<std::string>& damage() const { return damage_; }
  // Bytes of a record's body that surely fit.
  std::size_t record_size_max() const;

 private:
  // What goes to disk as one batch, and where it goes.
  struct Group {
    SegmentNumber segment = 0;
    std::size_t sector = 0;
    bool opens_segment = false;
    bool begins = true;
    bool ends = true;
    std::vector<env::LogRecord> records;
    std::size_t records_size = 0;  // encoded
    std::string standing;
    BatchNumber number = 0;  // of the last append() that it makes durable; 0: of none
  };
  // What is to be done with a file apart from writing batches into it.
  struct Chore {
    enum class Kind { kCreate, kRemove, kClear };
    Kind kind = Kind::kCreate;
    SegmentNumber segment = 0;
    std::size_t begin_sector = 0;  // of what is to be cleared
    std::size_t end_sector = 0;
  };

  // Somebody wants the log read when this batch is durable.
  struct Reading {
    BatchNumber after = 0;
    ReadDone done;
  };

  SegmentedLog(env::Disk& disk, const Options& options, LogRecovery recovery);
  void begin_chores(const LogRecovery& recovery);

  bool join_last_group(Batch& batch, std::size_t records_size);
  void add_group(Group group);
  void open_segments(Group group, const std::string& standing_before);
  void add_group_in_new_segment(Group group);
  void tell_first_segment();

  void write_next();
  void finish_write(SegmentNumber first_segment);
  void remove_before(SegmentNumber segment);
  void do_next_chore();
  void finish_chore();
  bool reading_is_due() const { return !readings_.empty() && readings_.front().after <= durable_; }
  void read_if_due();
  void fail(const Status& failure);
  // Runs `done` on success, unless the log is gone or has failed.
  env::Disk::Done guarded(std::function<void()> done);

  env::Disk& disk_;
  const Options options_;
  Recovered recovered_;
  bool recovered_taken_ = false;
  const std::vector<std::string> damage_;
  LiveRecords live_;
  DurableListener listener_;
  bool failed_ = false;

  BatchNumber appended_ = 0;
  BatchNumber durable_ = 0;
  std::string standing_;          // as of the last append()
  std::deque<Group> groups_;      // to be written, in this order
  std::optional<Group> writing_;  // the one before them, under way
  // Where the group goes that comes after all of groups_.
  SegmentNumber end_segment_;
  std::size_t end_sector_;
  std::size_t end_segment_sectors_;  // how many that segment has

  // As of the last durable batch:
  BatchSequence sequence_;
  Position highest_slot_;
  SegmentNumber first_segment_;
  LogSegments segments_;

  std::deque<Reading> readings_;

  std::deque<Chore> chores_;  // one after another; the first one is under way if doing_chore_
  bool doing_chore_ = false;
  std::size_t chores_before_writing_ = 0;              // how many of them the first write waits for
  SegmentNumber ready_segment_;                        // the last one whose file is there
  std::map<SegmentNumber, std::uint64_t> file_sizes_;  // in bytes
  std::uint64_t size_ = 0;                             // their sum

  // What waits for the disk holds this weakly: nothing runs after the log is gone.
  std::shared_ptr<bool> alive_;
};

}  // namespace rkv::storage
