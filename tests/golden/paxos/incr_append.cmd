# incr and append
rkv incr num/n
rkv incr num/n 41
rkv incr num/n -50
rkv -w json incr num/n 8
rkv -w table incr num/n 0
rkv get num/n
rkv put num/text abc
rkv incr num/text
rkv get num/text
rkv put num/max 9223372036854775807
rkv incr num/max
rkv get num/max
rkv incr num/max -9223372036854775808
rkv incr num/n 9223372036854775808
rkv incr num/n many
rkv incr num/n ''
rkv incr num/n 1.5
rkv incr
rkv incr num/n 1 2
rkv incr --prev num/n
rkv append num/log one
rkv append num/log ' two'
rkv -w json append num/log three
echo four | rkv append num/log -
rkv get num/log
rkv append num/log
rkv append num/log a b
rkv append num/log @absent
head -c 1048576 /dev/zero | rkv put num/large -
rkv append num/large x
rkv append --if-absent num/log x
