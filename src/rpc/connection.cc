#include "rpc/connection.h"

#include <sys/epoll.h>

#include <utility>

#include "base/check.h"

namespace rkv::rpc {
namespace {

// Most replies are small; a larger one grows the room it is encoded into.
constexpr std::size_t kReplySizeHint = 512;

// Of the tasks that wait for room, so many go on in one turn: most of them could find it full
// again.
constexpr std::size_t kResumedPerTurn = 8;

// A connection that has said nothing for so long keeps no memory for answers: there may be many.
constexpr Duration kQuietTime = seconds(2);

}  // namespace

Connection::Connection(Server& server, std::uint32_t slot, std::uint32_t generation,
                       std::unique_ptr<ByteStream> stream, std::string host)
    : Caller(server),
      slot_(slot),
      generation_(generation),
      stream_(std::move(stream)),
      host_(std::move(host)),
      reader_({server.limits_.record_size_max, server.limits_.fragments_max}, &server.scratch_),
      active_(server.loop_.now()),
      record_started_(kNever),
      write_progress_(server.loop_.now()) {
  update_watch();
}

Connection::~Connection() {
  waiting_for_room_.clear();  // its tokens look for this connection, and do not find it any more
  server_.counters_.output_bytes -= output_size();
  server_.counters_.input_bytes -= input_held_;
  server_.loop_.unwatch(descriptor());
}

void Connection::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (closed_) return;
  // Errors and hang-ups show in the next read or write, whichever there is.
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
    if (finishing_) {
      drop_input();
      return;
    }
    if (left_over_) return;  // what was left from before the next bytes comes first
    if (reading_ && !paused_) {
      read_once();
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      close();  // both directions are gone: nobody is left to answer to
    }
  }
}

// One read a turn, so that no connection keeps the others waiting; readiness that is left over is
// reported again.
void Connection::read_once() {
  const std::span<char> space = reader_.space();
  const IoResult result = stream_->read(space.data(), space.size());
  switch (result.kind) {
    case IoResult::Kind::kBytes:
      active_ = server_.loop_.now();
      reader_.received(result.bytes);
      take_records();
      break;
    case IoResult::Kind::kWouldBlock:
      keep_rest();
      break;
    case IoResult::Kind::kEnd:
      keep_rest();
      stop_reading();
      break;
    case IoResult::Kind::kError:
      keep_rest();
      close();
      break;
  }
}

void Connection::drop_input() {
  const std::span<char> space = server_.scratch_.bytes();
  const IoResult result = stream_->read(space.data(), space.size());
  if (result.kind == IoResult::Kind::kEnd || result.kind == IoResult::Kind::kError) close();
}

std::size_t Connection::take_left_over() {
  left_over_ = false;
  if (closed_) return 0;
  const std::size_t resumed = resume_waiting();
  if (!reading_ || finishing_) return resumed;
  record_started_ = kNever;  // the time that the rest of a record had to wait here does not count
  take_records();
  // Not behind records that were left once more: they come first.
  if (!closed_ && !paused_ && !left_over_ && stream_->has_buffered_input()) read_once();
  return resumed;
}

void Connection::take_records() {
  std::size_t budget = server_.limits_.records_per_turn_max;
  std::string_view record;
  while (!closed_) {
    paused_ = !may_take_calls();
    if (paused_) break;
    // The turn's room is for all, but one call of each is taken: it may be a small one.
    const bool is_first = budget == server_.limits_.records_per_turn_max;
    if (budget == 0 || (!is_first && !server_.turn_has_room(0))) {
      go_on_next_turn();
      break;
    }
    const RecordReader::Next next = reader_.next(&record);
    if (next == RecordReader::Next::kIncomplete) break;
    if (next == RecordReader::Next::kTooLong) {
      close_malformed("a record over the limit");
    } else if (next == RecordReader::Next::kTooManyFragments) {
      close_malformed("too many fragments in a record");
    } else {
      --budget;
      record_started_ = kNever;
      take_record(record);
    }
  }
  keep_rest();
  if (closed_) return;
  note_record_progress();
  update_watch();
}

// Leaves the shared read buffer to the next connection. What this one holds on to counts; when all
// of them hold too much, the one that wants more is closed.
void Connection::keep_rest() {
  reader_.keep_rest();
  server_.counters_.input_bytes += reader_.memory() - input_held_;
  input_held_ = reader_.memory();
  if (input_held_ == 0 || server_.counters_.input_bytes <= server_.limits_.input_bytes_max) return;
  if (closed_) return;
  ++server_.counters_.refused;
  server_.logger_.info("{}: closed the connection from {}: too much is held for records to end",
                       server_.name_, host_);
  close();
}

// Starts the clock of a record whose beginning has come and whose end has not. Bytes that trickle
// in do not start it anew.
void Connection::note_record_progress() {
  if (!reader_.in_record()) {
    record_started_ = kNever;
  } else if (record_started_ == kNever) {
    record_started_ = server_.loop_.now();
  }
}

bool Connection::may_take_calls() const {
  return calls_waiting_ < server_.limits_.calls_per_connection_max && has_room() &&
         waiting_for_room_.empty();
}

