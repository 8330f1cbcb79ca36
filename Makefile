# Builds heavyops, its library and its tests; `make help` tells the targets and switches.
#
# Not recursive, so that every rule knows all it depends on. Only the targets that may install
# packages first (demo, test, lint) call make again, to see what they installed.
# `make help` is made of the comments with two number signs.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

## CC=clang                 another compiler than gcc
ifeq ($(origin CC),default)
CC := gcc
endif
## DEBUG=1                  for a debugger: nothing optimised; into build/debug
debug := $(filter-out 0,$(DEBUG))
## SAN=address,undefined    with sanitizers; into build/san-address-undefined
comma := ,
san := $(if $(SAN),san-$(subst $(comma),-,$(SAN)))
## O=dir                    where all that is built goes (build)
O := build$(if $(san)$(debug),/)$(san)$(if $(debug),$(if $(san),-)debug)
## PREFIX=dir DESTDIR=dir   where `make install` puts it (/usr/local)
PREFIX := /usr/local
LIBDIR := $(PREFIX)/lib
## STATIC=0                 a command that needs the shared libraries of this machine
STATIC := $(if $(SAN),0,1)
## WERROR=0                 a warning does not stop the build
WERROR := 1
## V=1                      print the commands
Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(Q),@printf '  %-8s%s\n' '$(1)' '$(2)')
## T='suite/test*' J=1      the tests that `make test` runs, and how many at a time
T :=
J := $(shell nproc)
## WAY=cpu,live PYTHON=3.13 PROGRAM=leaves SECONDS=5   what `make oracle` looks at, and how long
WAY :=
PYTHON :=
PROGRAM :=
SECONDS :=
## QUICK=1 PART='cost speed'   a short `make bench`, or some of: limits cost slowdown held speed start reports
QUICK :=
PART :=
## KILLS=1000 SOAK_SECONDS=60  how much `make soak` does in each way
KILLS := 1000
SOAK_SECONDS := 60
## CFLAGS= LDFLAGS=         added to what the build needs
# CPPFLAGS, CFLAGS and LDFLAGS of the environment or the command line come last and so win.

# --- What there is -------------------------------------------------------------------------------

VERSION := 0.1.0
# Raised when a program linked with the shared library would no longer run with it.
SOVERSION := 0

OFFSETS  := $(sort $(filter-out offsets/README.md,$(wildcard offsets/*)))
CLI_SRC  := $(sort $(wildcard src/cli/*.c))
LIB_SRC  := $(sort $(filter-out $(CLI_SRC),$(wildcard src/*/*.c)))
# The page that the HTML report is, which is compiled in.
HTML_PAGE := $(wildcard src/report/html/*)
# The oracle's parts; the tests are linked with all but its main().
ORACLE_SRC := $(sort $(wildcard tests/oracle/*.c))
TEST_SRC := $(sort $(wildcard tests/test_*.c tests/support/*.c) \
            $(filter-out %/main.c,$(ORACLE_SRC)))
# What the JSON outputs are checked against.
SCHEMAS  := $(sort $(wildcard include/*.schema.json))
# Programs that embed the library, compiled with its public header alone and linked both ways.
EXAMPLES := $(sort $(wildcard tests/examples/*.c))

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
PROTO_SRC := $(sort $(wildcard src/*/*.proto))
PROTO_GEN := $(patsubst src/%.proto,$(O)/gen/%.pb-c.c,$(PROTO_SRC))
LIB_OBJ  := $(call obj,$(LIB_SRC)) $(O)/obj/gen/builtin_offsets.o $(O)/obj/gen/html_page.o \
            $(patsubst $(O)/gen/%.c,$(O)/obj/gen/%.o,$(PROTO_GEN))
CLI_OBJ  := $(call obj,$(CLI_SRC))
TEST_OBJ := $(call obj,$(TEST_SRC))
ORACLE_OBJ := $(call obj,$(ORACLE_SRC) tests/support/pythons.c)
EXAMPLE_OBJ := $(call obj,$(EXAMPLES))

