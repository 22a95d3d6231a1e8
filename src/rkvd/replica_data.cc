#include "rkvd/replica_data.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "paxos/records.h"
#include "posix/system.h"

namespace rkv::daemon {
namespace {

constexpr const char* kIdentityKey = "identity";
constexpr const char* kIncarnationKey = "incarnation";
constexpr Duration kFirstWriteTime = seconds(30);  // for the first batch of a new log

Status in_directory(const Options& options, const std::string& what) {
  return Status::invalid("data directory " + options.data_dir + what);
}

}  // namespace

Result<std::unique_ptr<ReplicaData>> ReplicaData::open(const Options& options, rpc::EventLoop& loop,
                                                       Logger& logger) {
  const bool single = options.replicas_file.empty();
  Result<posix::DataDirectory> directory =
      posix::DataDirectory::open(options.data_dir, options.create || single);
  if (!directory.ok()) return directory.status();
  const bool is_empty = directory.value().content() == posix::DataDirectory::Content::kEmpty;
  if (is_empty && !options.create && !single) {
    return in_directory(options,
                        " is empty; a new replica is made with --create, and a replica that has "
                        "lost its data must not come back as if it had never had any");
  }
  if (!is_empty && options.create) {
    return in_directory(options, " holds a replica already; start it without --create");
  }
  std::unique_ptr<ReplicaData> data(
      new ReplicaData(options, loop, logger, std::move(directory).value()));
  Status status = is_empty ? data->create() : data->open_existing();
  if (status.ok()) status = data->count_start();
  if (!status.ok()) return status;
  return data;
}

ReplicaData::ReplicaData(const Options& options, rpc::EventLoop& loop, Logger& logger,
                         posix::DataDirectory directory)
    : options_(options), loop_(loop), logger_(logger), directory_(std::move(directory)) {}

// The identity is written last: a replica that has one is whole.
Status ReplicaData::create() {
  Result<Identity> identity = new_identity(options_);
  if (!identity.ok()) return identity.status();
  identity_ = identity.value();
  const bool has_log = service::keeps_log(identity_.replication);
  Status status = open_store(true, has_log);
  if (!status.ok()) return status;
  if (has_log) {
    status = directory_.make_log_folder();
    if (status.ok()) status = open_log();
    if (status.ok()) status = begin_log();
    if (!status.ok()) return status;
  }
  return store_->put_metadata(kIdentityKey, identity_.encode());
}

Status ReplicaData::open_existing() {
  // The identity, which says whether there must be a log, is in the store.
  const bool has_log = directory_.has_log_folder();
  Status status = open_store(false, has_log);
  if (status.ok()) status = load_identity();
  if (!status.ok() || !service::keeps_log(identity_.replication)) return status;
  if (has_log) status = open_log();
  if (!status.ok()) return status;
  if (!has_log || !log_->has_batches()) {
    return in_directory(options_,
                        ": its log is gone; without it the replica does not know what it has "
                        "promised the others, and must not take part any more");
  }
  // What a vote or a decision was, nobody else may know.
  const bool is_twopc = identity_.replication == service::Replication::kTwoPc;
  if (is_twopc && log_->has_lost_records()) {
    return in_directory(options_, ": its log has lost votes or decisions of two-phase commit (" +
                                      log_->damage().front() +
                                      "), which no other replica may know: put the file back as it "
                                      "was, or make the cluster anew with the data of another one");
  }
  for (const std::string& damage : log_->damage()) {
    logger_.error("the log is damaged: {}; {}", damage,
                  is_twopc ? "no vote and no decision is lost by that"
                           : "what it held is fetched from the other replicas");
  }
  return {};
}

Status ReplicaData::open_store(bool create, bool has_log) {
  storage::RocksStore::Options options;
  options.durability = has_log ? storage::Durability::kFlush : storage::Durability::kWriteAheadLog;
  options.directory = directory_.store_path();
  options.create = create;
  posix::fill_random(&options.table_seed, sizeof options.table_seed);
  options.post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
  options.fatal = [this](const Status& failure) { end_process(failure); };
  Result<std::unique_ptr<storage::RocksStore>> store = storage::RocksStore::open(options);
  if (!store.ok()) return store.status();
  store_ = std::move(store).value();
  return {};
}

Status ReplicaData::load_identity() {
  const Result<std::optional<std::string>> record = store_->metadata(kIdentityKey);
  if (!record.ok()) return record.status();
  if (!record.value()) {
    return in_directory(options_,
                        ": the making of its replica was broken off; remove it and make the "
                        "replica again");
  }
  const Result<Identity> identity = Identity::decode(*record.value());
  if (!identity.ok()) return identity.status();
  identity_ = identity.value();
  return check_identity(identity_, options_);
}

Status ReplicaData::open_log() {
  Result<std::unique_ptr<posix::PosixDisk>> disk = posix::PosixDisk::open(
      {directory_.log_path(), [this](std::function<void()> task) { loop_.post(std::move(task)); }});
  if (!disk.ok()) return disk.status();
  log_disk_ = std::move(disk).value();
  storage::SegmentedLog::Options options;
  options.identity = {identity_.cluster, identity_.replica};
  options.fatal = [this](const Status& failure) { end_process(failure); };
  Result<std::unique_ptr<storage::SegmentedLog>> log =
      storage::SegmentedLog::open(*log_disk_, options);
  if (!log.ok()) return log.status();
  log_ = std::move(log).value();
  return {};
}

// A log that was never written to cannot be told from one that was lost; so this one is.
Status ReplicaData::begin_log() {
  LogBatch batch;
  if (identity_.replication == service::Replication::kPaxos) {
    batch.standing = paxos::encode_standing({});
  }
  const env::LogDevice::BatchNumber first = log_->append(std::move(batch));
  const bool is_durable = loop_.run_until([this, first] { return log_->durable() >= first; },
                                          rpc::EventLoop::read_clock() + kFirstWriteTime);
  if (is_durable) return open_log();  // anew: what it holds is what the next start finds
  return Status::unavailable("data directory " + options_.data_dir +
                             ": the disk has not taken the first write of the log in " +
                             std::to_string(kFirstWriteTime.ms() / 1000) + " s");
}

Status ReplicaData::count_start() {
  const Result<std::optional<std::string>> starts = store_->metadata(kIncarnationKey);
  if (!starts.ok()) return starts.status();
  incarnation_ = starts.value() ? XdrReader(*starts.value()).read_uint64() + 1 : 1;
  std::string counted;
  append_uint64(counted, incarnation_);
  return store_->put_metadata(kIncarnationKey, counted);
}

void ReplicaData::end_process(const Status& failure) {
  logger_.error(
      "the disk failed, and what it holds is not known any more: {}; ending, so that nothing is "
      "promised that may be lost",
      failure.reason());
  std::_Exit(EXIT_FAILURE);
}

}  // namespace rkv::daemon