bool Connection::has_room() const {
  return output_size() < server_.limits_.output_per_connection_max;
}

void Connection::when_room(UniqueFunction<void()> task) {
  waiting_for_room_.push_back(std::move(task));
  if (has_room()) go_on_next_turn();  // it is the turn's room that is used up
}

std::size_t Connection::resume_waiting() {
  std::size_t resumed = 0;
  for (; resumed < kResumedPerTurn && !waiting_for_room_.empty(); ++resumed) {
    UniqueFunction<void()> task = std::move(waiting_for_room_.front());
    waiting_for_room_.pop_front();
    task();
  }
  return resumed;
}

void Connection::go_on_next_turn() {
  if (!left_over_) server_.unread_.push_back(slot_);
  left_over_ = true;
  server_.loop_.request_turn();
}

// Whether something that waited for a limit of this connection can go on.
bool Connection::can_go_on() const {
  if (!waiting_for_room_.empty()) return has_room();
  return paused_ && reading_ && may_take_calls();
}

void Connection::take_record(std::string_view record) {
  if (!take_message(record, false)) close_malformed("a record that is not a call");
}

bool Connection::send(FunctionRef<bool(XDR*)> encode) {
  const std::size_t before = output_size();
  if (!append_record(output_, kReplySizeHint, server_.limits_.record_size_max, encode))
    return false;
  server_.counters_.output_bytes += output_size() - before;
  server_.turn_output_ += output_size() - before;
  if (before == 0) write_progress_ = server_.loop_.now();
  if (!unwritten_) server_.unwritten_.push_back(slot_);
  unwritten_ = true;
  return true;
}

ReplyPlace Connection::call_handed_over() {
  ++calls_waiting_;
  return {Transport::kTcp, 0, slot_, generation_};
}

void Connection::call_answered() {
  --calls_waiting_;
  active_ = server_.loop_.now();
}

void Connection::flush() {
  unwritten_ = false;
  if (closed_) return;
  while (output_size() > 0) {
    const std::string_view content = output_.content();
    const IoResult result = stream_->write(content.data(), content.size());
    if (result.kind == IoResult::Kind::kError) {
      close();
      return;
    }
    if (result.kind != IoResult::Kind::kBytes) break;
    output_.consume(result.bytes);
    server_.counters_.output_bytes -= result.bytes;
    active_ = write_progress_ = server_.loop_.now();
    if (result.bytes < content.size()) break;
  }
  write_blocked_ = output_size() > 0;
  // Records and answers may wait behind a limit of this connection: what made room ends here, be it
  // bytes that were taken or a call that was answered. They are looked at in the next turn.
  if (!left_over_ && can_go_on()) go_on_next_turn();
  update_watch();
  close_if_done();
}

void Connection::finish() {
  if (closed_) return;
  finishing_ = true;
  stream_->finish_output();
  if (reading_) {
    update_watch();
  } else {
    close();  // both sides have ended
  }
}

void Connection::stop_reading() {
  reading_ = false;
  update_watch();
  close_if_done();
}

void Connection::close_if_done() {
  if (!reading_ && calls_waiting_ == 0 && output_size() == 0) close();
}

void Connection::check_deadlines(TimePoint now) {
  const ServerLimits& limits = server_.limits_;
  const bool owes_nothing = calls_waiting_ == 0 && output_size() == 0;
  const char* reason = nullptr;
  if (owes_nothing && !reader_.in_record() && now - active_ > limits.idle_timeout) {
    reason = "idle";
  } else if (!paused_ && record_started_ != kNever &&
             now - record_started_ > limits.record_timeout) {
    reason = "a record that does not end";
  } else if (output_size() > 0 && now - write_progress_ > limits.write_timeout) {
    reason = "answers that are not read";
  }
  if (reason == nullptr) {
    if (owes_nothing && now - active_ > kQuietTime) output_.release_memory();
    return;
  }
  ++server_.counters_.timed_out;
  server_.logger_.debug("{}: closed the connection from {}: {}", server_.name_, host_, reason);
  close();
}

void Connection::update_watch() {
  if (closed_) return;
  const std::uint32_t in =
      reading_ && (!paused_ || finishing_) ? static_cast<std::uint32_t>(EPOLLIN) : 0;
  const std::uint32_t out = write_blocked_ ? static_cast<std::uint32_t>(EPOLLOUT) : 0;
  server_.loop_.watch(descriptor(), in | out, this);
}

void Connection::close_for_output() {
  ++server_.counters_.refused;
  server_.logger_.info(
      "{}: closed the connection from {}: too many answers are not taken, {} "
      "bytes by this client",
      server_.name_, host_, output_size());
  close();
}

void Connection::close_malformed(const char* what) {
  ++server_.counters_.malformed;
  server_.logger_.info("{}: closed the connection from {}: it sent {}", server_.name_, host_, what);
  close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  // Goes at the end of the turn: the others of this turn must not be closed for it.
  server_.counters_.input_bytes -= std::exchange(input_held_, 0);
  server_.loop_.unwatch(descriptor());
  server_.close_connection(slot_);
}

}  // namespace rkv::rpc
