#include "workload.h"

#include <kv.h>

#include <string_view>

#include "fail.h"

namespace rkv::bench {
namespace {

constexpr std::size_t kWordSize = 4;
constexpr std::size_t kRecordSizeMax = 1024;
constexpr std::uint32_t kLastFragment = 0x80000000;

void append_word(std::string& out, std::uint32_t word) {
  char bytes[kWordSize];
  write_word(bytes, word);
  out.append(bytes, sizeof bytes);
}

// A record of this message: its mark, its head, and what `routine` makes of `body`.
template <typename T>
std::string encode_record(std::string_view head, bool_t (*routine)(XDR*, T*), T* body) {
  std::array<char, kRecordSizeMax> encoded;
  XDR xdr;
  xdrmem_create(&xdr, encoded.data(), kRecordSizeMax, XDR_ENCODE);
  if (routine != nullptr && routine(&xdr, body) == FALSE) fail("a record cannot be encoded");
  const std::size_t body_size = XDR_GETPOS(&xdr);
  std::string record;
  append_word(record, kLastFragment | static_cast<std::uint32_t>(head.size() + body_size));
  record += head;
  record.append(encoded.data(), body_size);
  return record;
}

std::string encode_empty(std::string_view head) {
  return encode_record<void>(head, nullptr, nullptr);
}

kv_key borrow_key(std::string& bytes) { return {static_cast<u_int>(bytes.size()), bytes.data()}; }
kv_value borrow_value(std::string& bytes) {
  return {static_cast<u_int>(bytes.size()), bytes.data()};
}

}  // namespace

const char* to_string(Procedure procedure) {
  switch (procedure) {
    case Procedure::kNull:
      return "NULL";
    case Procedure::kPut:
      return "PUT";
    case Procedure::kGet:
      return "GET";
  }
  return "?";
}

std::string key_of(std::size_t slot) {
  const std::string number = std::to_string(slot);
  return std::string(kKeySize - number.size(), 'k') + number;
}

std::string value() { return std::string(kValueSize, 'v'); }

std::string encode_call(Procedure procedure, std::size_t slot) {
  std::string head;
  for (const std::uint32_t word :
       {0U, static_cast<std::uint32_t>(CALL), static_cast<std::uint32_t>(RPC_MSG_VERSION),
        static_cast<std::uint32_t>(KV_PROG), static_cast<std::uint32_t>(KV_V1),
        static_cast<std::uint32_t>(procedure), 0U, 0U, 0U, 0U}) {
    append_word(head, word);
  }
  std::string key = key_of(slot);
  std::string value_bytes = value();
  if (procedure == Procedure::kPut) {
    kv_put_args args{};
    args.key = borrow_key(key);
    args.value = borrow_value(value_bytes);
    return encode_record(head, xdr_kv_put_args, &args);
  }
  if (procedure == Procedure::kGet) {
    kv_get_args args{};
    args.key = borrow_key(key);
    return encode_record(head, xdr_kv_get_args, &args);
  }
  return encode_empty(head);
}

std::string encode_reply(Procedure procedure) {
  std::string head;
  for (const std::uint32_t word :
       {0U, static_cast<std::uint32_t>(REPLY), static_cast<std::uint32_t>(MSG_ACCEPTED), 0U, 0U,
        static_cast<std::uint32_t>(SUCCESS)}) {
    append_word(head, word);
  }
  std::string value_bytes = value();
  if (procedure == Procedure::kPut) {
    kv_put_result result{};
    result.status = KV_OK;
    return encode_record(head, xdr_kv_put_result, &result);
  }
  if (procedure == Procedure::kGet) {
    kv_get_result result{};
    result.status = KV_OK;
    result.kv_get_result_u.ok.value = borrow_value(value_bytes);
    return encode_record(head, xdr_kv_get_result, &result);
  }
  return encode_empty(head);
}

std::uint32_t read_word(const char* at) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < kWordSize; ++i) {
    word = word << 8 | static_cast<std::uint8_t>(at[i]);
  }
  return word;
}

void write_word(char* at, std::uint32_t word) {
  for (std::size_t i = 0; i < kWordSize; ++i) at[i] = static_cast<char>(word >> (24 - 8 * i));
}

}  // namespace rkv::bench
