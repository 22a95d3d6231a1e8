# dump and load
rkv put dl/a 1
rkv put dl/b 'grün	and
more'
printf '\0\377' | rkv put dl/c -
rkv dump --prefix dl/
rkv dump --prefix dl/ -
rkv dump --prefix dl/ dl.dump
cat dl.dump
ls dl.dump*
rkv -w json dump --from dl/b --to dl/c other.dump
tail -n +2 other.dump
rkv dump --prefix dl/none/
# a round trip: the end says the same
rkv del --prefix dl/
rkv load dl.dump
rkv dump --prefix dl/ again.dump
tail -n 1 dl.dump | cmp - <(tail -n 1 again.dump)
rkv -w json load dl.dump
rkv load - <dl.dump
rkv load --resume dl.dump
ls dl.dump*
# what is cut or changed
head -n 3 dl.dump >cut.dump
rkv load cut.dump
rkv load - <cut.dump
head -c 150 dl.dump >torn.dump
rkv load torn.dump
sed 's/"1"/"2"/' dl.dump >changed.dump
rkv load changed.dump
sed 's/"rkv_dump":1/"rkv_dump":2/' dl.dump | rkv load -
(cat dl.dump; echo more) | rkv load -
echo '{"rkv_dump":' | rkv load -
# going on
echo '{"rkv_load_place":1,"keys":2,"size":1,"modified_ns":1}' >dl.dump.loaded
rkv load --resume dl.dump
echo '{"rkv_load_place":2,"keys":2,"cluster":"c","inode":1,"size":1,"modified_ns":1}' >dl.dump.loaded
rkv load --resume dl.dump
# of another cluster
printf '{"rkv_load_place":2,"keys":2,"cluster":"c","inode":%s,"size":%s,"modified_ns":%s}' $(stat -c '%i %s' dl.dump) $(date -r dl.dump +%s%N) >dl.dump.loaded
rkv load --resume dl.dump
sed -i "s/\"cluster\":\"c/$(head -n 1 dl.dump | grep -o '"cluster":"[^"]*')/" dl.dump.loaded
rkv load --resume dl.dump
rkv load --resume - <dl.dump
rkv load --resume .
cp dl.dump old.dump.part
rkv dump --prefix dl/ --resume old.dump
echo nonsense >bad.dump.part.place; cp dl.dump bad.dump.part
rkv dump --prefix dl/ --resume bad.dump
head -n 2 dl.dump >gone.dump.part
printf '{"rkv_dump_place":1,"token":"t","server":"%s","size":%s,"range":"%s","revision":3}' $RKV_SERVERS $(wc -c <gone.dump.part) "the prefix 'dl/'" >gone.dump.part.place
rkv dump --prefix dl/ --resume gone.dump
rkv dump --prefix other/ --resume gone.dump
# what is wrong
rkv dump --resume
rkv dump a b
rkv dump --limit 3
rkv dump absent-folder/x
mkdir folder; mkfifo pipe; ln -s dl.dump link; ln -s nowhere dangling; mkfifo fifo.part
for file in folder pipe link dangling fifo; do rkv dump $file; done
stat -c '%n %F' folder* pipe* link* dangling* fifo*
rkv dump --prefix dl/ >pipe & cat <pipe | head -n 2 | tail -n 1
rkv dump -t udp
rkv load
rkv load absent
rkv load --prefix x dl.dump
rkv load -t udp dl.dump
# the other forms
mkdir -p tree/sub; echo 1 >tree/dl-1; echo 2 >tree/sub/dl-2
rkv load tree
printf 'dl/t1\t1\ndl/t2\n' | rkv load -
rkv -w json load <(printf 'dl/t1\t1\n')
