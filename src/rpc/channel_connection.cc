#include "rpc/channel_connection.h"

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "rpc/call_outcome.h"
#include "rpc/message.h"

namespace rkv::rpc {
namespace {

// So that a server that never stops answering does not keep the loop from its other work.
constexpr int kReadsPerTurnMax = 16;
constexpr std::uint32_t kDoublingsMax = 20;

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed)) return seed;
  return static_cast<std::uint64_t>(EventLoop::read_clock().ns);
}

void set_option(int descriptor, int level, int name, std::int64_t value) {
  const int number = static_cast<int>(std::clamp<std::int64_t>(value, 1, INT32_MAX));
  setsockopt(descriptor, level, name, &number, sizeof number);
}

// A machine that is cut off or without power refuses nothing, it is silent: without this TCP would
// go on for a quarter of an hour, and with pauses of up to two minutes once it is back.
void limit_silence(int descriptor, Duration limit) {
  const std::int64_t probe_after = limit.ms() / 3'000;
  set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, limit.ms());
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, probe_after);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, probe_after);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace

Channel::Connection::Connection(EventLoop& loop, Resolver& resolver, Logger& logger,
                                std::string host, std::uint16_t port, const ChannelOptions& options)
    : loop_(loop),
      logger_(logger),
      options_(options),
      connector_(loop, resolver, std::move(host), port),
      random_(random_seed()),
      calls_(static_cast<std::uint32_t>(random_.next())),
      flushed_in_turn_(loop.now()) {
  flush_hook_ = loop_.add_turn_hook(EventLoop::TurnPhase::kFlush, [this] { flush(); });
  if (options_.stay_connected) connect();
}

Channel::Connection::~Connection() {
  RKV_CHECK(state_ == State::kClosed && calls_outstanding() == 0, "a channel ends its calls first");
}

void Channel::Connection::close() {
  if (state_ == State::kConnecting) connector_.cancel();
  drop_stream();
  state_ = State::kClosed;
  loop_.remove_turn_hook(flush_hook_);
  loop_.cancel_timer(pause_timer_);
  loop_.cancel_timer(deadline_timer_);
  alive_.reset();
  for (PendingCall& call : calls_.take_before(UINT64_MAX)) {
    const rpc_err error = make_rpc_err(output_.begun(call.extent) ? RPC_CANTRECV : RPC_CANTSEND);
    end_later(std::move(call.done), output_.begun(call.extent)
                                        ? unknown(name(), "the channel was closed", error)
                                        : not_sent(name(), "the channel was closed", error));
  }
  while (!ended_.empty()) run_ended();
}

// Connecting.

void Channel::Connection::connect() {
  state_ = State::kConnecting;
  connector_.start(options_.connect_timeout,
                   [this](const Connector::Outcome& outcome) { connect_ended(outcome); });
}

void Channel::Connection::connect_ended(const Connector::Outcome& outcome) {
  if (outcome.descriptor < 0) {
    attempt_failed(outcome.reason, outcome.error);
    return;
  }
  limit_silence(outcome.descriptor, options_.silence_timeout);
  stream_ = make_tcp_stream(outcome.descriptor);
  reader_.emplace(RecordReader::Limits{options_.record_size_max, options_.fragments_max},
                  &scratch_);
  state_ = State::kConnected;
  connected_at_ = EventLoop::read_clock();
  was_answered_ = false;
  is_writable_ = true;
  watches_output_ = false;
  loop_.watch(stream_->descriptor(), EPOLLIN, this);
  tell(true, {});
}

void Channel::Connection::attempt_failed(const std::string& reason, const rpc_err& error) {
  // Nothing is half-written here: what still waits was never begun.
  for (PendingCall& call : calls_.take_before(UINT64_MAX)) {
    output_.cancel(call.extent);
    end_later(std::move(call.done), {CallOutcome::Kind::kNotSent, reason, error});
  }
  const std::int64_t doubled = options_.backoff_min.ns << std::min(failures_, kDoublingsMax);
  const std::int64_t longest = std::min(doubled, options_.backoff_max.ns);
  const auto shortened_by = static_cast<std::int64_t>(
      random_.below(static_cast<std::uint64_t>(std::max<std::int64_t>(longest / 2, 1))));
  ++failures_;
  state_ = State::kPausing;
  pause_outcome_ = {CallOutcome::Kind::kNotSent, reason, error};
  pause_end_ = EventLoop::read_clock() + Duration{longest - shortened_by};
  pause_timer_ = loop_.add_timer(pause_end_, [this] { end_pause(); });
  tell(false, reason);
}

void Channel::Connection::end_pause() {
  loop_.cancel_timer(pause_timer_);
  pause_timer_ = 0;
  state_ = State::kIdle;
  if (options_.stay_connected) connect();
}

