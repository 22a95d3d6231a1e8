#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "base/unique_function.h"
#include "env/log_device.h"
#include "env/transport.h"
#include "kv/command.h"
#include "kv/state_machine.h"
#include "kv/store.h"
#include "protocol/protocol.h"
#include "replica/epoch_keeper.h"
#include "replica/listings.h"

namespace rkv::replica {

// How a write ended.
struct WriteResult {
  Status status;
  kv::Applied applied;             // valid on success
  std::vector<ReplicaId> missing;  // with kPartlyApplied: who may lack it
};

// How much a read sees. kv_consistency and kv_read_options in kv.x say what each promises.
struct ReadOptions {
  enum class Consistency { kLinearizable, kSequential, kEventual };

  Consistency consistency = Consistency::kLinearizable;
  Position seen = 0;       // kSequential
  Duration max_staleness;  // kEventual; 0: no bound
};

// What the manager counts; each only grows, but for those that say how many there are now.
struct ManagerCounters {
  std::uint64_t writes_waiting = 0;  // of clients, for their end, now
  std::uint64_t reads_waiting = 0;
  std::uint64_t writes = 0;         // of clients, begun
  std::uint64_t writes_failed = 0;  // of those, ended with anything but success
  std::uint64_t reads = 0;
  std::uint64_t peer_requests = 0;  // messages of other replicas
  std::uint64_t turns = 0;          // in which something was done
  std::uint64_t role_failures = 0;  // roles that were stopped on purpose
  std::uint64_t roles_stopped = 0;  // of those, not running again, now
};

// The replica: owns one replication protocol and the state machine, and is the only place that
// turns what the protocol decides into disk writes, messages, answers and applies. Knows no socket
// and no clock: calls come in, are gathered, and are worked on in turn(). For one thread.
class Manager {
 public:
  using Transport = env::Transport<protocol::Message>;

  struct Limits {
    std::size_t writes_waiting_max = 65536;  // of clients; more are refused as kBusy
    std::size_t reads_waiting_max = 65536;   // the same; pages of listings too
    // So many pages of listings are begun in one turn, and are read and not told. A page is up to
    // kEntriesMax keys and a few milliseconds of work, and asked for with few bytes: more at once
    // would keep everybody else waiting for the end of the turn, and fill the memory. Those that
    // wait for their state to be there do not count.
    std::size_t pages_at_once = 4;
    // For so long a read waits for the state to reach what it has to see, before it is refused.
    Duration catch_up_max = seconds(2);
    // An epoch of operations (kv::SessionTable) lasts so long while a leader, or under 2pc this
    // replica, is in office.
    Duration epoch_age_max = seconds(15 * 60);
    Listings::Limits listings;
    kv::SessionLimits sessions;  // the same at all replicas; others than these are for tests
    // Where a log is the durability, the state is saved in the background, one save at a time:
    // when so many writes were applied that are not in it, or so many bytes of commands, or when
    // the first of them is this old. A save of 100,000 writes takes 0.15 s of a processor when they
    // are over 10,000 keys and 0.3 s over 100,000, of 600,000 over 10,000 keys 0.6 s: the later it
    // is, the less it takes of each write. The other side is the memory, since what is not saved is
    // held up to three times while it is, and the replay at a restart: of 200,000 writes in a
    // second or so. While a save is under way more gathers, bounded by the log, which is not cut
    // meanwhile and runs out of room.
    std::uint64_t applied_unsaved_max = 200000;
    std::size_t unsaved_bytes_max = std::size_t{32} << 20;
    Duration unsaved_age_max = seconds(2);
  };

  // What a replica works on and with. All of it must outlive the manager.
  struct Environment {
    kv::Store& store;
    Transport& transport;
    env::LogDevice* log = nullptr;  // for a protocol that keeps one
    ReplicaId self;
    Incarnation incarnation = 0;
  };

  // Takes up the protocol at what store and log hold. `wanted` is called when turn() has something
  // to do that it had not before.
  Manager(std::unique_ptr<protocol::Protocol> protocol, const Environment& environment,
          const Limits& limits, TimePoint now, std::function<void()> wanted);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Each `done` is run once, from turn() or when a sync is done; never from within the call itself
  // but when a limit refuses it. Those that are not done when the manager goes are dropped.

  // A client's write: not a kEpoch, which is the replicas' own.
  using WriteDone = UniqueFunction<void(const WriteResult& result)>;
  void write(const kv::Command& command, WriteDone done);

  // `entry` is null if there is no such key, and valid during the callback only. What is told is
  // durable here. `position`: how many writes this replica had applied when it read.
  using ReadDone =
      UniqueFunction<void(const Status& status, const kv::Entry* entry, Position position)>;
  void read(std::string key, ReadDone done) { read(std::move(key), {}, std::move(done)); }
  void read(std::string key, const ReadOptions& options, ReadDone done);

