#include "rkv/dump_command.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "client/client.h"
#include "rkv/dump_file.h"
#include "rkv/dump_format.h"
#include "rkv/json.h"
#include "rkv/output.h"
#include "rkv/progress.h"
#include "rkv/selection.h"

namespace rkv::cli {
namespace {

// A dump on its way: pages come in, lines go out.
class Dump {
 public:
  Dump(client::Client& client, const Options& options, client::Range range)
      : client_(client), options_(options) {
    query_.range = std::move(range);
  }

  Status to_output();
  // `file` has been opened by neither of its ways.
  Status to_file(DumpFile& file);

  std::uint64_t keys() const { return hash_.keys(); }
  std::optional<std::uint64_t> revision() const { return revision_; }
  std::string hash() const { return hash_.hex(); }
  void erase_progress() { progress_.erase(); }

 private:
  using Write = std::function<Status(std::string_view)>;

  Status begin();
  Status write_pages(const Write& write, const std::function<Status()>& note);
  Status go_on_with(DumpFile& file, const DumpPlace& place);

  client::Client& client_;
  const Options& options_;
  Progress progress_;
  client::RangeQuery query_;
  Json header_;
  bool is_one_revision_ = false;
  std::uint64_t keys_total_ = 0;  // 0: nobody knows
  DumpHash hash_;
  std::optional<std::uint64_t> revision_;
  bool has_begun_ = false;
};

// Asks what the header is to say, and what the progress line needs.
Status Dump::begin() {
  client::CallOptions call;
  call.timeout = options_.timeout;
  const Result<client::ReplicaStatus> status = client_.status(false, call);
  if (!status.ok()) return status.status();
  const bool is_whole = !options_.prefix && !options_.from && !options_.to;
  if (is_whole) keys_total_ = status.value().keys;
  is_one_revision_ = status.value().replication == "paxos";
  header_["cluster"] = status.value().cluster.to_string();
  header_["replication"] = status.value().replication;
  add_range(header_, options_);
  return Status();
}

Status Dump::write_pages(const Write& write, const std::function<Status()>& note) {
  while (true) {
    client::PageOutcome page = client_.range(query_, options_.call());
    if (!page.status.ok()) return page.status;
    if (is_one_revision_) revision_ = page.position;
    std::string lines;
    if (!has_begun_) {
      header_["revision"] = is_one_revision_ ? Json(page.position) : Json();
      lines = dump_header(header_);
      has_begun_ = true;
    }
    for (const client::RangeEntry& each : page.entries) {
      hash_.add(each.key, each.entry.value);
      lines += dump_entry(each.key, each.entry.value);
    }
    const bool is_last = page.next.empty();
    if (is_last) lines += dump_end(hash_);
    if (Status status = write(lines); !status.ok()) return status;
    progress_.show(hash_.keys(), keys_total_, hash_.keys());
    if (is_last) return Status();
    query_.go_on(std::move(page));
    if (Status status = note(); !status.ok()) return status;
  }
}

Status Dump::to_output() {
  if (Status status = begin(); !status.ok()) return status;
  const auto write = [](std::string_view lines) {
    write_output(lines);
    // Why not, close_output() says.
    return flush_output() ? Status() : Status::internal("the output takes no more");
  };
  return write_pages(write, [] { return Status(); });
}

Status Dump::go_on_with(DumpFile& file, const DumpPlace& place) {
  if (place.range != describe_range(options_)) {
    return Status::invalid(fmt::format("{} is a dump of {}, not of {}",
                                       printable(file.part_path(), 300), place.range,
                                       describe_range(options_)));
  }
  has_begun_ = true;
  query_.token = place.token;
  query_.server = place.server;
  progress_.erase();
  write_error(fmt::format("dump: goes on behind {} keys", hash_.keys()));
  return Status();
}

Status Dump::to_file(DumpFile& file) {
  if (Status status = file.check_place(); !status.ok()) return status;
  if (Status status = begin(); !status.ok()) return status;
  std::optional<DumpPlace> place;
  if (options_.resume) {
    Result<std::optional<DumpPlace>> found = file.reopen(&hash_);
    if (!found.ok()) return found.status();
    place = std::move(found).value();
  }
  Status status = place ? go_on_with(file, *place) : file.create();
  if (!status.ok()) return status;
  const auto write = [&file](std::string_view lines) { return file.write(lines); };
  const auto note = [&] {
    return file.note_place(
        {query_.token, query_.server, 0, describe_range(options_), revision_.value_or(0)});
  };
  status = write_pages(write, note);
  if (!has_begun_) file.discard();
  if (status.code() == StatusCode::kRevisionGone && place) {
    return {StatusCode::kRevisionGone,
            fmt::format("revision {} is not kept any more ({}); run it again without --resume",
                        place->revision, status.reason())};
  }
  return status.ok() ? file.commit() : status;
}

void write_totals(const Dump& dump, double elapsed_s, OutputFormat format) {
  if (format != OutputFormat::kJson) {
    const std::string revision =
        dump.revision() ? fmt::format(" of revision {}", *dump.revision()) : "";
    write_output(fmt::format("dumped {} keys{} in {:.3f} s, hash {}\n", dump.keys(), revision,
                             elapsed_s, dump.hash()));
    return;
  }
  Json object;
  object["keys"] = dump.keys();
  object["revision"] = dump.revision() ? Json(*dump.revision()) : Json();
  object["xxh3_128"] = dump.hash();
  object["seconds"] = elapsed_s;
  write_output(to_text(object));
}

}  // namespace

ExitStatus run_dump(const Options& options, Session& session) {
  const Result<std::optional<client::Range>> range = range_of(options);
  if (!range.ok()) return report("dump", range.status());
  const bool is_to_output =
      options.arguments.empty() || (options.arguments[0] == "-" && !options.literal_value);
  if (is_to_output && options.resume) {
    return report("dump", Status::invalid("--resume goes with a FILE"));
  }
  if (options.transport == rpc::Transport::kUdp) {
    return report("dump", Status::invalid("goes over TCP only, without -t udp"));
  }
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("dump", client.status());
  const auto started = std::chrono::steady_clock::now();
  Dump dump(*client.value(), options, range.value().value_or(client::Range{}));
  if (is_to_output) {
    const Status status = dump.to_output();
    dump.erase_progress();
    return status.ok() ? kExitOk : report("dump", status);
  }
  DumpFile file(options.arguments[0]);
  const Status status = dump.to_file(file);
  dump.erase_progress();
  if (!status.ok()) {
    const ExitStatus exit_status = report("dump", status);
    const bool may_pass =
        status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kBusy;
    if (may_pass && dump.keys() > 0) {
      write_error(fmt::format("dump: {} keys are in {}; --resume goes on, for about a minute",
                              dump.keys(), printable(file.part_path(), 300)));
    }
    return exit_status;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  write_totals(dump, elapsed.count(), options.format);
  return kExitOk;
}

}  // namespace rkv::cli
