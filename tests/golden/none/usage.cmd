# what is seen without a server
rkv
rkv frob
rkv --frob get k
rkv -5x get k
rkv get k --timeout
rkv get k --timeout soon
rkv get k -w xml
rkv get k -w json -w json
rkv get k --help=yes
rkv get {1..1001}
rkv help
rkv help put
rkv help get
rkv help del
rkv help incr
rkv help append
rkv help txn
rkv help dump
rkv help load
rkv help status
rkv help shell
rkv help demo
rkv help replicas
rkv help version
rkv help help
rkv help frob
rkv help a b
