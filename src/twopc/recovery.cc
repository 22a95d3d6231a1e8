#include "twopc/recovery.h"

#include <utility>

#include "base/check.h"

namespace rkv::twopc {
namespace {

void take_commit(Record record, LogContents& contents) {
  LogContents::Commit commit{record.type, record.id, record.position, 0, record.number,
                             nullptr,     false};
  if (record.type == Record::Type::kDecided) {
    commit.transaction = std::move(record.transaction);
  } else if (const auto found = contents.in_doubt.find(record.id);
             found != contents.in_doubt.end()) {
    commit.prepared = found->second.number;
    commit.transaction = std::move(found->second.transaction);
    contents.in_doubt.erase(found);
  }
  contents.commits.push_back(std::move(commit));
}

}  // namespace

LogContents read_log(const RecoveredLog& log) {
  LogContents contents;
  if (!log.standing.empty()) {
    const std::optional<Standing> standing = decode_standing(log.standing);
    RKV_CHECK(standing.has_value(), "the log's standing is one of 2pc");
    contents.standing = *standing;
  }
  std::map<TxnId, std::size_t> decided;
  for (const LogRecord& encoded : log.records) {
    // What was cut may be there in part: a vote, say, without the outcome that came later.
    if (encoded.slot <= contents.standing.cut) continue;
    std::optional<Record> record = decode_record(encoded);
    RKV_CHECK(record.has_value(), "the log's records are of 2pc");
    switch (record->type) {
      case Record::Type::kPrepared:
        contents.in_doubt[record->id] = {std::move(record->transaction), record->number};
        break;
      case Record::Type::kDecided:
        decided[record->id] = contents.commits.size();
        take_commit(*std::move(record), contents);
        break;
      case Record::Type::kCommitted:
        take_commit(*std::move(record), contents);
        break;
      case Record::Type::kAborted:
        contents.in_doubt.erase(record->id);
        contents.aborted.push_back(record->id);
        break;
      case Record::Type::kRefused:
        contents.refused[record->id] = record->number;
        break;
      case Record::Type::kFinished:
        if (const auto found = decided.find(record->id); found != decided.end()) {
          contents.commits[found->second].is_finished = true;
        }
        break;
    }
  }
  return contents;
}

}  // namespace rkv::twopc
