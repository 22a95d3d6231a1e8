#include "service/client_reads.h"

#include <optional>
#include <utility>

#include "kv/command.h"

namespace rkv::service {
namespace {

// The cases of the extensions of GET: none; the one that says how to read, and is answered with
// revisions.
constexpr u_int kPlain = 0;
constexpr u_int kWithOptions = 1;

}  // namespace

void ClientReads::get(const kv_get_args& args, rpc::Reply<kv_get_result> reply) {
  Question question;
  question.key = view_of(args.key);
  question.wants_missing_position = args.extension.revision != kPlain;
  Status status = kv::validate_key(question.key);
  if (status.ok() && args.extension.revision == kWithOptions) {
    const Result<replica::ReadOptions> options =
        read_options_from_wire(args.extension.kv_get_extension_u.options, context_);
    status = options.status();
    if (options.ok()) question.options = options.value();
    question.wants_revisions = true;
  }
  if (!status.ok()) {
    send_failure(reply, &kv_get_result::kv_get_result_u, status, context_.cluster.self);
    return;
  }
  read(std::move(question), std::move(reply));
}

// A value can be large, and thousands of calls may have come before the client takes the first
// answer: what finds no room is read again when there is some.
void ClientReads::read(Question question, rpc::Reply<kv_get_result> reply) {
  std::string key = question.key;
  const replica::ReadOptions options = question.options;
  context_.manager.read(
      std::move(key), options,
      [this, question = std::move(question), begun = context_.loop.now(), reply = std::move(reply)](
          const Status& status, const kv::Entry* entry, Position position) mutable {
        if (!reply.has_room(entry == nullptr ? 0 : entry->value.size())) {
          std::move(reply).wait_for_room(
              [this, again = std::move(question)](rpc::Reply<kv_get_result> later) mutable {
                read(std::move(again), std::move(later));
              });
          return;
        }
        const bool is_missing = status.ok() && entry == nullptr;
        if (context_.logger.enabled(LogLevel::kDebug)) {
          log_operation(context_, "get", question.key, begun,
                        is_missing ? Status(StatusCode::kNotFound, "no such key") : status);
        }
        if (!status.ok()) {
          send_failure(reply, &kv_get_result::kv_get_result_u, status, context_.cluster.self);
        } else if (is_missing) {
          send_not_found(reply, &kv_get_result::kv_get_result_u,
                         question.wants_missing_position ? std::optional(position) : std::nullopt,
                         context_.cluster.self);
        } else {
          answer(question, *entry, position, reply);
        }
      });
}

void ClientReads::answer(const Question& question, const kv::Entry& entry, Position position,
                         rpc::Reply<kv_get_result>& reply) const {
  kv_get_result result{};
  result.status = KV_OK;
  kv_get_ok& ok = result.kv_get_result_u.ok;
  ok.value = value_to_wire(entry.value);
  ok.key_version = entry.version;
  ok.position = position;
  if (question.wants_revisions) {
    ok.extension.revision = kWithOptions;
    ok.extension.kv_get_ok_extension_u.revisions = {entry.created, entry.position};
  }
  reply.send(result);
}

}  // namespace rkv::service
