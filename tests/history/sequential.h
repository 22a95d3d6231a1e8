#pragma once

#include <cstddef>
#include <string>

#include "operation.h"

namespace rkv::history {

struct SequentialReport {
  bool holds = true;
  std::size_t positions = 0;  // answers that named a slot
  std::size_t values = 0;     // keys read that were held against the writes up to their slot
  // Of what does not hold: why, in several lines for a person, without the last newline.
  std::string explanation;
};

// Whether what a history tells of slots can be true. Answers that name none are not looked at, so a
// history of a protocol that has no total order passes unseen. The rules:
//
// A process that was told a slot never sees an older state: of two of its calls, one of which ended
// before the other began, the later one does not have the lower slot. So it is, too, with the
// linearizable calls of all processes together. Eventual reads, which promise less, are left out,
// and so are the pages of a list behind the first one, which show the slot of that.
//
// A read with slot p, of any consistency (a get, also within a transaction that only reads; a
// list), finds what the last write of the key with a slot up to p made. Where writes of the key
// have an unknown slot (no answer, or none that named it), what one of those could have made will
// do as well, and where two writes of the key have the same slot, nothing is said of the key. A
// list has every key that is there, in order.
//
// A transaction with slot p that compares slots has succeeded only if they were so before it. (That
// one failed, other compares may explain.)
SequentialReport check_sequential(const History& history);

}  // namespace rkv::history
