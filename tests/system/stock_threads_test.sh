#!/bin/bash
# Many threads at once, each with a CLIENT of stock libtirpc, at every replica of five.
. "$(dirname "$0")/lib.sh"

start_cluster 5
for threads in 1 16 64; do
  count=$((1600 / threads))
  step "$threads threads, $count puts and $((2 * count)) gets each"
  expect_status 0 "$BUILD/stock_threads" "$threads" "$count" 127.0.0.1 "${port_of_replica[@]:1}"
  expect_equal 'the end' "$output" "calls $((3 * threads * count))"
done
expect_equal_hashes

step 'what was put is there'
expect_status 0 rkv_at 4 get 'stock thread 15 key 99'
expect_equal 'bytes of the value' "$(rkv_at 4 get 'stock thread 63 key 24' | wc -c)" \
  "$(((63 * 31 + 24 * 997) % 8192))"
