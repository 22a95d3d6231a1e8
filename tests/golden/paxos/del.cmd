# del: of one key, with conditions, and of ranges
for i in 1 2 3 4 5 6 7 8 9; do rkv put del/$i $i; done
rkv del del/1
rkv del del/1
rkv -w json del del/2
rkv -w json del del/2
rkv -w table del del/3
rkv put del/4 four
rkv del --if-version 1 del/4
rkv -w json del --if-version 1 del/4
rkv del --if-value 4 del/4
rkv del --if-version 2 --if-value four del/4
rkv del --if-version 2 del/4
rkv del --if-version 0 del/4
rkv del --prev del/5
rkv del --prev del/5
rkv -w json del --prev del/6
rkv del --from del/7 --to del/9
rkv del --prefix del/
rkv del --prefix del/
rkv put del/a 1
rkv -w json del --prefix del/
rkv -w table del --from del/ --to del0
# what is wrong
rkv del
rkv del a b
rkv del del/1 --prefix del/
rkv del --prefix del/ --if-version 1
rkv del --prefix del/ --prev
rkv put del/kept 1
rkv del --prefix ''
rkv del --to ''
rkv del --from '' --to ''
rkv del --from del/ --to=
rkv -w json del --to ''
rkv get --to ''
rkv dump --to ''
printf 'del --to ""\n' | rkv txn -
printf '%s\n' 'del --to ""' 'txn' 'del --from del/ --to ""' 'end' | rkv shell
rkv get del/kept
rkv del --if-absent del/1
rkv del --limit 1 --prefix del/
rkv del ''
