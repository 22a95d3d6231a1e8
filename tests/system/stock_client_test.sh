#!/bin/bash
# A client that knows kv.x, rpcgen's own stubs and stock libtirpc only, against every replica, over
# TCP and UDP.
. "$(dirname "$0")/lib.sh"

start_cluster 3
for id in 1 2 3; do
  step "replica $id"
  "$BUILD/stock_client" 127.0.0.1 "${port_of_replica[id]}" || fail "the client at replica $id"
  step "replica $id over UDP"
  "$BUILD/stock_client" 127.0.0.1 "${port_of_replica[id]}" udp ||
    fail "the client at replica $id over UDP"
done
expect_equal_hashes
