#include "rpc/call_outcome.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <system_error>

namespace rkv::rpc {
namespace {

// Rounded up: some microseconds pass between the setting of a deadline and the call.
std::int64_t allowed_ms(const PendingCall& call) {
  return std::max<std::int64_t>(0, (call.deadline - call.started + microseconds(999)).ms());
}

std::string auth_failure(auth_stat why) {
  switch (why) {
    case AUTH_BADCRED:
      return "it cannot be understood";
    case AUTH_REJECTEDCRED:
      return "the caller must begin a new session";
    case AUTH_BADVERF:
      return "its verifier cannot be understood";
    case AUTH_REJECTEDVERF:
      return "its verifier has expired or was used before";
    case AUTH_TOOWEAK:
      return "it is too weak for this procedure";
    default:
      return fmt::format("auth_stat {}", static_cast<int>(why));
  }
}

std::string refusal(const PendingCall& call, const rpc_err& error) {
  switch (error.re_status) {
    case RPC_PROGUNAVAIL:
      return fmt::format("no program {:#x} there", call.program);
    case RPC_PROGVERSMISMATCH:
      return fmt::format("no version {} of program {:#x} there, but {} to {}", call.version,
                         call.program, error.re_vers.low, error.re_vers.high);
    case RPC_PROCUNAVAIL:
      return fmt::format("no procedure {} in version {} of program {:#x} there", call.procedure,
                         call.version, call.program);
    case RPC_CANTDECODEARGS:
      return fmt::format("the arguments of procedure {} of program {:#x} were not understood",
                         call.procedure, call.program);
    case RPC_VERSMISMATCH:
      return fmt::format("no version 2 of RPC itself there, but {} to {}", error.re_vers.low,
                         error.re_vers.high);
    case RPC_AUTHERROR:
      return "the credential was refused: " + auth_failure(error.re_why);
    default:
      return {};
  }
}

}  // namespace

std::string describe_errno(int error) {
  std::string text = std::generic_category().message(error);
  // "Connection refused" stands behind a colon here, but "RFS ..." must stay.
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

rpc_err make_rpc_err(clnt_stat status, int error) {
  rpc_err result{};
  result.re_status = status;
  result.re_errno = error;
  return result;
}

CallOutcome not_sent(std::string_view server, std::string_view what, const rpc_err& error) {
  return {CallOutcome::Kind::kNotSent, fmt::format("{}: {}", server, what), error};
}

CallOutcome unknown(std::string_view server, std::string_view what, const rpc_err& error) {
  return {CallOutcome::Kind::kUnknown, fmt::format("{}: {}", server, what), error};
}

CallOutcome not_sent_in_time(std::string_view server, const PendingCall& call,
                             std::string_view waited_for) {
  return not_sent(server, fmt::format("not sent within {} ms: {}", allowed_ms(call), waited_for),
                  make_rpc_err(RPC_TIMEDOUT));
}

CallOutcome not_answered_in_time(std::string_view server, const PendingCall& call) {
  return unknown(server, fmt::format("no answer within {} ms", allowed_ms(call)),
                 make_rpc_err(RPC_TIMEDOUT));
}

CallOutcome undecodable_results(std::string_view server) {
  return unknown(server, "its answer cannot be decoded", make_rpc_err(RPC_CANTDECODERES));
}

CallOutcome CallChannel::undecodable_reply() const { return undecodable_results(name()); }

CallOutcome outcome_of_reply(std::string_view server, const PendingCall& call,
                             const ReplyHeader& reply) {
  if (reply.error.re_status == RPC_SUCCESS) {
    return {CallOutcome::Kind::kAnswered, {}, reply.error};
  }
  const std::string what = refusal(call, reply.error);
  if (!what.empty()) {
    return {CallOutcome::Kind::kRefused, fmt::format("{}: {}", server, what), reply.error};
  }
  return unknown(server, "the server failed while it worked on the call", reply.error);
}

}  // namespace rkv::rpc
