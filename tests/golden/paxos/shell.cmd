# the shell takes everything, a line for each
printf '%s\n' 'put sh/a 1' 'PUT sh/b "two words" --if-absent' 'put sh/b x --if-absent' 'get sh/a sh/b' 'incr sh/a -5' 'append sh/b "\x21"' 'get --prefix sh/ --keys-only' 'del --prefix sh/' >script
rkv shell <script
printf '%s\n' 'put sh/a 1' 'txn' 'if exists sh/a' 'then' 'put sh/a 2 --prev' 'end' 'get sh/a' | rkv shell
printf '%s\n' 'txn' 'if absent sh/a' 'then' 'put sh/a 3' 'end' 'get sh/a' | rkv shell
printf '%s\n' 'txn' 'frob' 'put sh/a 4' 'end' 'get sh/a' | rkv shell
printf '%s\n' 'txn' 'put sh/a 5' | rkv shell
printf '%s\n' 'get sh/a --consistency eventual' 'get sh/a --timeout 1' '-w json get --prefix sh/ --count-only' | rkv --consistency sequential shell
printf '%s\n' 'get sh/a -s x' 'get sh/a --history x' 'get sh/a --frob' 'get sh/a --prev' 'txn -' 'end' 'del' 'get' 'put sh/a' 'shell' 'append sh/a -' | rkv shell
# a txn that is refused takes its lines with it, and no others
rkv put sh/n 1
for line in 'txn --prev' 'TXN --frob' 'txn --frob x' '--frob txn' 'txn --timeout soon' 'txn -s x' 'txn -' "txn '" 'txn \'; do printf '%s\n' "$line" 'if absent sh/n' 'then' 'incr sh/n 10' 'end' 'get sh/n'; done | rkv shell
printf '%s\n' 'txn --prev sh.txn' 'incr sh/n' 'txn a b' 'incr sh/n' 'txn --timeout soon sh.txn' 'incr sh/n' 'txn "sh.txn' 'incr sh/n' 'get --frob txn' 'incr sh/n' | rkv shell
printf '%s\n' 'txn --prev' 'if absent sh/n' 'end of it' 'incr sh/n 10' | rkv shell
rkv get sh/n
echo 'help txn' | rkv shell
echo help | rkv shell
