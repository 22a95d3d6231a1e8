#include "service/client_ranges.h"

#include <string>
#include <utility>

namespace rkv::service {
namespace {

using Consistency = replica::ReadOptions::Consistency;

constexpr auto kArms = &kv_range_result::kv_range_result_u;

}  // namespace

void ClientRanges::range(const kv_range_args& args, rpc::Reply<kv_range_result> reply) {
  const bool has_total_order = context_.manager.has_total_order();
  Result<Listing> listing = listing_from_wire(args, context_.cluster, has_total_order);
  const Result<replica::ReadOptions> options = read_options_from_wire(args.options, context_);
  Status status = options.status();
  if (status.ok()) status = check_offered(options.value());
  if (status.ok()) status = listing.status();
  if (!status.ok()) {
    send_failure(reply, kArms, status, context_.cluster.self);
    return;
  }
  add({std::move(listing).value(), options.value(), context_.loop.now()}, std::move(reply));
}

Status ClientRanges::check_offered(const replica::ReadOptions& options) const {
  if (context_.manager.has_total_order()) return {};
  if (options.consistency == Consistency::kEventual && options.max_staleness.ns > 0) {
    return needs("paxos", "a listing with a bound on its staleness", "ask without one",
                 context_.cluster);
  }
  if (options.consistency == Consistency::kEventual) return {};
  return needs("paxos", "a listing at one revision",
               "ask for eventual: each page is what the replica has then", context_.cluster);
}

// The pages behind the first one are of a state that this replica keeps.
ClientRanges::Lane& ClientRanges::lane_of(const Question& question) {
  const bool is_local =
      question.listing.scan.at != 0 || question.options.consistency == Consistency::kEventual;
  return is_local ? local_ : agreed_;
}

void ClientRanges::add(Question question, rpc::Reply<kv_range_result> reply) {
  Lane& lane = lane_of(question);
  lane.waiting.push_back({std::move(question), std::move(reply)});
  run(lane);
}

// A page that is refused at once ends within read(): the loop goes on with the next one then.
void ClientRanges::run(Lane& lane) {
  if (lane.running) return;
  lane.running = true;
  while (lane.under_way < kPagesAtOnce && !lane.waiting.empty()) {
    Call call = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    ++lane.under_way;
    read(lane, std::move(call));
  }
  lane.running = false;
}

void ClientRanges::read(Lane& lane, Call call) {
  kv::Scan scan = call.question.listing.scan;
  const replica::ReadOptions options = call.question.options;
  const bool may_follow = !call.question.listing.one_page;
  context_.manager.scan(
      std::move(scan), may_follow, options,
      [this, &lane, call = std::move(call)](const Status& status, kv::ScanPage&& page) mutable {
        --lane.under_way;
        finish(std::move(call), status, page);
        run(lane);
      });
}

// A page that finds no room is read again when there is some, and not held until then. What the
// first page has kept the state of goes on with that state.
void ClientRanges::finish(Call call, const Status& status, kv::ScanPage& page) {
  if (!call.reply.has_room(status.ok() ? size_on_wire(page) : 0)) {
    Listing& listing = call.question.listing;
    const bool is_kept = page.more && !listing.one_page && context_.manager.has_total_order();
    if (status.ok() && is_kept) {
      listing.scan.at = page.position;
      listing.scan.listing = page.listing;
    }
    std::move(call.reply)
        .wait_for_room(
            [this, again = std::move(call.question)](rpc::Reply<kv_range_result> later) mutable {
              add(std::move(again), std::move(later));
            });
    return;
  }
  answer(call, status, page);
}

void ClientRanges::answer(Call& call, const Status& status, const kv::ScanPage& page) const {
  const Listing& listing = call.question.listing;
  log_operation(context_, "range", key_for_log(context_, listing.scan.first), call.question.begun,
                status);
  if (!status.ok()) {
    send_failure(call.reply, kArms, status, context_.cluster.self);
    return;
  }
  const std::string token =
      token_behind(listing, page, context_.cluster, context_.manager.has_total_order());
  const OutgoingPage outgoing(page, token);
  kv_range_result result{};
  result.status = KV_OK;
  result.kv_range_result_u.ok = outgoing.wire();
  call.reply.send(result);
  if (listing.scan.at != 0 && !page.more) context_.manager.last_page_told(listing.scan);
}

}  // namespace rkv::service
