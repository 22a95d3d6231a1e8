# nobody answers: nothing happened
rkv put k v
rkv put --if-absent k v
rkv get k
rkv get k l
rkv get --prefix k
rkv get --prefix k --count-only
rkv del k
rkv del --prefix k
rkv incr k
rkv append k v
echo 'put k v' | rkv txn -
echo 'get k' | rkv txn -
rkv dump
rkv dump nobody.dump
ls nobody.dump*
echo 'k	v' | rkv load -
rkv replicas
rkv status
rkv --history nobody.calls put k v
grep -c . nobody.calls
