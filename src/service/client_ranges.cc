#include "service/client_ranges.h"

#include <memory>
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
  read({std::move(listing).value(), options.value(), context_.loop.now()}, std::move(reply));
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

void ClientRanges::read(Question question, rpc::Reply<kv_range_result> reply) {
  const auto call = std::make_shared<Call>(Call{std::move(question), std::move(reply)});
  const Question& asked = call->question;
  context_.manager.scan(
      asked.listing.scan, !asked.listing.one_page, asked.options,
      [this, call](const Status& status, kv::ScanPage&& page) {
        finish(std::move(*call), status, page);
      },
      [call] { return call->reply.is_wanted(); });
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
              read(std::move(again), std::move(later));
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
