#pragma once

#include <rpc/rpc.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/time.h"
#include "base/unique_function.h"
#include "rpc/byte_stream.h"
#include "rpc/caller.h"
#include "rpc/event_loop.h"
#include "rpc/record.h"
#include "rpc/server.h"

namespace rkv::rpc {

// One client's connection to a Server: cuts the stream into calls, has them dispatched, and writes
// the answers. Reads no more while too many of its calls wait or too much of its output is not
// taken.
class Connection final : public EventLoop::Handler, public Caller {
 public:
  Connection(Server& server, std::uint32_t slot, std::uint32_t generation,
             std::unique_ptr<ByteStream> stream, std::string host);
  ~Connection() override;

  void on_ready(std::uint32_t events) override;
  // Goes on with what was left for this turn: records, and answers that waited for room. Returns
  // how many of those were resumed.
  std::size_t take_left_over();
  // Writes as much as the stream takes.
  void flush();
  // Closes the connection if one of its deadlines has passed.
  void check_deadlines(TimePoint now);
  // Tells the client that nothing more will be written, and closes when the client does; what comes
  // until then is dropped.
  void finish();

  bool send(FunctionRef<bool(XDR*)> encode) override;
  ReplyPlace call_handed_over() override;
  void call_answered() override;
  int descriptor() const override { return stream_->descriptor(); }

  // Whether less of its output waits than one connection may have.
  bool has_room() const;
  bool has_waiting_answers() const { return !waiting_for_room_.empty(); }
  // Runs the task in a later turn, when there is room; dropped with the connection.
  void when_room(UniqueFunction<void()> task);

  const std::string& host() const { return host_; }
  std::size_t output_size() const { return output_.content().size(); }
  // Closes it because the output of all is over its limit, and most of it is this one's.
  void close_for_output();

 private:
  void read_once();
  void drop_input();
  void take_records();
  void keep_rest();
  void take_record(std::string_view record);
  bool may_take_calls() const;
  bool can_go_on() const;
  std::size_t resume_waiting();
  void go_on_next_turn();
  void note_record_progress();
  void update_watch();
  void stop_reading();
  void close_if_done();
  void close_malformed(const char* what);
  void close();

  const std::uint32_t slot_;
  const std::uint32_t generation_;
  const std::unique_ptr<ByteStream> stream_;
  const std::string host_;
  RecordReader reader_;
  OutputBuffer output_;
  std::list<UniqueFunction<void()>> waiting_for_room_;  // a deque takes memory when it is empty
  std::size_t calls_waiting_ = 0;
  std::size_t input_held_ = 0;  // bytes of memory of reader_ that the server has counted

  bool reading_ = true;     // false: the client has closed its side
  bool finishing_ = false;  // this side is closed: the server ends
  bool paused_ = false;     // a limit of this connection is reached; records may be left in reader_
  bool left_over_ = false;  // is in the server's list of connections to go on with
  bool unwritten_ = false;  // is in the server's list of connections to flush
  bool closed_ = false;     // is to be destroyed by the server
  bool write_blocked_ = false;

  TimePoint active_;  // when something last came in or went out
  TimePoint
      record_started_;  // when the first byte of the current record came; kNever: there is none
  TimePoint write_progress_;  // when output last went out, or began to wait
};

}  // namespace rkv::rpc
