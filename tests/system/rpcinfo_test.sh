#!/bin/bash
# A replica is inspected with rpcinfo, without rpcbind.
# needs: rpcinfo
. "$(dirname "$0")/lib.sh"

universal_address() {   # port
  echo "127.0.0.1.$(($1 / 256)).$(($1 % 256))"
}

start_cluster 1
clients=$(universal_address "${port_of_replica[1]}")

for transport in tcp udp; do
  step "version 1 is ready, over $transport"
  expect_status 0 timeout 20 rpcinfo -a "$clients" -T "$transport" 536898422 1
  expect_match 'rpcinfo' "$output" 'program 536898422 version 1 ready and waiting'

  step "version 9 is a mismatch that says which versions there are, over $transport"
  expect_status 1 timeout 20 rpcinfo -a "$clients" -T "$transport" 536898422 9
  expect_match 'rpcinfo' "$output$error" 'mismatch; low version = 1, high version = 1'

  step "all versions, over $transport"
  expect_status 0 timeout 20 rpcinfo -a "$clients" -T "$transport" 536898422
  expect_match 'rpcinfo' "$output" 'version 1 ready and waiting'

  step "another program is not there, over $transport"
  expect_status 1 timeout 20 rpcinfo -a "$clients" -T "$transport" 536898999 1
  expect_match 'rpcinfo' "$output$error" 'Program unavailable'
done
