#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "history/operation.h"
#include "kv/command.h"
#include "kv/store.h"
#include "replica/manager.h"
#include "sim/counters.h"
#include "sim/invariants.h"
#include "sim/read_promise.h"
#include "sim/replica.h"
#include "sim/schedule.h"
#include "sim/scheduler.h"
#include "sim/slab.h"
#include "sim/violation.h"
#include "sim/workload.h"

namespace rkv::sim {

// The clients: each does one operation after the other, and tries a replica after the other until
// it has an answer, with one operation id. They ask a replica for the epoch before the first write
// of a session, and begin another session when they are told that a write has expired. Writes down
// what each of them saw.
//
// Some calls arrive twice, or are held up on their way, sometimes for so long that their epoch is
// over; some writes have no operation id, and are sent once.
class Clients final : public EventHandler {
 public:
  struct Options {
    std::size_t clients = 6;
    Duration attempt_timeout = seconds(1);
    Duration operation_timeout = seconds(10);  // then it is given up
    std::size_t backlog_max = 4;  // operations that wait for one client; more are left out
    bool has_total_order = true;
    double duplicates = 0;  // how many calls with an operation id arrive twice
    double anonymous = 0;   // how many writes have no operation id
    Workload::Options workload;
  };

  // What is passed by reference must outlive the object.
  Clients(Scheduler& scheduler, std::uint64_t seed, Counters& counters, Invariants& invariants,
          Violation& violation, std::vector<Replica*> replicas, const Options& options);

  // Begins an operation, or lets it wait for its client.
  void begin(const Step& step);
  // That many of a thousand replies are lost from now on.
  void set_reply_loss(double probability) { reply_loss_ = probability; }
  // From now on nobody gives up.
  void set_patient() { patient_ = true; }
  // A replica's process has ended: who waits there gets no answer.
  void replica_stopped(ReplicaId replica);

  // How many operations have not ended.
  std::size_t open() const;
  // What the first of those is.
  std::string describe_open() const;
  // What they saw, to the end: what is still open has an unknown one.
  history::History history() const;
  // Every operation id that was ever sent.
  const std::vector<OperationId>& issued() const { return issued_; }

  void handle(EventKind kind, std::uint64_t argument) override;

 private:
  // An attempt on its way, and what came of it.
  struct Call {
    std::size_t client = 0;
    std::uint64_t operation = 0;  // serial number
    std::uint32_t attempt = 0;
    std::size_t replica = 0;
    bool asks_epoch = false;  // before a write
    Request request;
    ReadPromise promise;  // of a read
    StatusCode status = StatusCode::kUnknown;
    kv::Applied applied;
    std::optional<kv::Entry> entry;
    Position position = 0;
    kv::ScanPage page;
    std::uint64_t epoch = 0;
  };
  using CallId = Slab<Call>::Id;
  struct Client {
    std::uint64_t process = 0;   // its name, and its client number in operation ids
    std::uint64_t sequence = 0;  // of its last write
    std::uint64_t first_outstanding = 0;
    bool has_session = false;  // its next sequence is of an epoch that it was told
    Position seen = 0;         // the highest of any answer
    std::deque<Step> backlog;
    // The operation that is under way:
    bool busy = false;
    std::uint64_t serial = 0;  // its number
    std::uint32_t attempt = 0;
    std::size_t replica = 0;    // that was asked last
    bool waiting = false;       // for that one's answer
    bool maybe_done = false;    // one of the attempts has an unknown end
    bool is_anonymous = false;  // it has no operation id
    int pages_failed = 0;       // how often the same page of a listing
    Request request;            // with its operation id, once it has one
    Position seen_before = 0;
    history::Operation operation;
  };

  void next_operation(std::size_t client, const Step& step);
  void name_operation(Client& client);
  bool lacks_name(const Client& client) const;
  void try_once(std::size_t client);
  void send(std::size_t client, bool again);
  void arrive(CallId call);
  void ask(CallId call, replica::Manager& manager);
  ReadPromise promise_of(const Call& call) const;
  void answered(CallId call);
  void reply_arrives(CallId call);
  void write_reply_arrives(std::size_t client, const Call& call);
  void attempt_failed(std::size_t client, bool maybe_done);
  void succeed(Client& client, const Call& call);
  void write_succeeds(Client& client, const Call& call);
  void read_succeeds(Client& client, const Call& call);
  void page_succeeds(std::size_t client, const Call& call);
  void saw(const Client& client, const Call& call);
  void check_bank(const kv::StepsResult& result);
  void refuse(Client& client);
  void give_up(Client& client);
  void end(Client& client, history::Outcome outcome);
  Duration draw_delay();
  Duration draw_late_delay();
  static bool is_write(const Client& it) { return it.request.what == Request::What::kWrite; }
  static std::uint64_t token(std::size_t client, const Client& it) {
    return static_cast<std::uint64_t>(client) << 56 | (it.serial & 0xFFFFFF) << 32 | it.attempt;
  }

  Scheduler& scheduler_;
  Random random_;
  Counters& counters_;
  Invariants& invariants_;
  Violation& violation_;
  const std::vector<Replica*> replicas_;
  const Options options_;
  Workload workload_;
  std::vector<Client> clients_;
  Slab<Call> calls_;
  history::History history_;
  std::vector<OperationId> issued_;
  std::uint64_t next_process_ = 1;
  std::uint64_t writes_ = 0;
  double reply_loss_ = 0;
  bool patient_ = false;
};

}  // namespace rkv::sim
