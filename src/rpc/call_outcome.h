#pragma once

#include <string>
#include <string_view>

#include "rpc/call_channel.h"
#include "rpc/message.h"
#include "rpc/pending_calls.h"

namespace rkv::rpc {

// How the outcomes of a channel's calls are put into words. `server` is the channel's name.

// The operating system's word for an errno, as the end of a line: "connection refused".
std::string describe_errno(int error);

rpc_err make_rpc_err(clnt_stat status, int error = 0);

// Their reasons are "<server>: <what>".
CallOutcome not_sent(std::string_view server, std::string_view what, const rpc_err& error);
CallOutcome unknown(std::string_view server, std::string_view what, const rpc_err& error);

// The deadline has passed before a byte of the call was written; `waited_for` says what it waited
// for.
CallOutcome not_sent_in_time(std::string_view server, const PendingCall& call,
                             std::string_view waited_for);
// The deadline has passed since.
CallOutcome not_answered_in_time(std::string_view server, const PendingCall& call);

// A reply that says success, and then holds no result.
CallOutcome undecodable_results(std::string_view server);

// What a reply to `call` means, results apart.
CallOutcome outcome_of_reply(std::string_view server, const PendingCall& call,
                             const ReplyHeader& reply);

}  // namespace rkv::rpc
