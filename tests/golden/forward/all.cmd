# what forward offers, and what needs another replication
rkv put k/a 1
rkv -w json put k/a 2
rkv get k/a
rkv -w json get k/a
rkv del k/a
rkv del k/a
rkv put k/a 1
rkv put --if-absent k/a 2
rkv put --prev k/a 2
rkv del --if-version 1 k/a
rkv del --prefix k/
rkv incr k/a
rkv append k/a x
echo 'get k/a' | rkv txn -
rkv get k/a k/b
rkv get --consistency eventual k/a k/b
rkv get --prefix k/
rkv get --prefix k/ --consistency eventual
rkv get --consistency sequential k/a
rkv dump
rkv dump --consistency eventual x.dump
tail -n +2 x.dump
rkv load x.dump