COMMAND    := $(if $(CLI_SRC),$(O)/heavyops)
STATIC_LIB := $(O)/libheavyops.a
SHARED_LIB := $(O)/libheavyops.so
PC_FILE    := $(O)/libheavyops.pc
SHARE_DIRS := man/man1 bash-completion/completions zsh/site-functions fish/vendor_completions.d
TESTS      := $(O)/tests/heavyops-tests
ORACLE     := $(O)/tests/oracle
# Small programs that `make bench` measures with.
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))
BENCH_BIN  := $(patsubst tests/%.c,$(O)/tests/%,$(BENCH_SRC))
EXAMPLE_BIN := $(foreach e,$(basename $(notdir $(EXAMPLES))),$(O)/tests/$(e) $(O)/tests/$(e)-shared)

# --- How it is compiled --------------------------------------------------------------------------

LIB_PKGS  := libelf jansson zlib libprotobuf-c ncursesw
CLI_PKGS  := popt
TEST_PKGS := criterion

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
            $(if $(filter 0,$(WERROR)),,-Werror)
# Hardened, because what is read is hostile. Position-independent, because the same objects make the
# shared library and the static-pie.
fortify      := $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-U_FORTIFY_SOURCE \
                -D_FORTIFY_SOURCE=2)
hardening    := -fstack-protector-strong $(fortify)
hop_cppflags := -D_GNU_SOURCE -DHOP_VERSION='"$(VERSION)"' -Isrc -Iinclude -I$(O)/gen
hop_cflags   := -std=gnu11 -pthread -fPIC -fvisibility=hidden -g $(WARNINGS) \
                $(if $(debug),-O0,$(if $(SAN),-O1,-O2 $(hardening))) \
                $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
hop_ldflags  := $(if $(SAN),-fsanitize=$(SAN)) -Wl,--as-needed
# Where a test finds the project, what was built, and the command.
test_cppflags := -Itests -DHOP_TEST_ROOT='"$(CURDIR)"' -DHOP_TEST_BUILD='"$(abspath $(O))"' \
                 -DHOP_TEST_COMMAND='"$(abspath $(COMMAND))"'

compile = $(CC) $(hop_cppflags) $(hop_cflags) $(1) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
link    = $(CC) $(hop_cflags) $(CFLAGS) $(hop_ldflags) $(LDFLAGS) $(1) -o $@

# pkg-config is asked when a recipe runs, not before: it may just have been installed.
libs = $$(pkg-config --libs $(1)) -lm
static_libs = $$(pkg-config --static --libs $(1)) -lm
ifeq ($(STATIC),0)
command_libs = $(call libs,$(LIB_PKGS) $(CLI_PKGS))
else
command_libs = -static-pie $(call static_libs,$(LIB_PKGS) $(CLI_PKGS))
endif

# --- Building ------------------------------------------------------------------------------------

.PHONY: all FORCE
all: $(COMMAND) $(STATIC_LIB) $(SHARED_LIB) $(PC_FILE) $(O)/share/made ## Build the command and the library

# Two stamps, written only when they would change: all objects depend on the flags, all links on
# the list of sources, so that a source that was removed leaves the library too.
flags_now   = $(CC) $(hop_cppflags) $(hop_cflags) $(CPPFLAGS) $(CFLAGS) $(hop_ldflags) $(LDFLAGS) \
              $(test_cppflags) $(STATIC)
sources_now = $(LIB_SRC) $(CLI_SRC) $(TEST_SRC) $(ORACLE_SRC)

$(O)/obj/flags $(O)/obj/sources: FORCE
	$(shell mkdir -p $(@D))$(file >$@.new,$($(@F)_now))
	@if cmp -s $@.new $@; then rm $@.new; else scripts/bootstrap --check; mv $@.new $@; fi

