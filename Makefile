# rkv: `make` builds build/rkvd and build/rkv. The other targets:
#   make check            the include rules and all tests
#   make unit             the unit and contract tests alone
#   make mutants          plants bugs in what is simulated: says how each is found
#   make scenarios        writes the transcripts in tests/scenario anew
#   make sim SEED=n       simulates the cluster of a seed; also STEPS=n REPLICAS=3|5|7 REPLICATION=
#                         LOG=disk LIGHT=1 TRACE=1 SHRINK=1
#   make sim-many FROM=n COUNT=n   many seeds, in WORKERS=2 processes; also REPLICAS= ... LIGHT=1
#   make bench            bench-rpc, then bench-replicated
#   make bench-rpc        src/rpc beside libtirpc's svc_run(): calls per second, about five minutes
#   make bench-replicated clusters of rkvd (paxos, 2pc) beside etcd, about 22 minutes; also
#                         BENCH_OPTIONS="--replication forward ..."
#   make attacks          attacks on rkvd and on libtirpc's svc_run(): writes docs/attacks.txt
#   make chaos            kills, pauses, cut links, power cuts, bad disks, failing roles: ROUNDS=n,
#                         CHAOS_TESTS="crash pause ..." for some of them
#   make failover         how long nobody can write after the leader is gone: KILLS=100
#   make fuzz             the libFuzzer targets of tests/fuzz, with clang, into build/fuzz
#   make fuzz-run         runs them: SECONDS=n or RUNS=n for each, TARGETS="..." for some of them
#   make fuzz-merge       makes tests/fuzz/corpus anew, with what runs have found
#   make fuzz-seeds       writes its first inputs again, after kv.x has changed
#   make lint             clang-format and clang-tidy
#   make format           rewrites the sources as clang-format wants them
#   make install DESTDIR= PREFIX=/usr/local
#   make clean
# FAILPOINTS=1 makes build/failpoints/rkvd too, in which RKVD_FAILPOINTS can have something go wrong
# at places that have a name (src/posix/failpoints.h); RKVD_FAILPOINTS=list prints their names.
# SAN=address,undefined or SAN=thread builds and checks with sanitizers, in a folder of its own.

SAN ?=
PREFIX ?= /usr/local
DESTDIR ?=
UNITS = $(PREFIX)/lib/systemd/system
CXX ?= g++
CC ?= gcc
RPCGEN ?= rpcgen
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy

BUILD := build$(if $(SAN),/$(SAN))
GEN := $(BUILD)/gen

OPTIMIZE ?= -O2 -g
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
WARN := -Wall -Wextra -Wconversion -Wshadow -Werror
# GCC warns of what the code of a sanitizer may leave uninitialized, not the program.
WARN += $(if $(SAN),-Wno-maybe-uninitialized)
INCLUDE := -iquote src -iquote tests -isystem $(GEN) -isystem /usr/include/tirpc
CXXFLAGS += -std=c++20 $(OPTIMIZE) $(WARN) $(INCLUDE) $(SANITIZE) -pthread
# What rpcgen makes is C, and is compiled as it comes; it warns of unused things.
CFLAGS += $(OPTIMIZE) -Wall -Wextra -Werror -Wno-unused-variable -Wno-unused-parameter \
          -Wno-cast-function-type $(INCLUDE) $(SANITIZE) -pthread
LDFLAGS += $(SANITIZE) -pthread
LIBS := -lrocksdb -ltirpc -lspdlog -lfmt -lboost_program_options -lxxhash

