# get: of one key, of several, of ranges
rkv put get/a 1
rkv put get/b 'two words'
printf 'x\ty\nz\\' | rkv put get/c -
printf '\0\377' | rkv put get/d -
rkv put get/grün €
rkv get get/a
rkv -w table get get/a
rkv -w json get get/a
rkv -w json get get/c
rkv -w json get get/d
rkv get get/d | od -An -tx1
rkv get get/absent
rkv -w json get get/absent
# several keys
rkv get get/a get/b get/grün
rkv -w table get get/a get/b
rkv -w json get get/a get/d
rkv get get/a get/absent get/b get/gone
rkv -w json get get/a get/absent
rkv get get/absent get/gone
# ranges
rkv get --prefix get/
rkv -w table get --prefix get/
rkv -w json get --prefix get/
rkv get --prefix get/ --keys-only
rkv -w table get --prefix get/ --keys-only
rkv -w json get --prefix get/ --keys-only
rkv get --prefix get/ --count-only
rkv -w json get --prefix get/ --count-only
rkv -w table get --prefix get/ --count-only
rkv get --prefix get/ --limit 2
rkv -w json get --prefix get/ --limit 1
rkv get --prefix get/ --reverse --keys-only
rkv get --prefix get/ --reverse --limit 1
rkv get --from get/b --to get/d
rkv get --from get/d --to get0
rkv get --from get/d --to get/grün --count-only
rkv get --prefix get/none/
rkv -w table get --prefix get/none/
rkv -w json get --prefix get/none/
rkv get --prefix get/none/ --count-only
# consistency
rkv get --consistency linearizable get/a
rkv get --consistency sequential get/a
rkv get --consistency eventual --prefix get/a
rkv get --consistency eventual --max-staleness 5 get/a
RKV_CONSISTENCY=sequential rkv get get/a get/b
RKV_CONSISTENCY=eventual RKV_MAX_STALENESS=5 rkv get get/a
# what is wrong
rkv get
rkv get ''
rkv get get/a --prefix get/
rkv get get/a --limit 1
rkv get --prefix get/ --from a
rkv get --from b --to a
rkv get --prefix get/ --limit 0
rkv get --prefix get/ --limit x
rkv get --prefix get/ --count-only --limit 1
rkv get --if-absent get/a
rkv get --prev get/a
rkv get --resume get/a
rkv get --consistency strong get/a
rkv get --max-staleness 1 get/a
rkv get --consistency eventual --max-staleness 0 get/a
RKV_CONSISTENCY=strong rkv get get/a
rkv get --prefix "$(printf 'k%.0s' {1..1025})"
rkv get "$(printf 'k%.0s' {1..1025})"
