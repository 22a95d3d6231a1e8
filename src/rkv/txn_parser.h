#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "client/transaction.h"
#include "rkv/words.h"

namespace rkv::cli {

// Reads a transaction, line by line, in the language of docs/txn.txt:
//
//   if version KEY = 3
//   then
//     put KEY VALUE
//   else
//     get KEY
//   end
class TxnParser {
 public:
  // `source`: what error lines call the input.
  explicit TxnParser(std::string source) : source_(std::move(source)) {}

  // The next line. kInvalid or kOverLimit with "source:line: what is wrong"; the line then counts,
  // and is as if it had been empty. Reads files that the line names as values.
  Status take(std::string_view line);

  // Whether the line `end` has been read: there is nothing more to take.
  bool ended() const { return part_ == Part::kEnded; }
  // Whether this is that line.
  static bool is_end(std::string_view line);

  const client::Transaction& transaction() const { return transaction_; }

 private:
  enum class Part { kConditions, kThen, kElse, kEnded };
  using Words = std::vector<Word>;

  Status take_words(Words words);
  Status take_part(const std::string& keyword, const Words& words);
  Status take_condition(const Words& words);
  Status take_step(Words words);

  const std::string source_;
  std::size_t line_ = 0;
  Part part_ = Part::kConditions;
  client::Transaction transaction_;
};

}  // namespace rkv::cli
