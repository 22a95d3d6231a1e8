#!/bin/bash
# Keys and values at their limits and one byte over, and of bytes that are no text: stored exactly,
# or refused with the limit named.
# timeout: 120
. "$(dirname "$0")/lib.sh"

start_cluster 3
mebibyte=$((1024 * 1024))
head -c $mebibyte /dev/urandom >largest
head -c $((mebibyte + 1)) /dev/urandom >too-large
: >empty

expect_same() {   # id, key, file
  rkv_at "$1" get "$2" >"got-$1" || fail "get at replica $1 ended with status $?"
  cmp "got-$1" "$3" || fail "the value at replica $1 differs"
}

key_of() {   # length
  printf "%$1s" '' | tr ' ' k
}

hex() {
  od -An -tx1 -v | tr -d ' \n'
}

step 'values of 0 bytes, 1 MiB, 1 MiB + 1'
for file in empty largest; do
  expect_status 0 rkv_at 1 put "$file" "@$file"
  expect_status 0 rkv_at 2 put "$file-from-stdin" - <"$file"
  for id in 1 2 3; do
    expect_same "$id" "$file" "$file"
    expect_same "$id" "$file-from-stdin" "$file"
  done
done
expect_status 0 rkv_at 1 put empty-argument ''
expect_same 2 empty-argument empty
expect_status 6 rkv_at 1 put too-large @too-large
expect_one_line 'stderr' "$error"
expect_match 'stderr' "$error" "$mebibyte"
expect_status 6 rkv_at 1 put too-large - <too-large
expect_match 'stderr' "$error" "$mebibyte"
expect_status 1 rkv_at 1 get too-large

step 'keys of 1, 1024, 1025 bytes, and of none'
for length in 1 1024; do
  expect_status 0 rkv_at 1 put "$(key_of $length)" "length $length"
  for id in 1 2 3; do
    expect_status 0 rkv_at "$id" get "$(key_of $length)"
    expect_equal 'the value' "$output" "length $length"
  done
done
for command in 'put KEY value' 'get KEY' 'del KEY'; do
  # shellcheck disable=SC2086 # its words
  expect_status 6 rkv_at 1 ${command/KEY/$(key_of 1025)}
  expect_one_line 'stderr' "$error"
  expect_match 'stderr' "$error" 1024
done
expect_status 2 rkv_at 1 put '' value
expect_one_line 'stderr' "$error"

step 'the largest key with the largest value'
expect_status 0 rkv_at 2 put "$(key_of 1024)" @largest
expect_same 3 "$(key_of 1024)" largest

step 'keys that are no text'
for key in $'\xff\xfe\x80' $'a\nb' $'tab\there' '\x00' ' ' '@at' $'\x1b[31m'; do
  expect_status 0 rkv_at 1 put "$key" "of ${key@Q}"
  expect_status 0 rkv_at 2 get "$key"
  expect_equal "the value of ${key@Q}" "$output" "of ${key@Q}"
done

step 'NUL in keys and values, by load and read by a client of the stock stubs'
printf 'a\0b\tvalue\0with NUL\n\0\t\0\n\xff\0\xff\t\xfe\0\xfe\n' >nul.tsv
expect_status 0 rkv_at 1 load nul.tsv
while read -r key value; do
  for id in 1 2 3; do
    found=$("$BUILD/stock_client" 127.0.0.1 "${port_of_replica[id]}" get "$key" | hex) ||
      fail "there is no key $key (hexadecimal) at replica $id"
    expect_equal "the value of $key at replica $id" "$found" "$value"
  done
done <<END
610062 $(printf 'value\0with NUL' | hex)
00 00
ff00ff fe00fe
END

step 'load goes on after what is over a limit, and says so'
{
  printf 'good-1\tvalue\n'
  printf '%s\tvalue\n' "$(key_of 1025)"
  printf 'good-2\tvalue\n'
} >mixed.tsv
expect_status 6 rkv_at 1 load mixed.tsv
expect_match 'stderr' "$error$output" 1024
for key in good-1 good-2; do
  expect_status 0 rkv_at 2 get "$key"
done
expect_equal_hashes
