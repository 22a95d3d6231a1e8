# replicas and status, version and help
rkv replicas
rkv -w table replicas
rkv -w json replicas
rkv status | wc -l
rkv -w table status | grep -c '^+-'
rkv -w json status | grep -c '"reachable": true'
rkv status --state-hash | grep -cE '[0-9a-f]{32}$'
rkv status x
rkv replicas --state-hash
rkv -w json demo | grep -c '"status": "ok"'
rkv demo | sed -E 's/rkv-demo-[0-9a-f]{16}/rkv-demo-D/'
# every call as a line, with what is known of it
rkv --history calls put cl/a 1
rkv --history calls get cl/a
RKV_HISTORY=calls rkv get cl/none
wc -l <calls
rkv --history absent-folder/calls get cl/a
