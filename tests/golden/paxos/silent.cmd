# a replica that does not answer, and one that cannot be reached
rkv put si/a 1
pause 1
rkv --timeout 0.5 get si/a
rkv --timeout 0.5 put si/a 2
rkv --timeout 0.5 put --if-version 1 si/a 2
rkv --timeout 0.5 del si/a
rkv --timeout 0.5 del --prefix si/
rkv --timeout 0.5 incr si/a
rkv --timeout 0.5 append si/a x
echo 'incr si/a' | rkv --timeout 0.5 txn -
echo 'get si/a' | rkv --timeout 0.5 txn -
rkv --timeout 0.5 get --prefix si/
rkv --timeout 0.5 get si/a si/b
rkv --timeout 0.5 dump silent.dump
ls silent.dump*
rkv --timeout 0.5 replicas
resume 1
# a write that was sent, and of which nobody knows
{ echo 'put si/u 1'; wait_until 20 grep -qs ok unknown.txt; pause 1; echo 'put si/u 2'; } | rkv --timeout 0.5 shell >unknown.txt
{ resume 1; echo 'put si/v 1'; wait_until 20 grep -qs ok unknown2.txt; pause 1; echo 'incr si/v 2'; } | rkv --timeout 0.5 shell >unknown2.txt
resume 1
