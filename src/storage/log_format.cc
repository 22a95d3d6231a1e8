#include "storage/log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace rkv::storage {
namespace {

constexpr std::size_t kNumberDigits = 16;
constexpr std::string_view kNameEnd = ".log";

constexpr std::string_view kMagic = "rkv log\n";
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kChecksumSize = 4;

constexpr std::uint32_t kBegins = 1;  // flags of a batch
constexpr std::uint32_t kEnds = 2;

constexpr std::size_t kStandingSizeMax = rkv::LogBatch::kStandingSizeMax;
constexpr std::size_t kRecordHeadSizeMax = env::LogRecord::kHeadSizeMax;

std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

std::string_view bytes_of(const ClusterId& cluster) {
  return {reinterpret_cast<const char*>(cluster.bytes.data()), cluster.bytes.size()};
}

std::size_t sectors_of_payload(std::size_t size) {
  return (size + kSectorPayloadSize - 1) / kSectorPayloadSize;
}

void append_record(std::string& out, const env::LogRecord& record) {
  append_uint32(out, record.type);
  append_uint64(out, record.slot);
  append_opaque(out, record.head);
  append_uint32(out, record.body == nullptr ? 0 : 1);
  if (record.body != nullptr) append_opaque(out, *record.body);
}

std::optional<env::LogRecord> read_record(XdrReader& reader, std::size_t size_max) {
  env::LogRecord record;
  record.type = reader.read_uint32();
  record.slot = reader.read_uint64();
  record.head = reader.read_opaque(kRecordHeadSizeMax);
  const std::uint32_t has_body = reader.read_uint32();
  if (has_body > 1) return std::nullopt;
  if (has_body == 1) {
    record.body = std::make_shared<const std::string>(reader.read_opaque(size_max));
  }
  if (!reader.ok()) return std::nullopt;
  return record;
}

// The payload of a batch, as it is without the stamps.
std::string batch_payload(const BatchHead& head, const std::vector<env::LogRecord>& records) {
  std::size_t size = kBatchHeadSize;
  for (const env::LogRecord& record : records) size += encoded_size(record);
  std::string payload;
  payload.reserve(size);
  append_uint32(payload, static_cast<std::uint32_t>(size));
  append_uint32(payload, (head.begins ? kBegins : 0) | (head.ends ? kEnds : 0));
  append_uint64(payload, head.highest_slot_before);
  append_uint64(payload, head.first_segment);
  append_uint32(payload, static_cast<std::uint32_t>(records.size()));
  append_uint32(payload, static_cast<std::uint32_t>(head.standing.size()));
  payload += head.standing;
  payload.resize(kBatchHeadSize, '\0');
  for (const env::LogRecord& record : records) append_record(payload, record);
  RKV_CHECK(payload.size() == size, "a batch takes what its records say they take");
  return payload;
}

}  // namespace

std::string segment_name(SegmentNumber segment) {
  return fmt::format("{:0{}}{}", segment, kNumberDigits, kNameEnd);
}

std::optional<SegmentNumber> parse_segment_name(std::string_view name) {
  if (name.size() != kNumberDigits + kNameEnd.size() || !name.ends_with(kNameEnd)) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(0, kNumberDigits);
  SegmentNumber segment = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), segment);
  if (error != std::errc() || end != digits.end() || segment == 0) return std::nullopt;
  return segment;
}

std::string encode_segment_header(const SegmentHeader& header) {
  std::string content(kMagic);
  append_uint32(content, kFormatVersion);
  content += bytes_of(header.identity.cluster);
  append_uint32(content, header.identity.replica.value);
  append_uint64(content, header.segment);
  append_uint64(content, header.size);
  content.resize(kSectorSize - kChecksumSize, '\0');
  std::string sector;
  append_uint32(sector, crc32c(0, content));
  return sector + content;
}

Result<SegmentHeader> decode_segment_header(std::string_view sector) {
  if (sector.size() != kSectorSize) return Status::internal("its header is cut short");
  const std::string_view content = sector.substr(kChecksumSize);
  if (XdrReader(sector).read_uint32() != crc32c(0, content) || !content.starts_with(kMagic)) {
    return Status::internal("its header is damaged");
  }
  XdrReader reader(content.substr(kMagic.size()));
  const std::uint32_t version = reader.read_uint32();
  if (version != kFormatVersion) {
    return Status::unavailable(fmt::format(
        "it has format version {}, and this program knows version {} only: start the program "
        "that wrote it",
        version, kFormatVersion));
  }
  SegmentHeader header;
  const std::size_t cluster_at = kMagic.size() + 4;
  const std::string_view cluster = content.substr(cluster_at, header.identity.cluster.bytes.size());
  std::copy(cluster.begin(), cluster.end(), header.identity.cluster.bytes.begin());
  XdrReader rest(content.substr(cluster_at + cluster.size()));
  header.identity.replica.value = rest.read_uint32();
  header.segment = rest.read_uint64();
  header.size = rest.read_uint64();
  return header;
}

