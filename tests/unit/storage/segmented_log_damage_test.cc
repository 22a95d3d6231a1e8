// What a crash and rot leave of a log: the one is taken for what it is, and so is the other.

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "log_world.h"
#include "storage/log_reader.h"

namespace rkv::storage {
namespace {

using Image = sim::SimDisk::Image;
using Record = env::LogRecord;

constexpr std::size_t kSmallSegment = SegmentedLog::kSegmentSizeMin;

// What was appended, batch by batch.
struct History {
  std::vector<std::vector<Record>> batches;
  std::vector<std::string> standings;

  void append(SegmentedLog& log, std::vector<Record> records) {
    batches.push_back(records);
    standings.push_back("standing " + std::to_string(batches.size()));
    log.append(log_batch(standings.back(), std::move(records)));
  }
  // The records of the first batches.
  std::vector<Record> records(std::size_t count) const {
    std::vector<Record> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.insert(all.end(), batches[i].begin(), batches[i].end());
    }
    return all;
  }
};

class SegmentedLogDamageTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SegmentedLogDamageTest);
  CPPUNIT_TEST(a_torn_batch_is_as_if_never_written);
  CPPUNIT_TEST(what_a_torn_batch_left_is_never_taken_for_good);
  CPPUNIT_TEST(a_torn_batch_that_opens_a_segment);
  CPPUNIT_TEST(a_flipped_bit_anywhere_is_never_silent);
  CPPUNIT_TEST(a_lost_sector_anywhere_is_never_silent);
  CPPUNIT_TEST(rot_below_is_told_with_its_highest_slot);
  CPPUNIT_TEST(rot_is_told_again_until_it_is_cut);
  CPPUNIT_TEST(rot_of_the_last_batch_is_refused);
  CPPUNIT_TEST(a_trace_of_a_later_batch_betrays_a_lost_one);
  CPPUNIT_TEST(sectors_of_two_batches_make_none);
  CPPUNIT_TEST(a_sector_of_another_place_or_segment_is_rot);
  CPPUNIT_TEST(a_missing_segment_is_found);
  CPPUNIT_TEST(a_segment_that_was_cut_short_is_found);
  CPPUNIT_TEST(a_renamed_segment_is_found);
  CPPUNIT_TEST(a_half_made_segment_is_replaced);
  CPPUNIT_TEST(another_replicas_log_is_refused);
  CPPUNIT_TEST(an_unknown_format_is_refused);
  CPPUNIT_TEST(random_files_are_read_without_harm);
  CPPUNIT_TEST_SUITE_END();

  // A log of some segments, all of it durable; the last batch takes `last_size` bytes and more.
  Image make_log(History& history, std::size_t last_size = 10) {
    LogWorld world;
    const auto log = world.open(kSmallSegment);
    world.run();
    Record bare;
    bare.type = 9;
    bare.slot = 1;
    const std::vector<std::vector<Record>> batches = {
        {log_record(1, "first")},
        {},
        {log_record(2, std::string(700, 'a')), log_record(3, "")},
        {bare, log_record(5, std::string(600, 'b'))},
        {log_record(4, "small")},
        {},
        {log_record(6, std::string(900, 'c'))},
        {log_record(8, std::string(1200, 'e')), log_record(10, std::string(1000, 'f'))},
        {log_record(9, std::string(700, 'g'))},
        {log_record(7, std::string(last_size, 'd'))}};
    for (const std::vector<Record>& records : batches) {
      history.append(*log, records);
      world.run();
    }
    CPPUNIT_ASSERT(log->durable() == batches.size());
    return world.disk().image();
  }

  static SegmentNumber last_used(const Image& image) {
    SegmentNumber last = 0;
    for (const auto& [name, content] : image) {
      if (content.find_first_not_of('\0') != std::string::npos) last = *parse_segment_name(name);
    }
    return last;
  }

  // Opens the log; what it holds must be the whole history, or what was damaged must be told.
  // `may_lack_last`: the last batch may look as if it had never been written.
  enum class Outcome { kWhole, kLackLast, kTold, kRefused };
  Outcome judge(const Image& image, const History& history) {
    LogWorld world;
    world.disk().set_image(image);
    auto opened = world.try_open(kSmallSegment);
    if (!opened.ok()) {
      CPPUNIT_ASSERT(opened.status().code() == StatusCode::kInternal);
      return Outcome::kRefused;
    }
    const auto recovered = opened.value()->take_recovered();
    const std::size_t count = history.batches.size();
    const bool lacks_last = recovered.standing == history.standings[count - 2];
    CPPUNIT_ASSERT(lacks_last || recovered.standing == history.standings[count - 1]);
    const std::vector<Record> expected = history.records(lacks_last ? count - 1 : count);
    if (!recovered.lost_up_to) {
      CPPUNIT_ASSERT(same_records(recovered.records, expected));
      return lacks_last ? Outcome::kLackLast : Outcome::kWhole;
    }
    CPPUNIT_ASSERT(!opened.value()->damage().empty());
    // What is left is in order, and nothing above lost_up_to is missing.
    std::size_t at = 0;
    for (const Record& record : expected) {
      const bool is_there =
          at < recovered.records.size() && same_record(recovered.records[at], record);
      if (is_there) ++at;
      CPPUNIT_ASSERT(is_there || record.slot <= *recovered.lost_up_to);
    }
    CPPUNIT_ASSERT(at == recovered.records.size());
    return Outcome::kTold;
  }

  // The disk before the last batch was written, and the sectors it wrote.
  struct LastBatch {
    Image before;
    Image after;
    std::string name;
    std::size_t begin = 0;  // sectors
    std::size_t end = 0;
  };
  LastBatch make_last_batch(History& history, std::size_t size) {
    LastBatch last;
    last.after = last.before = make_log(history, size);
    last.name = segment_name(last_used(last.after));
    const std::string& content = last.after.at(last.name);
    const SegmentReader reader(content, SectorSeal(LogWorld::identity(), last_used(last.after)));
    last.end = reader.used_end();
    last.begin = last.end - 1;
    while (reader.at(last.begin).stamp.ordinal > 0) --last.begin;
    CPPUNIT_ASSERT(reader.batch_at(last.begin).has_value());
    CPPUNIT_ASSERT(last.begin > kFirstBatchSector);  // a torn one must not take its segment along
    last.before.at(last.name).replace(last.begin * kSectorSize, std::string::npos,
                                      content.size() - last.begin * kSectorSize, '\0');
    return last;
  }

  // Every set of sectors of the last batch that may be missing.
  void a_torn_batch_is_as_if_never_written() {
    History history;
    const LastBatch last = make_last_batch(history, 1800);
    const std::size_t sectors = last.end - last.begin;
    CPPUNIT_ASSERT(sectors == 4);
    for (std::uint32_t kept = 0; kept < 1U << sectors; ++kept) {
      Image image = last.before;
      for (std::size_t i = 0; i < sectors; ++i) {
        if ((kept >> i & 1U) == 0) continue;
        const std::size_t at = (last.begin + i) * kSectorSize;
        image.at(last.name).replace(at, kSectorSize, last.after.at(last.name), at, kSectorSize);
      }
      const bool whole = kept == (1U << sectors) - 1;
      CPPUNIT_ASSERT(judge(image, history) == (whole ? Outcome::kWhole : Outcome::kLackLast));
    }
  }

  // Tears a batch, starts again and tears another one at the same place, so that the two together
  // have all sectors.
  void what_a_torn_batch_left_is_never_taken_for_good() {
    History history;
    const LastBatch last = make_last_batch(history, 1800);
    Image torn = last.after;
    torn.at(last.name).replace(last.begin * kSectorSize, 2 * kSectorSize, 2 * kSectorSize, '\0');
    LogWorld world;
    world.disk().set_image(torn);
    auto log = world.open(kSmallSegment);
    log->append(log_batch("other", {log_record(8, std::string(1800, 'o'))}));
    world.run();
    CPPUNIT_ASSERT(log->durable() == 1);
    Image image = world.disk().image();
    CPPUNIT_ASSERT(image.at(last.name).find("ooooo") != std::string::npos);
    // The second write got as far as its first half, over what the first one had left there.
    std::string& content = image.at(last.name);
    const std::size_t half = (last.begin + 2) * kSectorSize;
    content.replace(half, 2 * kSectorSize, 2 * kSectorSize, '\0');
    CPPUNIT_ASSERT(judge(image, history) == Outcome::kLackLast);

    // And when the restart itself is cut short at any step, nothing of the first one comes back.
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
      LogWorld cut_short(seed);
      cut_short.disk().set_image(torn);
      auto again = cut_short.open(kSmallSegment);
      again->append(log_batch("other", {log_record(8, std::string(1800, 'o'))}));
      for (std::uint64_t i = 0; i < seed % 6; ++i) cut_short.run_one();
      const bool durable = again->durable() > 0;
      again.reset();
      cut_short.disk().crash();
      const auto recovered = cut_short.open(kSmallSegment)->take_recovered();
      const bool is_other = recovered.standing == "other";
      CPPUNIT_ASSERT(is_other || !durable);
      std::vector<Record> expected = history.records(history.batches.size() - 1);
      if (is_other) expected.push_back(log_record(8, std::string(1800, 'o')));
      CPPUNIT_ASSERT(same_records(recovered.records, expected));
    }
  }

  void a_torn_batch_that_opens_a_segment() {
    History history;
    LogWorld world;
    auto log = world.open(kSmallSegment);
    history.append(*log, {log_record(1, std::string(2000, 'a'))});
    world.run();
    const Image before = world.disk().image();
    history.append(*log, {log_record(2, std::string(1200, 'b'))});
    world.run();
    const std::string written = world.disk().image().at(segment_name(2));
    for (std::uint32_t kept = 0; kept < 16; ++kept) {  // the header, and three sectors
      Image image = before;
      std::string& content = image.at(segment_name(2));
      for (std::size_t i = 0; i < 4; ++i) {
        if ((kept >> i & 1U) == 0) continue;
        content.replace(i * kSectorSize, kSectorSize, written, i * kSectorSize, kSectorSize);
      }
      // A header that alone is missing is damage that costs nothing.
      const bool whole = (kept & 14U) == 14U;
      CPPUNIT_ASSERT(judge(image, history) == (whole ? Outcome::kWhole : Outcome::kLackLast));
    }
  }

  void a_flipped_bit_anywhere_is_never_silent() {
    History history;
    const LastBatch last = make_last_batch(history, 700);
    std::map<Outcome, int> outcomes;
    for (const auto& [name, content] : last.after) {
      for (std::size_t i = 0; i < content.size(); ++i) {
        Image image = last.after;
        for (const std::size_t bit : {i % 8, (i + 5) % 8}) {
          char& byte = image.at(name)[i];
          const char good = byte;
          byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit));
          const Outcome outcome = judge(image, history);
          // A bit is less than a sector: nothing durable may look as if never written.
          CPPUNIT_ASSERT_MESSAGE(name + " " + std::to_string(i), outcome != Outcome::kLackLast);
          const bool in_last =
              name == last.name && i >= last.begin * kSectorSize && i < last.end * kSectorSize;
          CPPUNIT_ASSERT(!in_last || outcome == Outcome::kRefused);
          ++outcomes[outcome];
          byte = good;
        }
      }
    }
    CPPUNIT_ASSERT(outcomes[Outcome::kWhole] > 100 && outcomes[Outcome::kTold] > 100);
  }

  // A sector of zeros is what a crash leaves too: in the last batch the two look the same.
  void a_lost_sector_anywhere_is_never_silent() {
    History history;
    const LastBatch last = make_last_batch(history, 700);
    for (const auto& [name, content] : last.after) {
      for (std::size_t sector = 0; sector < content.size() / kSectorSize; ++sector) {
        for (const char fill : {'\0', '\xff'}) {
          Image image = last.after;
          image.at(name).replace(sector * kSectorSize, kSectorSize, kSectorSize, fill);
          const bool in_last = name == last.name && sector >= last.begin && sector < last.end;
          const Outcome outcome = judge(image, history);
          CPPUNIT_ASSERT(outcome != Outcome::kLackLast || (in_last && fill == '\0'));
          CPPUNIT_ASSERT(!in_last || outcome != Outcome::kWhole);
        }
      }
    }
  }

  void rot_below_is_told_with_its_highest_slot() {
    LogWorld world;
    auto log = world.open();
    for (const Position slot : {5U, 9U, 6U, 7U}) {
      log->append(log_batch("s" + std::to_string(slot), {log_record(slot, "value")}));
      world.run();
    }
    world.disk().flip_bit(segment_name(1), 3 * kSectorSize + 40, 3);  // of slot 6
    log = world.open();
    const auto recovered = log->take_recovered();
    CPPUNIT_ASSERT(recovered.lost_up_to == Position{9});
    CPPUNIT_ASSERT(recovered.records.size() == 3 && recovered.records.back().slot == 7);
    CPPUNIT_ASSERT_EQUAL(std::string("s7"), recovered.standing);
    CPPUNIT_ASSERT(!log->damage().empty());
  }

  // The segment with the damage stays, though nothing else in it is needed any more.
  void rot_is_told_again_until_it_is_cut() {
    LogWorld world;
    auto log = world.open(kSmallSegment);
    const auto append_slots = [&](Position first) {
      for (Position slot = first; slot <= 6; ++slot) {
        log->append(log_batch("s", {log_record(slot, std::string(600, 'v'))}));
        world.run();
      }
    };
    append_slots(1);
    world.disk().flip_bit(segment_name(1), 1 * kSectorSize + 40, 3);
    for (int round = 0; round < 3; ++round) {
      log = world.open(kSmallSegment);
      CPPUNIT_ASSERT(log->take_recovered().lost_up_to == Position{1});
      append_slots(2);
      CPPUNIT_ASSERT(world.disk().image().contains(segment_name(1)));
    }
    log->cut(1);
    world.run();
    CPPUNIT_ASSERT(!world.disk().image().contains(segment_name(1)));
    CPPUNIT_ASSERT(!world.open(kSmallSegment)->take_recovered().lost_up_to);
  }

  void rot_of_the_last_batch_is_refused() {
    History history;
    const LastBatch last = make_last_batch(history, 10);
    Image image = last.after;
    image.at(last.name)[last.begin * kSectorSize + 100] ^= 1;
    LogWorld world;
    world.disk().set_image(image);
    const Status refused = world.try_open(kSmallSegment).status();
    CPPUNIT_ASSERT(refused.code() == StatusCode::kInternal);
    const std::string where =
        last.name + ", offset " + std::to_string(last.begin * kSectorSize) + ": ";
    CPPUNIT_ASSERT_MESSAGE(refused.reason(), refused.reason().find(where) != std::string::npos);
  }

  // The last batch has a sector of zeros, as if torn; but the one before it is lost, so that must
  // have been durable, and nobody knows what this one was.
  void a_trace_of_a_later_batch_betrays_a_lost_one() {
    LogWorld world;
    const auto log = world.open();
    for (const Position slot : {1U, 2U, 3U}) {
      log->append(log_batch("s", {log_record(slot, std::string(700, 'v'))}));
      world.run();
    }
    Image image = world.disk().image();
    std::string& content = image.at(segment_name(1));
    for (const std::size_t sector : {3U, 4U, 6U}) {  // the second batch, and half of the third
      content.replace(sector * kSectorSize, kSectorSize, kSectorSize, '\0');
    }
    LogWorld after;
    after.disk().set_image(image);
    CPPUNIT_ASSERT(after.try_open().status().code() == StatusCode::kInternal);
  }

  // Sectors with good checksums that do not belong together are no batch.
  void sectors_of_two_batches_make_none() {
    const SectorSeal seal(LogWorld::identity(), 1);
    BatchHead head;
    head.sequence = 5;
    const std::vector<Record> records = {log_record(1, std::string(900, 'a'))};
    const std::string batch = std::string(kSectorSize, '\0') + encode_batch(head, records, seal, 1);
    CPPUNIT_ASSERT(batch.size() == 4 * kSectorSize);
    CPPUNIT_ASSERT(SegmentReader(batch, seal).batch_at(1).has_value());
    for (const BatchSequence sequence : {4U, 5U, 6U}) {
      head.sequence = sequence;  // an ordinal too low, and the same number or another one
      std::string mixed = batch;
      const std::string other = encode_batch(head, records, seal, 1);
      mixed.replace(3 * kSectorSize, kSectorSize, encode_batch(head, records, seal, 2), kSectorSize,
                    kSectorSize);
      CPPUNIT_ASSERT(SegmentReader(mixed, seal).at(3).state == SegmentReader::State::kGood);
      CPPUNIT_ASSERT(!SegmentReader(mixed, seal).batch_at(1).has_value());
      mixed = batch;
      mixed.replace(3 * kSectorSize, kSectorSize, other, 2 * kSectorSize, kSectorSize);
      CPPUNIT_ASSERT(SegmentReader(mixed, seal).batch_at(1).has_value() == (sequence == 5));
    }
  }

  // Sectors that are good in themselves, but were written elsewhere.
  void a_sector_of_another_place_or_segment_is_rot() {
    History history;
    const Image image = make_log(history);
    const std::string first = image.at(segment_name(1));
    for (const auto& [to_name, to_content] : image) {
      for (std::size_t to = 1; to < to_content.size() / kSectorSize; ++to) {
        const std::size_t from = to_name == segment_name(1) ? (to == 1 ? 2 : 1) : to;
        const std::string moved = first.substr(from * kSectorSize, kSectorSize);
        Image damaged = image;
        damaged.at(to_name).replace(to * kSectorSize, kSectorSize, moved);
        const Outcome outcome = judge(damaged, history);
        CPPUNIT_ASSERT(outcome != Outcome::kLackLast);
        const bool is_below = to_name < segment_name(last_used(image));
        CPPUNIT_ASSERT(!is_below || outcome != Outcome::kRefused);
      }
    }
    // A whole segment under another's name.
    Image damaged = image;
    damaged.at(segment_name(2)) = first;
    CPPUNIT_ASSERT(judge(damaged, history) == Outcome::kTold);
  }

  void a_missing_segment_is_found() {
    History history;
    const Image image = make_log(history);
    const SegmentNumber last = last_used(image);
    CPPUNIT_ASSERT(last >= 3 && image.contains(segment_name(last + 1)));
    for (SegmentNumber missing = 1; missing <= last; ++missing) {
      Image damaged = image;
      damaged.erase(segment_name(missing));
      CPPUNIT_ASSERT(judge(damaged, history) ==
                     (missing == last ? Outcome::kRefused : Outcome::kTold));
    }
  }

  void a_segment_that_was_cut_short_is_found() {
    History history;
    const Image image = make_log(history);
    const SegmentNumber last = last_used(image);
    for (SegmentNumber segment = 1; segment <= last; ++segment) {
      for (std::size_t size = 0; size < kSmallSegment; size += 100) {
        Image damaged = image;
        damaged.at(segment_name(segment)).resize(size);
        const Outcome outcome = judge(damaged, history);
        CPPUNIT_ASSERT(outcome != Outcome::kLackLast);
        CPPUNIT_ASSERT(segment < last || outcome == Outcome::kRefused);
      }
    }
  }

  void a_renamed_segment_is_found() {
    History history;
    Image image = make_log(history);
    std::swap(image.at(segment_name(1)), image.at(segment_name(2)));
    CPPUNIT_ASSERT(judge(image, history) == Outcome::kTold);
  }

  void a_half_made_segment_is_replaced() {
    History history;
    const Image image = make_log(history);
    const SegmentNumber last = last_used(image);
    for (const std::size_t size : {std::size_t{0}, std::size_t{100}, kSmallSegment / 2}) {
      LogWorld world;
      world.disk().set_image(image);
      Image half_made = image;
      half_made.at(segment_name(last + 1)).resize(size);
      world.disk().set_image(half_made);
      const auto log = world.open(kSmallSegment);
      CPPUNIT_ASSERT(log->damage().empty());
      for (int i = 0; i < 5; ++i)
        log->append(log_batch("s", {log_record(9, std::string(2000, 'x'))}));
      world.run();
      CPPUNIT_ASSERT(log->durable() == 5 && world.failures().empty());
    }
  }

  void another_replicas_log_is_refused() {
    LogWorld world;
    const auto log = world.open();
    log->append(log_batch("s"));
    world.run();
    LogIdentity other_cluster = LogWorld::identity();
    other_cluster.cluster.bytes[15] = 1;
    LogIdentity other_replica = LogWorld::identity();
    other_replica.replica = {8};
    for (const LogIdentity& other : {other_cluster, other_replica}) {
      const Status refused = world.try_open(LogWorld::kSegmentSize, other).status();
      CPPUNIT_ASSERT(refused.code() == StatusCode::kUnavailable);
      CPPUNIT_ASSERT(refused.reason().find("belongs to replica 7") != std::string::npos);
    }
  }

  void an_unknown_format_is_refused() {
    LogWorld world;
    const auto log = world.open();
    log->append(log_batch("s"));
    world.run();
    Image image = world.disk().image();
    std::string header = image.at(segment_name(1)).substr(0, kSectorSize);
    header[15] = 2;  // the version's last byte
    const std::string content = header.substr(4);
    std::string checksum;
    append_uint32(checksum, crc32c(0, content));
    image.at(segment_name(1)).replace(0, kSectorSize, checksum + content);
    world.disk().set_image(image);
    const Status refused = world.try_open().status();
    CPPUNIT_ASSERT(refused.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(refused.reason().find("version 2") != std::string::npos);
  }

  // Random bytes; and good sectors in random places, which look most like a log.
  void random_files_are_read_without_harm() {
    History history;
    const Image image = make_log(history);
    std::vector<std::string> sectors(1, std::string(kSectorSize, '\0'));
    for (const auto& [name, content] : image) {
      for (std::size_t at = 0; at < content.size(); at += kSectorSize) {
        sectors.push_back(content.substr(at, kSectorSize));
      }
    }
    Random random(5);
    for (int round = 0; round < 3000; ++round) {
      Image made;
      const std::uint64_t files = random.below(4);
      for (std::uint64_t file = 0; file < files; ++file) {
        std::string content;
        const std::uint64_t size = random.below(12);
        for (std::uint64_t i = 0; i < size; ++i) {
          std::string sector = sectors[static_cast<std::size_t>(random.below(sectors.size()))];
          const SectorSeal seal(LogWorld::identity(), file + 1);
          for (std::uint64_t flips = random.below(3); flips > 0; --flips) {
            sector[static_cast<std::size_t>(random.below(kSectorSize))] =
                static_cast<char>(random.next());
          }
          // Half of them with a checksum that is right, so that what is behind it is read too.
          if (random.below(2) == 0) {
            std::string checksum;
            append_uint32(checksum, seal.checksum(static_cast<std::size_t>(i), sector));
            sector.replace(0, checksum.size(), checksum);
          }
          content += sector;
        }
        content.resize(content.size() + static_cast<std::size_t>(random.below(20)), 'x');
        made[segment_name(file + 1)] = content;
      }
      LogWorld world;
      world.disk().set_image(made);
      auto opened = world.try_open(kSmallSegment);
      if (!opened.ok()) continue;
      const auto recovered = opened.value()->take_recovered();
      CPPUNIT_ASSERT(recovered.records.size() < 4 * 12 * kSectorSize);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SegmentedLogDamageTest);

}  // namespace
}  // namespace rkv::storage