void Channel::Connection::connect_now() {
  if (state_ == State::kPausing) end_pause();
  if (state_ == State::kIdle) connect();
}

// A connection that ends before it has carried an answer, and soon, counts as a failed attempt: a
// server that accepts and closes must not be called without pause.
bool Channel::Connection::was_useful() const {
  return was_answered_ || EventLoop::read_clock() - connected_at_ >= options_.backoff_max;
}

void Channel::Connection::lose(std::string_view what, int error) {
  const bool useful = was_useful();
  drop_stream();
  for (PendingCall& call : calls_.take_before(output_.written())) {
    end_later(std::move(call.done), unknown(name(), what, make_rpc_err(RPC_CANTRECV, error)));
  }
  output_.drop_begun();
  const std::string reason = fmt::format("{}: {}", name(), what);
  if (!useful) {
    attempt_failed(reason, make_rpc_err(RPC_CANTSEND, error));
    return;
  }
  // Calls nothing of which was written lose nothing by waiting for the next connection.
  failures_ = 0;
  state_ = State::kIdle;
  if (options_.stay_connected || calls_.size() > 0) connect();
  tell(false, reason);
}

void Channel::Connection::drop_stream() {
  if (stream_ == nullptr) return;
  loop_.unwatch(stream_->descriptor());
  stream_.reset();
  reader_.reset();
  write_error_ = 0;
}

void Channel::Connection::tell(bool connected, const std::string& reason) {
  if (connected) {
    logger_.debug("{}: connected", name());
  } else {
    logger_.debug("{}", reason);
  }
  if (listener_) listener_(connected, reason);
}

// Output.

void Channel::Connection::call(PendingCall call, AUTH* auth, xdrproc_t encode, const void* args) {
  RKV_CHECK(loop_.in_loop_thread(), "a channel belongs to its loop's thread");
  call.started = EventLoop::read_clock();
  // The timer of the pause may be overdue when the loop was not run for a while.
  if (state_ == State::kPausing && call.started >= pause_end_) end_pause();
  CallOutcome failure;
  const std::uint32_t xid = calls_.draw_xid();
  if (!encode_call(call, xid, auth, encode, args, &failure)) {
    end_later(std::move(call.done), std::move(failure));
    return;
  }
  calls_.add(xid, std::move(call));
  arm_deadline();
  if (state_ == State::kIdle) connect();
  // Outside of a turn, and behind this turn's flush, the loop must not go to sleep on it.
  if (state_ == State::kConnected && loop_.now() == flushed_in_turn_) loop_.request_turn();
}

bool Channel::Connection::encode_call(PendingCall& call, std::uint32_t xid, AUTH* auth,
                                      xdrproc_t encode, const void* args, CallOutcome* failure) {
  const rpc_err error = make_rpc_err(RPC_CANTSEND);
  if (state_ == State::kPausing) {
    *failure = pause_outcome_;
    return false;
  }
  if (state_ == State::kClosed) {
    *failure = not_sent(name(), "the channel was closed", error);
    return false;
  }
  if (calls_outstanding() >= options_.calls_max) {
    constexpr const char* kText = "{} calls are under way already (limit calls_max)";
    *failure = not_sent(name(), fmt::format(kText, calls_outstanding()), error);
    return false;
  }
  const auto encode_record = [&](XDR* xdr) {
    return encode_call_header(xdr, xid, call.program, call.version, call.procedure, auth) &&
           encode(xdr, const_cast<void*>(args)) != FALSE;
  };
  if (!output_.append(options_.record_size_max, encode_record, &call.extent)) {
    constexpr const char* kText = "the call cannot be encoded in {} bytes (limit record_size_max)";
    *failure = not_sent(name(), fmt::format(kText, options_.record_size_max),
                        make_rpc_err(RPC_CANTENCODEARGS));
    return false;
  }
  if (output_.size() > options_.output_size_max) {
    const std::size_t size = call.extent.size();
    output_.retract(call.extent);
    constexpr const char* kText =
        "{} bytes wait to be written and {} more are over {} (limit output_size_max)";
    *failure =
        not_sent(name(), fmt::format(kText, output_.size(), size, options_.output_size_max), error);
    return false;
  }
  return true;
}

void Channel::Connection::flush() {
  flushed_in_turn_ = loop_.now();
  if (state_ != State::kConnected || !is_writable_ || output_.size() == 0) return;
  const IoResult result = output_.write(*stream_);
  is_writable_ = result.kind == IoResult::Kind::kBytes;
  if (result.kind == IoResult::Kind::kError) {
    // Callbacks may not run this late in the turn: what they cause would wait for the next event.
    write_error_ = result.error;
    post(&Connection::end_failed_write);
  }
  update_watch();
}