SectorSeal::SectorSeal(const LogIdentity& identity, SegmentNumber segment) {
  std::string bound(bytes_of(identity.cluster));
  append_uint32(bound, identity.replica.value);
  append_uint64(bound, segment);
  seed_ = crc32c(0, bound);
}

std::uint32_t SectorSeal::checksum(std::size_t sector_index, std::string_view sector) const {
  std::string place;
  append_uint64(place, sector_index);
  return crc32c(crc32c(seed_, place), sector.substr(kChecksumSize));
}

std::optional<SectorStamp> read_stamp(const SectorSeal& seal, std::size_t sector_index,
                                      std::string_view sector) {
  if (sector.size() != kSectorSize) return std::nullopt;
  XdrReader reader(sector);
  if (reader.read_uint32() != seal.checksum(sector_index, sector)) return std::nullopt;
  SectorStamp stamp;
  stamp.ordinal = reader.read_uint32();
  stamp.sequence = reader.read_uint64();
  return stamp;
}

std::size_t encoded_size(const env::LogRecord& record) {
  const std::size_t body = record.body == nullptr ? 0 : 4 + padded(record.body->size());
  return 4 + 8 + 4 + padded(record.head.size()) + 4 + body;
}

std::size_t batch_sectors(std::size_t records_size) {
  return sectors_of_payload(kBatchHeadSize + records_size);
}

std::string encode_batch(const BatchHead& head, const std::vector<env::LogRecord>& records,
                         const SectorSeal& seal, std::size_t sector_index) {
  RKV_CHECK(head.standing.size() <= kStandingSizeMax, "a standing is small");
  const std::string payload = batch_payload(head, records);
  const std::size_t count = sectors_of_payload(payload.size());
  std::string sectors;
  sectors.reserve(count * kSectorSize);
  for (std::size_t ordinal = 0; ordinal < count; ++ordinal) {
    append_uint32(sectors, 0);  // the checksum, known below
    append_uint32(sectors, static_cast<std::uint32_t>(ordinal));
    append_uint64(sectors, head.sequence);
    sectors.append(payload, ordinal * kSectorPayloadSize, kSectorPayloadSize);
    sectors.resize((ordinal + 1) * kSectorSize, '\0');
    const std::string_view sector = std::string_view(sectors).substr(ordinal * kSectorSize);
    std::string checksum;
    append_uint32(checksum, seal.checksum(sector_index + ordinal, sector));
    sectors.replace(ordinal * kSectorSize, kChecksumSize, checksum);
  }
  return sectors;
}

std::size_t announced_sectors(std::string_view first_sector) {
  return sectors_of_payload(XdrReader(first_sector.substr(kStampSize)).read_uint32());
}

std::optional<LogBatch> decode_batch(BatchSequence sequence, std::string_view sectors) {
  std::string payload;
  payload.reserve(sectors.size());
  for (; sectors.size() >= kSectorSize; sectors.remove_prefix(kSectorSize)) {
    payload += sectors.substr(kStampSize, kSectorPayloadSize);
  }
  XdrReader head(payload);
  const std::size_t size = head.read_uint32();
  if (size < kBatchHeadSize || size > payload.size()) return std::nullopt;
  LogBatch batch;
  batch.head.sequence = sequence;
  const std::uint32_t flags = head.read_uint32();
  batch.head.begins = (flags & kBegins) != 0;
  batch.head.ends = (flags & kEnds) != 0;
  batch.head.highest_slot_before = head.read_uint64();
  batch.head.first_segment = head.read_uint64();
  const std::uint32_t records = head.read_uint32();
  batch.head.standing = head.read_opaque(kStandingSizeMax);
  if (!head.ok()) return std::nullopt;

  XdrReader body(std::string_view(payload).substr(kBatchHeadSize, size - kBatchHeadSize));
  for (std::uint32_t i = 0; i < records; ++i) {
    std::optional<env::LogRecord> record = read_record(body, size);
    if (!record) return std::nullopt;
    batch.records.push_back(std::move(*record));
  }
  if (!body.done()) return std::nullopt;
  return batch;
}

}  // namespace rkv::storage