$(O)/obj/src/%.o: src/%.c $(O)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(call compile)

$(O)/obj/gen/%.o: $(O)/gen/%.c $(O)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(call compile)

$(O)/obj/tests/examples/%.o: tests/examples/%.c $(O)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -Iinclude $(hop_cflags) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/tests/%.o: tests/%.c $(O)/obj/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(call compile,$(test_cppflags))

$(O)/gen/builtin_offsets.c: scripts/embed-offsets $(OFFSETS) $(O)/obj/sources
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/embed-offsets $@ $(OFFSETS)

$(O)/gen/html_page.c: scripts/embed-page $(HTML_PAGE)
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)scripts/embed-page $@ src/report/html

# The header comes with it; what includes one waits for all, since dependencies are known only after.
$(O)/gen/%.pb-c.c: src/%.proto $(O)/obj/flags
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)protoc-c -Isrc --c_out=$(O)/gen $<

$(call obj,$(LIB_SRC) $(TEST_SRC)) $(patsubst $(O)/gen/%.c,$(O)/obj/gen/%.o,$(PROTO_GEN)): | $(PROTO_GEN)

# One object with the public symbols alone, so that a static library hides as much as a shared one.
$(STATIC_LIB): $(LIB_OBJ) $(O)/obj/sources
	$(call say,AR,$@)
	$(Q)ld -r -o $(O)/obj/libheavyops.o $(LIB_OBJ)
	$(Q)objcopy --localize-hidden $(O)/obj/libheavyops.o
	$(Q)rm -f $@ && ar rcs $@ $(O)/obj/libheavyops.o

$(SHARED_LIB): $(LIB_OBJ) src/heavyops.map $(O)/obj/sources
	$(call say,LD,$@)
	$(Q)$(call link,-shared -Wl$(comma)-soname$(comma)libheavyops.so.$(SOVERSION)) \
	    -Wl,--version-script=src/heavyops.map $(if $(SAN),,-Wl$(comma)-z$(comma)defs) \
	    $(LIB_OBJ) $(call libs,$(LIB_PKGS))
	@ln -sf libheavyops.so $@.$(SOVERSION)

# Linked with the library as anyone gets it: the command can only do what the library offers.
$(COMMAND): $(CLI_OBJ) $(STATIC_LIB)
	$(call say,LD,$@)
	$(Q)$(call link) $(CLI_OBJ) $(STATIC_LIB) $(command_libs)

# Man pages and completions, laid out as they are installed: the command itself prints them.
$(O)/share/made: $(COMMAND)
	$(call say,GEN,$(@D))
	$(Q)rm -rf $(@D) && mkdir -p $(addprefix $(@D)/,$(SHARE_DIRS))
	$(Q)$(abspath $<) help --man >$(@D)/man/man1/heavyops.1
	$(Q)for command in $$($(abspath $<) help --commands); do \
	    $(abspath $<) help --man $$command >$(@D)/man/man1/heavyops-$$command.1 || exit 1; done
	$(Q)$(abspath $<) help --completion bash >$(@D)/bash-completion/completions/heavyops
	$(Q)$(abspath $<) help --completion zsh >$(@D)/zsh/site-functions/_heavyops
	$(Q)$(abspath $<) help --completion fish >$(@D)/fish/vendor_completions.d/heavyops.fish
	$(Q)touch $@

$(PC_FILE): FORCE
	$(shell mkdir -p $(@D))$(file >$@.new,$(pc_text))
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

define pc_text
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$${prefix}/include

Name: libheavyops
Description: Says which bytecode instructions a running CPython spends its time in
Version: $(VERSION)
Requires.private: $(LIB_PKGS)
Libs: -L$${libdir} -lheavyops
Libs.private: -pthread -lm
Cflags: -I$${includedir}
endef

# --- Testing -------------------------------------------------------------------------------------

