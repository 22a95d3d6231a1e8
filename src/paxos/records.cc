#include "paxos/records.h"

namespace rkv::paxos {
namespace {

void append_ballot(std::string& out, const Ballot& ballot) {
  append_uint64(out, ballot.round);
  append_uint32(out, ballot.replica.value);
}

Ballot read_ballot(XdrReader& reader) {
  Ballot ballot;
  ballot.round = reader.read_uint64();
  ballot.replica.value = reader.read_uint32();
  return ballot;
}

}  // namespace

std::string encode_standing(const Standing& standing) {
  std::string bytes;
  append_ballot(bytes, standing.promised);
  append_uint64(bytes, standing.chosen);
  append_uint64(bytes, standing.cut);
  append_uint64(bytes, standing.suspect);
  return bytes;
}

std::optional<Standing> decode_standing(std::string_view bytes) {
  XdrReader reader(bytes);
  Standing standing;
  standing.promised = read_ballot(reader);
  standing.chosen = reader.read_uint64();
  standing.cut = reader.read_uint64();
  standing.suspect = reader.read_uint64();
  if (!reader.done()) return std::nullopt;
  return standing;
}

LogRecord encode_record(const SlotRecord& record) {
  LogRecord encoded;
  encoded.type = static_cast<std::uint32_t>(record.type);
  encoded.slot = record.slot;
  append_ballot(encoded.head, record.ballot);
  append_uint32(encoded.head, record.value.origin.value);
  append_uint64(encoded.head, record.value.incarnation);
  append_uint64(encoded.head, record.value.proposal);
  encoded.body = record.value.command;
  return encoded;
}

std::optional<SlotRecord> decode_record(const LogRecord& record) {
  SlotRecord decoded;
  if (record.type != static_cast<std::uint32_t>(SlotRecord::Type::kAccepted) &&
      record.type != static_cast<std::uint32_t>(SlotRecord::Type::kChosen)) {
    return std::nullopt;
  }
  decoded.type = static_cast<SlotRecord::Type>(record.type);
  decoded.slot = record.slot;
  XdrReader reader(record.head);
  decoded.ballot = read_ballot(reader);
  decoded.value.origin.value = reader.read_uint32();
  decoded.value.incarnation = reader.read_uint64();
  decoded.value.proposal = reader.read_uint64();
  decoded.value.command = record.body;
  if (!reader.done()) return std::nullopt;
  return decoded;
}

}  // namespace rkv::paxos