// Replies may have come before the connection broke; they count first.
void Channel::Connection::end_failed_write() {
  if (write_error_ == 0) return;  // it has been lost meanwhile
  const int error = write_error_;
  read();
  if (write_error_ != 0) lose(describe_errno(error), error);
}

void Channel::Connection::update_watch() {
  const bool watches_output = !is_writable_ && write_error_ == 0;
  if (watches_output == watches_output_) return;
  watches_output_ = watches_output;
  loop_.watch(stream_->descriptor(),
              watches_output ? std::uint32_t{EPOLLIN | EPOLLOUT} : std::uint32_t{EPOLLIN}, this);
}

// Input.

void Channel::Connection::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) is_writable_ = true;  // flush() writes, later in this turn
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) read();
}

void Channel::Connection::read() {
  for (int i = 0; i < kReadsPerTurnMax || stream_->has_buffered_input(); ++i) {
    const std::span<char> space = reader_->space();
    const IoResult result = stream_->read(space.data(), space.size());
    switch (result.kind) {
      case IoResult::Kind::kBytes:
        reader_->received(result.bytes);
        if (!take_replies()) return;
        reader_->keep_rest();
        if (result.bytes < space.size() && !stream_->has_buffered_input()) return;
        break;
      case IoResult::Kind::kWouldBlock:
        return;
      case IoResult::Kind::kEnd:
        lose("the server has closed the connection", 0);
        return;
      case IoResult::Kind::kError:
        lose(describe_errno(result.error), result.error);
        return;
    }
  }
}

// False if the connection was given up.
bool Channel::Connection::take_replies() {
  std::string_view record;
  while (true) {
    switch (reader_->next(&record)) {
      case RecordReader::Next::kRecord:
        if (take_reply(record)) break;
        lose("the server has sent something that is not a reply", 0);
        return false;
      case RecordReader::Next::kIncomplete:
        return true;
      case RecordReader::Next::kTooLong:
        lose(fmt::format("the server has sent a reply of more than {} bytes (limit "
                         "record_size_max)",
                         options_.record_size_max),
             0);
        return false;
      case RecordReader::Next::kTooManyFragments:
        lose(fmt::format("the server has sent a reply of more than {} fragments (limit "
                         "fragments_max)",
                         options_.fragments_max),
             0);
        return false;
    }
  }
}

bool Channel::Connection::take_reply(std::string_view record) {
  ReplyHeader reply;
  if (!parse_reply(record, &reply)) return false;
  was_answered_ = true;
  failures_ = 0;
  const PendingCall* const found = calls_.find(reply.xid);
  // Nobody waits for it: its deadline has passed, or it answers a call that has not been sent.
  if (found == nullptr || !output_.begun(found->extent)) return true;
  const PendingCall call = calls_.take(reply.xid);
  call.done(outcome_of_reply(name(), call, reply), reply.results);
  return true;
}

// Ending calls.

// One timer for all calls. It is not put off when the call it was set for ends earlier: it then
// finds nothing due and is set anew.
void Channel::Connection::arm_deadline() {
  const TimePoint first = calls_.first_deadline();
  if (first >= deadline_timer_at_) return;
  loop_.cancel_timer(deadline_timer_);
  deadline_timer_at_ = first;
  deadline_timer_ = loop_.add_timer(first, [this] { end_due(); });
}

void Channel::Connection::end_due() {
  deadline_timer_ = 0;
  deadline_timer_at_ = kNever;
  for (PendingCall& call : calls_.take_due(loop_.now())) {
    if (output_.begun(call.extent)) {
      ended_.push_back({std::move(call.done), not_answered_in_time(name(), call)});
      continue;
    }
    output_.cancel(call.extent);
    const std::string_view waited_for = state_ == State::kConnected
                                            ? "the server does not take what it is sent"
                                            : "there is no connection yet";
    ended_.push_back({std::move(call.done), not_sent_in_time(name(), call, waited_for)});
  }
  arm_deadline();
  run_ended();
}

void Channel::Connection::end_later(RawDone done, CallOutcome outcome) {
  ended_.push_back({std::move(done), std::move(outcome)});
  if (is_run_ended_posted_ || state_ == State::kClosed) return;
  is_run_ended_posted_ = true;
  post(&Connection::run_ended_posted);
}

// Runs the callbacks of what has ended so far; what they end waits for the next turn.
void Channel::Connection::run_ended() {
  for (std::size_t left = ended_.size(); left > 0; --left) {
    const EndedCall call = std::move(ended_.front());
    ended_.pop_front();
    call.done(call.outcome, {});
  }
}

void Channel::Connection::run_ended_posted() {
  is_run_ended_posted_ = false;
  run_ended();
}

void Channel::Connection::post(void (Connection::*task)()) {
  loop_.post([this, task, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) (this->*task)();
  });
}

}  // namespace rkv::rpc