# Every source belongs to the library, but for the two folders with a main().
LIBRARY_SOURCES := $(sort $(wildcard src/*/*.cc))
LIBRARY_SOURCES := $(filter-out src/rkvd/main.cc src/rkv/main.cc,$(LIBRARY_SOURCES))
STUBS := $(GEN)/kv_xdr.c $(GEN)/kv_svc.c $(GEN)/kv_clnt.c
TEST_STUBS := $(GEN)/ledger_xdr.c $(GEN)/ledger_svc.c $(GEN)/ledger_clnt.c
HISTORY_SOURCES := $(filter-out tests/history/check_history.cc,$(wildcard tests/history/*.cc))
# The simulator is a program, and its parts are tested with the others.
SIM_SOURCES := $(filter-out tests/sim/main.cc,$(sort $(wildcard tests/sim/*.cc)))
UNIT_SOURCES := $(sort $(wildcard tests/unit/*.cc tests/unit/*/*.cc tests/contract/*.cc) \
                $(HISTORY_SOURCES) $(SIM_SOURCES))

LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.cc=$(BUILD)/obj/%.o) $(STUBS:%.c=%.o)
UNIT_C_SOURCES := $(sort $(wildcard tests/unit/*/*.c))
UNIT_OBJECTS := $(UNIT_SOURCES:%.cc=$(BUILD)/obj/%.o) $(UNIT_C_SOURCES:%.c=$(BUILD)/obj/%.c.o) \
                $(TEST_STUBS:%.c=%.o)

# The bench has procedures of its own under kv.x, so its servers take src/rpc without the service.
BENCH := $(BUILD)/bench
BENCH_OBJ := $(BUILD)/obj/tests/bench
BENCH_SERVER_OBJECTS := $(BENCH_OBJ)/server_process.o $(BENCH_OBJ)/workload.o $(GEN)/kv_xdr.o
BENCH_RPC_OBJECTS := $(filter $(BUILD)/obj/src/base/% $(BUILD)/obj/src/rpc/%,$(LIBRARY_OBJECTS))

# The targets of tests/fuzz, twice: with libFuzzer's main() by clang, with everything they test, and
# with replay_main.cc by $(CXX) for make check.
FUZZ_TARGETS := record_stream call_header reply_header connection xdr_types client_results \
                peer_messages text_input
FUZZ_CXX ?= clang++
FUZZ_CC ?= clang
FUZZ := build/fuzz
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_FLAGS := -O1 -g $(INCLUDE) $(FUZZ_SANITIZE) -fsanitize=fuzzer-no-link -pthread
FUZZ_LIBRARY := $(wildcard src/base/*.cc src/rpc/*.cc) src/kv/command.cc \
                src/kv/transaction.cc src/kv/transaction_codec.cc \
                src/client/server.cc src/client/wire.cc src/client/wire_transaction.cc \
                $(addprefix src/service/,cluster.cc paxos_codec.cc peer_codec.cc \
                  transaction_codec.cc twopc_codec.cc wire.cc) \
                $(addprefix src/rkv/,words.cc shell_line.cc options.cc option_table.cc \
                  load_source.cc files.cc dump_format.cc json.cc)
FUZZ_OBJECTS := $(FUZZ_LIBRARY:%.cc=$(FUZZ)/obj/%.o) \
                $(addprefix $(FUZZ)/obj/,kv_xdr.o ledger_xdr.o ledger_svc.o)
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz_replay/%)
FUZZ_SOURCES := $(wildcard tests/fuzz/*.cc)

.PHONY: all check unit scenarios bench attacks system include-rules lint format install clean
.PHONY: bench-rpc bench-replicated sim sim-many mutants chaos failover
.PHONY: fuzz fuzz-run fuzz-merge fuzz-seeds FORCE
.DELETE_ON_ERROR:
# Rules of one kind for several files name the files: what is met in pattern rules only is
# "intermediate" to make, which removes it and does not miss it.

FAILPOINTS ?=
all: $(BUILD)/rkvd $(BUILD)/rkv $(if $(FAILPOINTS),$(BUILD)/failpoints/rkvd)

# An allocator for many small objects that come and go on one thread; sanitizers have their own.
ALLOCATOR := $(if $(SAN),,-ljemalloc)

$(BUILD)/rkvd: $(BUILD)/obj/src/rkvd/main.o $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS) $(ALLOCATOR)

$(BUILD)/rkv: LIBS += -ledit
$(BUILD)/rkv: $(BUILD)/obj/src/rkv/main.o $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/librkv.a: $(LIBRARY_OBJECTS) $(BUILD)/sources
	rm -f $@
	ar rcs $@ $(LIBRARY_OBJECTS)

# The sources with failpoints once more, in place of those of the library.
FAILPOINT_SOURCES := $(shell grep -lE 'RKV_FAILPOINT(S|_FAILS)?\>' src/*/*.cc)
FAILPOINT_OBJECTS := $(FAILPOINT_SOURCES:%.cc=$(BUILD)/failpoints/obj/%.o)
$(FAILPOINT_OBJECTS): $(BUILD)/failpoints/obj/%.o: %.cc | $(GEN)/kv.h
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -DRKV_FAILPOINTS -MMD -MP -c -o $@ $<
$(BUILD)/failpoints/rkvd: $(FAILPOINT_OBJECTS) $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/failpoints/log_writer: $(BUILD)/obj/tests/failpoints/log_writer.o \
                                $(filter %/posix_disk.o %/segmented_log.o,$(FAILPOINT_OBJECTS)) \
                                $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^ -lfmt