  // A transaction that only reads. `applied` is valid on success, and its outcome kApplied,
  // kInvalid or kOverLimit.
  using TransactionDone = UniqueFunction<void(const Status& status, const kv::Applied& applied)>;
  void read(std::shared_ptr<const kv::Transaction> transaction, const ReadOptions& options,
            TransactionDone done);

  // A page of a range. The first one of a listing has no Scan::at; where has_total_order(), and if
  // more pages `may_follow`, its position is kept for Scan::at of those, which also have its
  // ScanPage::listing: kRevisionGone when it could not be. `options` are of the first page; its age
  // can be bounded where has_total_order(), or nothing locks keys, else kInvalid. What is told is
  // durable here.
  using ScanDone = UniqueFunction<void(const Status& status, kv::ScanPage&& page)>;
  // Pages wait for one another (Limits::pages_at_once). Whether somebody still wants this one is
  // looked at when its time has come: if not, it is not read, and kUnavailable. Empty: somebody
  // does.
  using ScanWanted = UniqueFunction<bool()>;
  void scan(kv::Scan scan, bool may_follow, const ReadOptions& options, ScanDone done,
            ScanWanted is_wanted = {});
  // The last page of a listing, with this Scan::at, has gone to who asked for it: what was kept for
  // the listing is kept for a repeated call only. Until then it waits as long as for any page.
  void last_page_told(const kv::Scan& scan);

  // Whether all writes have one order at all replicas, so that positions mean the same everywhere.
  bool has_total_order() const;
  // Whether a transaction happens at every replica or at none.
  bool has_transactions() const { return log_ != nullptr; }
  // The current epoch of operations, as far as this replica knows.
  std::uint64_t epoch() const { return sessions().epoch(); }
  // What it remembers for retries.
  const kv::SessionTable& sessions() const { return state_machine_.sessions(); }

  // A message of another replica, whose commands have been validated.
  using Answer = UniqueFunction<void(protocol::MessagePtr answer)>;
  void peer_request(ReplicaId from, protocol::MessagePtr message, Answer answer);

  // Whether another replica can be reached.
  void peer_up(ReplicaId peer);
  void peer_down(ReplicaId peer, std::string reason);

  // Hashes the state at one position between what was applied at the call and at the callback. It
  // is saved first as far as it is not; where that takes reading all of it, calls share the work.
  using HashDone = kv::Store::HashDone;
  void hash(HashDone done);

  // Works on everything that came since the last turn: steps the protocol through it, carries out
  // what it decided, and hands the store one write.
  void turn(TimePoint now);
  // When turn() must be called although nothing came; kNever if time changes nothing.
  TimePoint next_turn() const;

  // The roles that can be made to fail, as a trial of the real thing.
  std::vector<std::string_view> roles() const { return protocol_->roles(); }
  // Stops a role in the next turn; what it knows is gone. Nobody who waits here is forgotten. False
  // if there is no such role, or it does not run.
  bool stop_role(std::string_view role);
  // Starts a stopped role again, once the log has been read; that blocks this thread while the
  // disk reads. False if there is no such role, or it runs or is about to.
  bool start_role(std::string_view role);

  protocol::Role role() const { return protocol_->role(); }
  ManagerCounters counters() const;
  // Whether no write and no read waits for its end.
  bool quiet() const;

 private:
  static constexpr std::size_t kTurnsRemembered = 1024;

  struct Write {
    WriteDone done;
    std::optional<kv::Applied> applied;
    std::uint64_t own_sequence = 0;  // of the operation id given here; 0: it came with one
    bool is_of_client = true;        // if not, it begins an epoch
    bool finished = false;           // well, and only the result of its apply is waited for
  };
  // A read that has not begun: of a key, with `done`, or of something else, with `proceed`.
  struct ReadWaiting {
    std::string key;
    ReadDone done;
    UniqueFunction<void(const Status&)> proceed;
    std::uint64_t turn = 0;  // in which the protocol was asked whether it may begin
  };
  // One that this replica may answer out of its own state.
  struct LocalRead {
    ReadOptions options;
    ReadWaiting read;
  };
  // A page whose state is there.
  struct Page {
    kv::Scan scan;
    bool pins = false;
    ScanDone done;
    ScanWanted is_wanted;
  };
  // One whose position this replica has not reached.
  struct ReadBehind {
    TimePoint until;
    ReadWaiting read;
  };

  enum class RoleState { kRunning, kStopped, kStarting };
  struct RoleChange {
    std::string role;
    std::optional<env::LogDevice::Recovered> log;  // to start from; none: it stops
  };

