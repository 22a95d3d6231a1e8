# what 2pc offers, and what needs paxos
rkv put k/a 1
rkv put --if-absent k/a 2
rkv put --if-version 1 --prev k/a 2
rkv -w json put k/b 1
rkv -w json get k/a
rkv get k/a k/b k/none
rkv incr k/a 40
rkv append k/b x
rkv del --if-version 1 k/b
rkv del --if-version 2 k/b
rkv del k/b
printf 'if version k/a = 3\nthen\nput k/c 1\nincr k/a\nelse\nget k/a\n' >t.txn
rkv txn t.txn
rkv txn t.txn
printf 'if created k/a < 17\nthen\nget k/a\n' | rkv txn -
printf 'del --prefix k/\n' | rkv txn -
rkv del --prefix k/
rkv get --prefix k/
rkv get --prefix k/ --count-only
rkv get --prefix k/ --consistency eventual
rkv get --prefix k/ --count-only --consistency eventual
rkv get --consistency sequential k/a
rkv get --consistency eventual k/a
RKV_CONSISTENCY=sequential rkv demo | grep -c ' -> '
echo demo | RKV_CONSISTENCY=sequential rkv shell | grep -c ' -> '
rkv dump
rkv dump x.dump
ls x.dump*
rkv dump --consistency eventual x.dump
tail -n +2 x.dump
rkv load x.dump
rkv get k/a