# What knows no operating system is all that it takes.
SIM_FOLDERS := base kv protocol paxos twopc forward replica
SIM_LOG := $(BUILD)/obj/src/storage/log_%.o $(BUILD)/obj/src/storage/segmented_log.o
$(BUILD)/sim: $(BUILD)/obj/tests/sim/main.o $(SIM_SOURCES:%.cc=$(BUILD)/obj/%.o) \
              $(HISTORY_SOURCES:%.cc=$(BUILD)/obj/%.o) \
              $(filter $(SIM_FOLDERS:%=$(BUILD)/obj/src/%/%) $(SIM_LOG),$(LIBRARY_OBJECTS))
	$(CXX) $(LDFLAGS) -o $@ $^ -lfmt -lxxhash

$(BUILD)/unit_tests: $(UNIT_OBJECTS) $(BUILD)/librkv.a $(BUILD)/sources
	$(CXX) $(LDFLAGS) -o $@ $(UNIT_OBJECTS) $(BUILD)/librkv.a $(LIBS) -lcppunit

# Newer than what is made of all sources of a folder when one has come or gone: the times of the
# files themselves do not tell that.
$(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(LIBRARY_SOURCES) $(UNIT_SOURCES) $(UNIT_C_SOURCES) >$@.now
	@if cmp -s $@.now $@; then rm $@.now; else mv $@.now $@; fi

# Runs tests/scenario/*.script.
SCENARIO_OBJECTS := $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/scenario/*.cc))
$(BUILD)/scenario: $(SCENARIO_OBJECTS) $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^ -lfmt

# Tells whether a history that a test recorded is linearizable.
$(BUILD)/check_history: $(BUILD)/obj/tests/history/check_history.o \
                        $(HISTORY_SOURCES:%.cc=$(BUILD)/obj/%.o) $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^

# The load of tests that do something to the cluster meanwhile.
CHAOS_SOURCES := $(sort $(wildcard tests/chaos/*.cc))
$(BUILD)/chaos_load: $(CHAOS_SOURCES:%.cc=$(BUILD)/obj/%.o) \
                     $(HISTORY_SOURCES:%.cc=$(BUILD)/obj/%.o) $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

# Writes that are done once, and transactions that are done whole.
ONCE_SOURCES := $(sort $(wildcard tests/once/*.cc))
$(BUILD)/once: $(ONCE_SOURCES:%.cc=$(BUILD)/obj/%.o) $(BUILD)/librkv.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

# Clients of rpcgen's own stubs on libtirpc alone, as a user of kv.x would write them.
$(BUILD)/stock_%: tests/system/stock_%.c $(GEN)/kv_xdr.o $(GEN)/kv_clnt.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ltirpc

# What the test of the service manager needs beside rkvd.
$(BUILD)/service_launcher: tests/system/service_launcher.c
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BENCH)/bench: $(addprefix $(BENCH_OBJ)/,main.o child.o load.o loopback.o workload.o) \
                $(GEN)/kv_xdr.o
$(BENCH)/runtime_server: $(BENCH_OBJ)/runtime_server.o $(BENCH_OBJ)/other_procedures.o \
                         $(GEN)/kv_svc.o $(BENCH_SERVER_OBJECTS) $(BENCH_RPC_OBJECTS)
$(BENCH)/stock_server: $(BENCH_OBJ)/stock_server.o $(BENCH_OBJ)/other_procedures.o \
                       $(GEN)/kv_svc.o $(BENCH_SERVER_OBJECTS)
$(BENCH)/echo_server: $(BENCH_OBJ)/echo_server.o $(BENCH_SERVER_OBJECTS)
$(BENCH)/%:
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ -ltirpc -lfmt

BENCH_REPLICATED_SOURCES := $(sort $(wildcard tests/bench/replicated/*.cc))
$(BENCH)/bench_replicated: $(BENCH_REPLICATED_SOURCES:%.cc=$(BUILD)/obj/%.o) \
                           $(BENCH_OBJ)/loopback.o $(BENCH_OBJ)/workload.o $(BUILD)/librkv.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)

# Attackers with sockets of their own: of the project they know the wire alone.
ATTACKS_OBJ := $(BUILD)/obj/tests/attacks
ATTACKS_SOURCES := $(filter-out %/stock_server.cc,$(sort $(wildcard tests/attacks/*.cc)))
$(BUILD)/attacks: $(ATTACKS_SOURCES:%.cc=$(BUILD)/obj/%.o)
	$(CXX) $(LDFLAGS) -o $@ $^ -lboost_program_options -lfmt
$(BUILD)/attacks_stock_server: $(ATTACKS_OBJ)/stock_server.o $(BENCH_OBJ)/other_procedures.o \
                               $(GEN)/kv_svc.o $(GEN)/kv_xdr.o
	$(CXX) $(LDFLAGS) -o $@ $^ -ltirpc

$(FUZZ_TARGETS:%=$(FUZZ)/%): $(FUZZ)/%: $(FUZZ)/obj/tests/fuzz/%.o \
                              $(FUZZ)/obj/tests/fuzz/reference_records.o $(FUZZ)/librkv.a
	$(FUZZ_CXX) $(FUZZ_SANITIZE) -fsanitize=fuzzer -pthread -o $@ $^ \
	  -ltirpc -lfmt -lxxhash
$(FUZZ)/librkv.a: $(FUZZ_OBJECTS)
	rm -f $@
	ar rcs $@ $^
$(FUZZ)/obj/%.o: %.cc | $(GEN)/kv.h $(GEN)/ledger.h $(GEN)/kv_types.inc
	@mkdir -p $(@D)
	$(FUZZ_CXX) -std=c++20 $(FUZZ_FLAGS) -MD -MP -c -o $@ $<
$(FUZZ)/obj/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -c -o $@ $<

$(BUILD)/fuzz_replay/connection: $(GEN)/ledger_xdr.o $(GEN)/ledger_svc.o
$(FUZZ_REPLAYS): $(BUILD)/fuzz_replay/%: $(BUILD)/obj/tests/fuzz/%.o \
                 $(BUILD)/obj/tests/fuzz/reference_records.o \
                 $(BUILD)/obj/tests/fuzz/replay_main.o $(BUILD)/librkv.a
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/fuzz_seeds: $(BUILD)/obj/tests/fuzz/seeds.o $(BUILD)/librkv.a $(GEN)/ledger_xdr.o
	$(CXX) $(LDFLAGS) -o $@ $^ $(LIBS)
# Every type of kv.x, by the routines that rpcgen declares: none can be forgotten.
$(GEN)/kv_types.inc: $(GEN)/kv.h
	grep -o 'xdr_kv_[a-z0-9_]*' $< | sort -u | sed 's/^xdr_\(.*\)/KV_TYPE(\1)/' >$@

# -MD, not -MMD: what rpcgen makes is among the system's headers, and changes.
$(BUILD)/obj/%.o: %.cc | $(GEN)/kv.h $(GEN)/ledger.h $(GEN)/kv_types.inc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MD -MP -c -o $@ $<

$(BUILD)/obj/%.c.o: %.c | $(GEN)/kv.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MD -MP -c -o $@ $<

$(STUBS:%.c=%.o) $(TEST_STUBS:%.c=%.o): %.o: %.c
	$(CC) $(CFLAGS) -MD -MP -c -o $@ $<

# rpcgen names what it includes after its input, and refuses to overwrite: so it runs in $(GEN), on
# a copy, into a file that is not there.
$(GEN)/kv.x: kv.x
	@mkdir -p $(@D)
	cp $< $@
$(GEN)/ledger.x: tests/unit/rpc/ledger.x
	@mkdir -p $(@D)
	cp $< $@
$(GEN)/%.h: $(GEN)/%.x
	rm -f $@ && cd $(GEN) && $(RPCGEN) -M -h -o $(@F) $(<F)
$(GEN)/%_xdr.c: $(GEN)/%.x $(GEN)/%.h
	rm -f $@ && cd $(GEN) && $(RPCGEN) -M -c -o $(@F) $(<F)
$(GEN)/%_svc.c: $(GEN)/%.x $(GEN)/%.h
	rm -f $@ && cd $(GEN) && $(RPCGEN) -M -m -o $(@F) $(<F)
$(GEN)/%_clnt.c: $(GEN)/%.x $(GEN)/%.h
	rm -f $@ && cd $(GEN) && $(RPCGEN) -M -l -o $(@F) $(<F)

include-rules:
	bash tests/include_rules.sh

unit: $(BUILD)/unit_tests
	TSAN_OPTIONS="suppressions=tests/tsan.supp die_after_fork=0" $<

SIM_FLAGS = --replicas $(or $(REPLICAS),3) $(REPLICATION:%=--replication %) \
            $(LOG:%=--log %) $(if $(LIGHT),--light)
sim: $(BUILD)/sim
	$< --seed $(or $(SEED),1) $(STEPS:%=--steps %) $(if $(TRACE),--trace) \
	  $(if $(SHRINK),--shrink) $(SIM_FLAGS)
# The simulator with bugs in it: a copy of what it simulates, with tests/mutants/planted.patch, and
# RKV_PLANTED names the bug of a run.
MUTANTS := build/mutants
MUTANT_SOURCES := $(wildcard $(addprefix src/,base/*.cc kv/*.cc paxos/*.cc twopc/*.cc \
                  forward/*.cc replica/*.cc storage/log_*.cc storage/segmented_log.cc))
MUTANT_TESTS := $(SIM_SOURCES) tests/sim/main.cc $(HISTORY_SOURCES)
MUTANT_OBJECTS := $(MUTANT_SOURCES:src/%.cc=$(MUTANTS)/obj/%.o) \
                  $(MUTANT_TESTS:%.cc=$(MUTANTS)/obj/%.o)
MUTANT_CXX = $(CXX) -std=c++20 $(OPTIMIZE) -iquote $(MUTANTS)/src -iquote tests -c
$(MUTANTS)/planted: tests/mutants/planted.patch $(wildcard src/*/*.h) $(MUTANT_SOURCES)
	rm -rf $(MUTANTS) && mkdir -p $(MUTANTS) && cp -r src $(MUTANTS)/src
	patch -s -p1 -d $(MUTANTS)/src <$<
	touch $@