# The tests reach inside, so they are linked with the objects rather than with the library; and
# through tests/support/allocations.c, system_calls.c and offline.c, which count or change what the
# objects ask for; failed.c learns that a test has failed.
wrap = $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc free mmap munmap \
       pthread_attr_setaffinity_np sysconf process_vm_readv pread read criterion_abort_test)
$(TESTS): $(TEST_OBJ) $(LIB_OBJ) $(filter-out %/cli/main.o,$(CLI_OBJ)) $(O)/obj/sources
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link) $(wrap) $(filter %.o,$^) $(call libs,$(LIB_PKGS) $(CLI_PKGS) $(TEST_PKGS))

# Linked with the objects too: it reads whole stacks, which the public header does not show.
$(ORACLE): $(ORACLE_OBJ) $(LIB_OBJ) $(O)/obj/sources
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link) $(filter %.o,$^) $(call libs,$(LIB_PKGS))

# Made of what the public header does not show.
$(O)/tests/bench/large_file: $(O)/obj/tests/bench/large_file.o \
        $(O)/obj/tests/support/large_profile.o $(LIB_OBJ)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link) $^ $(call libs,$(LIB_PKGS) $(TEST_PKGS))

$(O)/tests/bench/%: $(O)/obj/tests/bench/%.o $(STATIC_LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link) $< $(STATIC_LIB) $(call libs,$(LIB_PKGS))

$(O)/tests/%-shared: $(O)/obj/tests/examples/%.o $(SHARED_LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link) $< -L$(O) -lheavyops -Wl,-rpath,'$(abspath $(O))'

$(O)/tests/%: $(O)/obj/tests/examples/%.o $(STATIC_LIB)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link) $< $(STATIC_LIB) $(call libs,$(LIB_PKGS))

.PHONY: test tests run-tests oracle bench soak demo
test: ## Install what is missing, build, and run all tests
	@scripts/bootstrap --test
	@scripts/viewers
	@$(MAKE) --no-print-directory run-tests

# Go's own reader of profiles, from its sources: a release of Go no longer brings it built.
$(O)/tests/pprof:
	$(call say,GO,$@)
	@mkdir -p $(@D)
	$(Q)cd / && GOFLAGS= GO111MODULE=off go build -o '$(abspath $@)' cmd/pprof

tests: $(TESTS) $(EXAMPLE_BIN) $(BENCH_BIN) $(COMMAND) $(O)/tests/pprof

run-tests: tests
	$(Q)HEAVYOPS='$(abspath $(COMMAND))' scripts/run-tests $(TESTS) -j$(J) $(if $(T),--filter '$(T)')

oracle: $(ORACLE) ## Sample programs of which the truth is known, and print how far off we are
	$(ORACLE) --way '$(WAY)' --python '$(PYTHON)' --program '$(PROGRAM)' --seconds '$(SECONDS)'

bench: $(COMMAND) $(BENCH_BIN) ## Measure cost and speed, beside other profilers and the machine's limits
	$(Q)HEAVYOPS='$(abspath $(COMMAND))' HOP_BENCH_TOOLS='$(abspath $(O))/tests/bench' \
	    scripts/bench $(if $(filter-out 0,$(QUICK)),--quick) $(PART)

soak: $(COMMAND) ## Kill heavyops at a thousand random instants in each way, and run it for long
	tests/soak/soak.py --kills '$(KILLS)' --seconds '$(SOAK_SECONDS)' '$(abspath $(COMMAND))'

demo: ## Install what is missing, build, and profile the example with the hot closure
	@scripts/bootstrap --demo
	@$(MAKE) --no-print-directory $(COMMAND)
	$(COMMAND) record --format text -- python3 tests/targets/demo/foo.py

# --- Checking the source -------------------------------------------------------------------------

.PHONY: lint run-lint format
lint: ## Check format, includes, file sizes, symbols; cppcheck, shellcheck
	@scripts/bootstrap --lint
	@$(MAKE) --no-print-directory run-lint