  void want_turn();
  void enqueue(protocol::Event event);
  bool has_work() const {
    return !events_.empty() || !role_changes_.empty() || !local_reads_.empty() || hash_came_ ||
           may_begin_page();
  }
  bool may_begin_page() const {
    return !pages_.empty() && pages_under_way_ < limits_.pages_at_once;
  }
  void change_role(RoleChange change);
  void change_roles(TimePoint now, protocol::Effects& effects);
  void propose(protocol::ProposalId id, const kv::Command& command);
  OperationId next_own_operation();
  void keep_epoch(TimePoint now);
  std::size_t reads_waiting() const {
    return reads_.size() + local_reads_.size() + behind_.size() + pages_.size();
  }
  void begin_read(const ReadOptions& options, ReadWaiting&& read);
  void ask_protocol(ReadWaiting&& read);
  void begin_local_reads(TimePoint now);
  void release_behind(TimePoint now);
  void proceed(ReadWaiting&& read, const Status& status);
  void begin_pages();
  void read_page(Page&& page);
  void pass_before(const kv::Scan& scan);
  void page_was_read(const kv::Scan& scan, kv::ScanPage& page);
  void write_applied(protocol::ProposalId proposal, const kv::Applied& applied);
  void end_write(std::unordered_map<protocol::ProposalId, Write>::iterator found, Status status,
                 std::vector<ReplicaId> missing);
  void save_state(TimePoint now);
  void begin_save(TimePoint now);
  void begin_hashes();
  void carry_out(protocol::Effects& effects);
  void carry_out(protocol::Persist&& persist);
  void carry_out(protocol::Apply&& apply);
  void carry_out(const protocol::Check& check);
  void carry_out(protocol::Send&& send);
  void carry_out(protocol::Respond&& respond);
  void carry_out(protocol::Finish&& finish);
  void carry_out(const protocol::AllowRead& allow);
  void carry_out(const protocol::RefuseRead& refuse);
  void carry_out(const protocol::CutLog& cut);
  ReadWaiting take_read(protocol::ReadId id);
  void finish_read(ReadDone done, const kv::Entry* entry);
  // Runs `task` when `after` is durable: now if it is already.
  void hold(protocol::SyncPoint after, UniqueFunction<void()> task);
  void release(protocol::SyncPoint durable);
  protocol::SyncPoint durable() const {
    return log_ != nullptr ? log_->durable() : store_.durable();
  }

  const std::unique_ptr<protocol::Protocol> protocol_;
  kv::Store& store_;
  kv::StateMachine state_machine_;
  Transport& transport_;
  env::LogDevice* const log_;
  const ReplicaId self_;
  const Incarnation incarnation_;
  const std::uint64_t own_client_;
  const Limits limits_;
  const std::function<void()> wanted_;
  ManagerCounters counters_;

  std::vector<protocol::Event> events_;  // since the last turn
  std::uint64_t events_turn_ = 1;        // the number of the turn that steps them
  std::map<std::string, RoleState, std::less<>> role_states_;
  std::vector<RoleChange> role_changes_;  // for the next turn
  // Not iterated: looked up by number only.
  std::unordered_map<protocol::ProposalId, Write> writes_;
  std::unordered_map<protocol::ReadId, ReadWaiting> reads_;
  std::unordered_map<protocol::CallId, Answer> requests_;
  std::vector<LocalRead> local_reads_;  // since the last turn
  std::multimap<Position, ReadBehind> behind_;
  TimePoint behind_until_ = kNever;  // when the first of them is refused
  std::deque<Page> pages_;           // in the order in which they may be read
  std::size_t pages_under_way_ = 0;  // begun, and not told
  // This replica's state has every write that was acknowledged before this moment.
  TimePoint fresh_at_ = kLongAgo;
  // When the last turns were, by their numbers.
  std::array<std::pair<std::uint64_t, TimePoint>, kTurnsRemembered> turns_;
  TimePoint now_;         // of the last turn
  bool in_turn_ = false;  // turn() is on the stack
  Listings listings_;
  EpochKeeper epoch_keeper_;
  std::uint64_t next_id_ = 1;
  // The operation ids given here to writes without one.
  std::uint64_t own_sequence_ = 0;
  std::set<std::uint64_t> own_outstanding_;
  bool has_room_ = true;
  Position saving_ = 0;  // what the store was last told to save, or is about to be
  std::optional<protocol::SyncPoint> save_after_;  // when it is told; nothing: it was
  std::size_t unsaved_bytes_ = 0;                  // of commands applied since
  TimePoint unsaved_since_ = kNever;               // when the first of them was
  TimePoint save_at_ = kNever;  // when it is time to save them; not while a save is under way
  std::deque<std::pair<Position, HashDone>> hashes_waiting_;  // until this is saved
  bool hash_came_ = false;                                    // since the last turn
  // What waits for a sync, in the order in which it was decided for each.
  std::multimap<protocol::SyncPoint, UniqueFunction<void()>> held_;
  // Callbacks given to the transport hold this weakly: none runs after the manager is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rkv::replica
