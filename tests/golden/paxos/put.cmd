# put: every form, conditions, and what is wrong
rkv put put/color blue
rkv put put/color red
rkv -w table put put/color green
rkv -w json put put/color blue
echo from stdin | rkv put put/stdin -
rkv get put/stdin
printf 'a file\n' >put.value
rkv put put/file @put.value
rkv put -- put/dash -value
rkv put put/number -5
rkv get put/number
rkv put put/empty ''
rkv -w json get put/empty
# conditions
rkv put --if-absent put/lock me
rkv put --if-absent put/lock you
rkv -w json put --if-absent put/lock you
rkv -w table put --if-absent put/lock you
rkv put --if-version 1 put/lock again
rkv put --if-version 1 put/lock again
rkv put --if-version 0 put/lock again
rkv put --if-version 0 put/new first
rkv put --if-version 7 put/absent x
rkv put --if-value again put/lock third
rkv put --if-value again put/lock fourth
rkv put --if-value x put/absent y
rkv put --if-version 3 --if-value other put/lock fourth
rkv put --if-version 3 --if-value third put/lock fourth
# the entry before
rkv put --prev put/lock fifth
rkv put --prev put/first 1
rkv -w json put --prev put/lock sixth
rkv -w json put --prev put/second 1
rkv put --prev --if-version 1 put/lock seventh
rkv -w json put --prev --if-version 1 put/lock seventh
printf '\0\377' | rkv put put/lock -
rkv put --prev put/lock text
rkv -w json put --prev put/lock text
# what is wrong
rkv put put/k
rkv put put/k v w
rkv put --if-absent --if-version 1 put/k v
rkv put --if-version x put/k v
rkv put --prefix p put/k v
rkv put --limit 1 put/k v
rkv put --consistency eventual put/k v
rkv put '' v
rkv put put/k @absent
head -c 1048577 /dev/zero | rkv put put/k -
rkv put "$(printf 'k%.0s' {1..1025})" v
rkv get put/k