$(MUTANTS)/obj/tests/%.o: tests/%.cc $(MUTANTS)/planted
	@mkdir -p $(@D)
	$(MUTANT_CXX) -o $@ $<
$(MUTANTS)/obj/%.o: $(MUTANTS)/planted
	@mkdir -p $(@D)
	$(MUTANT_CXX) -o $@ $(MUTANTS)/src/$*.cc
$(MUTANTS)/sim: $(MUTANT_OBJECTS)
	$(CXX) -o $@ $^ -lfmt -lxxhash
mutants: $(MUTANTS)/sim
	bash tests/mutants/run.sh $<

sim-many: $(BUILD)/sim
	$< --from $(or $(FROM),1) --count $(or $(COUNT),100) --workers $(or $(WORKERS),2) $(SIM_FLAGS)

bench: bench-rpc bench-replicated
bench-rpc: $(addprefix $(BENCH)/,bench runtime_server stock_server echo_server)
	$<
bench-replicated: $(BENCH)/bench_replicated $(BUILD)/rkvd
	$< $(BENCH_OPTIONS)

# Writes the transcripts of the scenarios anew: the difference is what is to be reviewed.
scenarios: $(BUILD)/scenario
	$< --rewrite tests/scenario/*.script

# Stock libtirpc fails most of them: that is what the table says, and no error here.
attacks: $(BUILD)/rkvd $(BUILD)/attacks $(BUILD)/attacks_stock_server
	-$(BUILD)/attacks --target rkvd --target stock --table docs/attacks.txt

CHAOS_PROGRAMS := $(addprefix $(BUILD)/,rkvd rkv chaos_load check_history failpoints/rkvd \
                  failpoints/log_writer)
CHAOS_TESTS ?= crash two_phase_commit_crash pause partition power_cut disk_error role_failure \
               failpoints
chaos: $(CHAOS_PROGRAMS)
	BUILD=$(BUILD) CHAOS_ROUNDS=$(or $(ROUNDS),10) bash tests/chaos/run.sh $(CHAOS_TESTS)
failover: $(CHAOS_PROGRAMS)
	BUILD=$(BUILD) CHAOS_KILLS=$(or $(KILLS),100) bash tests/chaos/run.sh failover

fuzz: $(FUZZ_TARGETS:%=$(FUZZ)/%)

TARGETS ?= $(FUZZ_TARGETS)
fuzz-run: $(TARGETS:%=$(FUZZ)/%)
	bash tests/fuzz/run.sh "$(SECONDS)" "$(RUNS)" $(TARGETS)
fuzz-merge: $(TARGETS:%=$(FUZZ)/%)
	bash tests/fuzz/merge.sh $(TARGETS)
fuzz-seeds: $(BUILD)/fuzz_seeds
	$< tests/fuzz/corpus

CHECK_PROGRAMS := unit_tests sim scenario check_history stock_client stock_threads \
                  stock_server service_launcher attacks attacks_stock_server \
                  failpoints/rkvd failpoints/log_writer chaos_load once
# How many times as long as they say the tests may take.
TIMEOUT_FACTOR ?= $(if $(SAN),4,1)
check: all $(addprefix $(BUILD)/,$(CHECK_PROGRAMS)) $(FUZZ_REPLAYS)
	BUILD=$(BUILD) TIMEOUT_FACTOR=$(TIMEOUT_FACTOR) bash tests/run.sh

SOURCES_TO_FORMAT = $(shell git ls-files '*.h' '*.cc')
SOURCES_TO_TIDY = $(filter %.cc,$(SOURCES_TO_FORMAT))

lint: $(GEN)/kv.h $(GEN)/ledger.h $(GEN)/kv_types.inc
	$(CLANG_FORMAT) --dry-run --Werror $(SOURCES_TO_FORMAT)
	printf '%s\n' $(SOURCES_TO_TIDY) | xargs -P $$(nproc) -n 1 sh -c \
	  'found=$$($(CLANG_TIDY) --quiet "$$1" -- -x c++ -std=c++20 $(INCLUDE) 2>&1) || \
	   { printf "%s\n" "$$found"; exit 1; }' tidy

format:
	$(CLANG_FORMAT) -i $(SOURCES_TO_FORMAT)

install: all
	install -D -m 755 $(BUILD)/rkvd $(DESTDIR)$(PREFIX)/sbin/rkvd
	install -D -m 755 $(BUILD)/rkv $(DESTDIR)$(PREFIX)/bin/rkv
	install -d $(DESTDIR)$(UNITS)
	sed 's|/usr/local/|$(PREFIX)/|' scripts/rkvd@.service >$(DESTDIR)$(UNITS)/rkvd@.service
	install -m 644 scripts/rkvd@.socket $(DESTDIR)$(UNITS)/rkvd@.socket
	install -D -m 755 scripts/kv_r.sh $(DESTDIR)$(PREFIX)/bin/kv_r.sh
	install -D -m 644 scripts/kv_r_host.sh $(DESTDIR)$(PREFIX)/share/rkv/kv_r_host.sh
	install -D -m 644 scripts/kv_r_ssh.sh $(DESTDIR)$(PREFIX)/share/rkv/kv_r_ssh.sh
	install -D -m 644 kv.x $(DESTDIR)$(PREFIX)/include/rpcsvc/kv.x
	install -D -m 644 docs/rkv.1 $(DESTDIR)$(PREFIX)/share/man/man1/rkv.1
	install -D -m 644 docs/rkvd.8 $(DESTDIR)$(PREFIX)/share/man/man8/rkvd.8
	install -D -m 644 docs/rpc.sample $(DESTDIR)$(PREFIX)/share/doc/rkv/rpc.sample
	install -D -m 644 readme.txt $(DESTDIR)$(PREFIX)/share/doc/rkv/readme.txt
	install -D -m 644 replicas.conf $(DESTDIR)$(PREFIX)/share/doc/rkv/replicas.conf

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