run-lint: $(STATIC_LIB) $(SHARED_LIB) $(CLI_OBJ)
	@scripts/lint
	@scripts/check-symbols $(SHARED_LIB) $(LIB_OBJ) $(CLI_OBJ)

format: ## Format the C sources
	clang-format -i $$(find src include tests scripts -name '*.[ch]')

# --- Installing, cleaning, helping ---------------------------------------------------------------

# `make clean all` means one after the other.
ifneq ($(filter clean distclean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.PHONY: install uninstall clean distclean help bootstrap
install: all ## Install the command, the library and its header
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/include' '$(DESTDIR)$(LIBDIR)/pkgconfig' \
	    '$(DESTDIR)$(PREFIX)/share/heavyops'
	install $(COMMAND) '$(DESTDIR)$(PREFIX)/bin/heavyops'
	install -m 644 include/heavyops.h '$(DESTDIR)$(PREFIX)/include/heavyops.h'
	install -m 644 $(SCHEMAS) '$(DESTDIR)$(PREFIX)/share/heavyops'
	for folder in $(SHARE_DIRS); do \
	    install -d '$(DESTDIR)$(PREFIX)/share/'$$folder && \
	    install -m 644 $(O)/share/$$folder/* '$(DESTDIR)$(PREFIX)/share/'$$folder || exit 1; done
	install -m 644 $(STATIC_LIB) '$(DESTDIR)$(LIBDIR)/libheavyops.a'
	install -m 644 $(SHARED_LIB) '$(DESTDIR)$(LIBDIR)/libheavyops.so.$(VERSION)'
	ln -sf libheavyops.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/libheavyops.so.$(SOVERSION)'
	ln -sf libheavyops.so.$(SOVERSION) '$(DESTDIR)$(LIBDIR)/libheavyops.so'
	install -m 644 $(PC_FILE) '$(DESTDIR)$(LIBDIR)/pkgconfig/libheavyops.pc'

uninstall: ## Remove what `make install` put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/heavyops' '$(DESTDIR)$(PREFIX)/include/heavyops.h' \
	    '$(DESTDIR)$(LIBDIR)/libheavyops.a' '$(DESTDIR)$(LIBDIR)/libheavyops.so' \
	    '$(DESTDIR)$(LIBDIR)/libheavyops.so.$(SOVERSION)' \
	    '$(DESTDIR)$(LIBDIR)/libheavyops.so.$(VERSION)' \
	    '$(DESTDIR)$(LIBDIR)/pkgconfig/libheavyops.pc'
	rm -rf '$(DESTDIR)$(PREFIX)/share/heavyops'
	rm -f '$(DESTDIR)$(PREFIX)/share/man/man1/heavyops'.1 \
	    '$(DESTDIR)$(PREFIX)/share/man/man1/heavyops'-*.1 \
	    '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/heavyops' \
	    '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_heavyops' \
	    '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/heavyops.fish'

bootstrap: ## Install what the build needs, and nothing else
	@scripts/bootstrap

clean: ## Remove what was built, but not the interpreters in build/py
	rm -rf $(addprefix $(O)/,obj gen share tests heavyops libheavyops.a libheavyops.so \
	    libheavyops.so.$(SOVERSION) libheavyops.pc) \
	    $(if $(filter build,$(O)),build/debug build/clang build/san-*)

distclean: clean ## Remove build/ with the interpreters as well
	rm -rf --one-file-system build

help: ## Show this
	@echo 'make [TARGET] [SWITCH=…]'
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16
	@echo
	@sed -n 's/^## /  /p' Makefile

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_OBJ:.o=.d) $(ORACLE_OBJ:.o=.d) $(EXAMPLE_OBJ:.o=.d) \
         $(patsubst %.c,$(O)/obj/%.d,$(BENCH_SRC))
