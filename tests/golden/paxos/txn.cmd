# txn: from standard input, a file, and wrong ones
rkv put txn/alice 100
rkv put txn/bob 100
printf 'if value txn/alice = 100\nthen\nincr txn/alice -10\nincr txn/bob 10\nelse\nget txn/alice\nget txn/bob\n' >transfer.txn
rkv txn transfer.txn
rkv txn transfer.txn
rkv -w table txn transfer.txn
rkv -w json txn transfer.txn
# every step
printf 'put txn/k v\nput txn/k w --prev\nappend txn/k xyz\nget txn/k\nget txn/none\nincr txn/n 5\ndel txn/k --prev\ndel txn/none\nput txn/p/1 1\nput txn/p/2 2\ndel --prefix txn/p/\n' >steps.txn
rkv txn steps.txn
rkv del txn/n
rkv -w table txn - <steps.txn
rkv del txn/n
rkv -w json txn steps.txn
printf 'del --from txn/p --to txn/q\n' | rkv txn -
printf 'del --from txn/x\ndel --prefix txn/y\n' | rkv txn -
printf 'del --prefix ""\n' | rkv txn -
# every condition
printf 'if exists txn/alice\nif absent txn/none\nif version txn/alice = 2\nif version txn/none = 0\nif version txn/alice != 3\nif created txn/alice < 1000000\nif modified txn/alice > 0\nif created txn/none = 0\nif value txn/alice != "x y"\nif value txn/bob > 10\n' >conditions.txn
(cat conditions.txn; printf 'then\nput txn/held yes\n') | rkv txn
(cat conditions.txn; printf 'if absent txn/alice\nthen\nput txn/held no\n') | rkv txn
rkv get txn/held
printf 'if exists txn/none\nelse\nget txn/alice\n' | rkv txn -
printf 'if exists txn/alice\nthen\nelse\nget txn/alice\n' | rkv txn -
# it reads
printf 'get txn/alice\nget txn/bob\n' | rkv --consistency sequential txn -
printf 'get txn/alice\n' | rkv --consistency eventual --max-staleness 9 txn -
printf 'put txn/a b\n' | rkv --consistency eventual txn -
# all or nothing
printf 'put txn/whole 1\nincr txn/held\n' | rkv txn -
rkv get txn/whole
# words and files
printf '# a comment\n\n  PUT "txn/a b" \\x00\\xff\nput txn/quoted "@x"\nget "txn/a b"\n' | rkv txn -
echo content >txn.value
echo 'put txn/file @txn.value' | rkv txn -
# what is wrong
echo 'put txn/x' | rkv txn -
printf 'if txn/x\n' >wrong.txn
rkv txn wrong.txn
printf 'get a\nfrob b\n' | rkv txn -
printf 'if exists a\nget b\n' | rkv txn -
printf 'get a\nelse\n' | rkv txn -
printf 'get a\nend\nget b\n' | rkv txn -
printf 'if version a = three\n' | rkv txn -
printf 'put a @absent\n' | rkv txn -
printf 'put a -\n' | rkv txn -
printf 'get "a\n' | rkv txn -
printf 'get ""\n' | rkv txn -
printf '' | rkv txn -
for i in {1..65}; do echo "get k$i"; done | rkv txn -
rkv txn absent.txn
rkv txn a b
rkv txn --prefix a
printf 'put txn/x v\nget txn/x --limit 1\n' | rkv txn -
