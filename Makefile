# SPDX-License-Identifier: Apache-2.0
#
# modelvault: one program from keystore/, policy/ and fs/.  `make help` lists the targets.
#
# Variables, to be given on the command line or in the environment:
#   PREFIX      where `install` puts things (/usr/local); DESTDIR is put in front of it
#   SBINDIR     where mount.modelvault goes: /sbin for PREFIX /usr and /usr/local, else PREFIX/sbin
#   CC          compiler (gcc)            CFLAGS, LDFLAGS   added to the project's own flags
#   SANITIZE    address,undefined or thread: builds into build/<list joined by ->/ instead of build/;
#               fuzz: for libFuzzer, by clang
#   CI          true makes every warning an error
#   V           1 prints whole commands
#   FILES       what `make check` runs (arguments of tests/run), default all groups
#   BENCH       arguments of tests/bench/run for `make bench`

VERSION := 0.1-dev
PREFIX  ?= /usr/local
SBINDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),$(realpath /sbin),$(PREFIX)/sbin)
CFLAGS  ?= -O2 -g
SANITIZE ?=
ifeq ($(origin CC),default)
CC := $(if $(filter fuzz,$(SANITIZE)),clang,gcc)
endif

comma := ,
define newline


endef
B     := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
PROGRAM := $(B)/modelvault

# --- libraries: pkg-config name = Debian package ------------------------------------------------
LIBRARIES := fuse3=libfuse3-dev openssl=libssl-dev sqlite3=libsqlite3-dev jansson=libjansson-dev
module  = $(firstword $(subst =, ,$(1)))
package = $(lastword $(subst =, ,$(1)))
MODULES := $(foreach l,$(LIBRARIES),$(call module,$(l)))

GOALS := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out clean help uninstall,$(GOALS)),)
ifeq ($(shell command -v pkg-config),)
$(error pkg-config is missing: apt-get install pkg-config)
endif
MISSING := $(strip $(foreach l,$(LIBRARIES),$(if $(shell pkg-config --exists $(call module,$(l)) && echo y),,$(l))))
ifneq ($(MISSING),)
$(error missing $(foreach l,$(MISSING),$(call module,$(l))): apt-get install $(foreach l,$(MISSING),$(call package,$(l))))
endif
LIB_CFLAGS := $(shell pkg-config --cflags $(MODULES))
LIB_LIBS   := $(shell pkg-config --libs $(MODULES))
CMOCKA     := $(shell pkg-config --modversion cmocka 2>/dev/null)
endif

# --- flags --------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
	-Wimplicit-fallthrough $(if $(filter true,$(CI)),-Werror)
ifeq ($(SANITIZE),fuzz)
WARNINGS += -Wno-implicit-fallthrough # clang does not read the comments that allow it
endif
DEFINES  := -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -DMODELVAULT_VERSION='"$(VERSION)"'
# libFuzzer's main comes with the link of the harnesses only.
SANITIZERS := $(subst fuzz,fuzzer-no-link$(comma)address$(comma)undefined,$(SANITIZE))
ifeq ($(SANITIZE),)
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fno-plt
LINKING   := -pie -Wl,-z,relro,-z,now
else
# The fortified calls hide from the sanitizers what they intercept.
HARDENING := -fsanitize=$(SANITIZERS) -fno-omit-frame-pointer -fno-sanitize-recover=all -fPIE
LINKING   := -pie -fsanitize=$(SANITIZERS)
endif
COMPILE := $(CC) -std=gnu17 $(DEFINES) -I. $(LIB_CFLAGS) $(WARNINGS) $(HARDENING) -pthread $(CFLAGS)
LINK    := $(CC) $(HARDENING) $(CFLAGS) $(LINKING) -pthread $(LDFLAGS)

# --- files --------------------------------------------------------------------------------------
SOURCES := $(sort $(wildcard keystore/base/*.c keystore/*.c policy/*.c \
	fs/format/*.c fs/mount/*.c fs/control/*.c fs/cmd/*.c))
MAIN    := $(filter fs/cmd/main.c,$(SOURCES))
OBJECTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(MAIN),$(SOURCES)))
ARCHIVE := $(B)/libmodelvault.a

UNIT    := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(B)/test/%,$(UNIT))
# Small programs that the shell tests run: tests/tools/x.c becomes build/test/tools/x. For LD_PRELOAD: x.so.
PRELOADED := clock_shift
TOOL_PROGRAMS := $(patsubst tests/tools/%.c,$(B)/test/tools/%,\
	$(filter-out $(PRELOADED:%=tests/tools/%.c),$(sort $(wildcard tests/tools/*.c))))
TOOL_LIBRARIES := $(PRELOADED:%=$(B)/test/tools/%.so)
HELPERS := $(patsubst %.c,$(B)/obj/%.o,\
	$(filter-out $(UNIT),$(sort $(wildcard tests/unit/*.c tests/unit/*/*.c))))
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,build/fuzz/test/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
BENCH_PROGRAMS := $(B)/bench/reader $(B)/bench/null_server $(B)/bench/decide
# mount(8) runs /sbin/mount.TYPE; where /sbin is a link a package may not hold it: hence realpath.
MOUNT_HELPERS := $(patsubst %,$(DESTDIR)$(SBINDIR)/mount.%,modelvault fuse.modelvault)
MANUALS := $(wildcard contrib/man/*.[1-8])
COMPLETION := $(B)/completion/modelvault

ifeq ($(V),1)
say =
else
say = @printf '  %-4s %s\n' $(1) $@;
endif

# --- targets ------------------------------------------------------------------------------------
.PHONY: all help program unit-programs test-tools fuzz-programs bench-programs check check-asan check-ubsan check-tsan \
	bench lint summary install uninstall clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: program summary                    ## the program (default)
program: $(ARCHIVE) $(if $(MAIN),$(PROGRAM) $(COMPLETION))
unit-programs: $(UNIT_PROGRAMS)         ## the unit tests, not run
test-tools: $(TOOL_PROGRAMS) $(TOOL_LIBRARIES)            ## what the shell tests run beside the program
bench-programs: $(BENCH_PROGRAMS)
ifeq ($(SANITIZE),fuzz)
fuzz-programs: $(FUZZ_PROGRAMS)
else
fuzz-programs:                          ## the libFuzzer harnesses of tests/fuzz, by clang
	+@$(MAKE) --no-print-directory SANITIZE=fuzz $@
endif

check:                                  ## all tests, as CI runs them
	tests/run $(FILES)
check-asan:                             ## unit and mount tests under AddressSanitizer and UBSan
	tests/run asan
check-ubsan:                            ## the same under UBSan alone
	tests/run ubsan
check-tsan:                             ## unit tests under ThreadSanitizer
	tests/run tsan
lint:                                   ## every lint test, the slow analysers too
	tests/run lint analyse
bench: program bench-programs           ## throughput beside gocryptfs, securefs, ext4, a null server
	tests/bench/run $(BENCH)
	tests/bench/policy

summary: program
	@echo "modelvault $(VERSION) in $(B)/"
	@echo "  compiler   $(CC) $(shell $(CC) -dumpfullversion 2>/dev/null), $(CFLAGS)"
	@echo "  libraries  $(foreach m,$(MODULES),$(m) $(shell pkg-config --modversion $(m)))"
	@echo "  sanitizer  $(or $(SANITIZE),no)"
	@echo "  unit tests $(if $(CMOCKA),yes (cmocka $(CMOCKA)),no (apt-get install libcmocka-dev))"
	@echo "  program    $(if $(MAIN),$(PROGRAM),no (fs/cmd/main.c is not there))"

$(PROGRAM): $(MAIN:%.c=$(B)/obj/%.o) $(ARCHIVE)
	$(call say,LINK) $(LINK) -o $@ $^ $(LIB_LIBS)

# Made anew: an object whose source is gone must not stay in it.
$(ARCHIVE): $(OBJECTS) $(B)/objects
	$(call say,AR) rm -f $@ && ar rcs $@ $(OBJECTS)

$(B)/test/libhelpers.a: $(HELPERS) $(B)/objects
	$(call say,AR) mkdir -p $(@D) && rm -f $@ && ar rcs $@ $(HELPERS)

$(B)/test/tools/%: $(B)/obj/tests/tools/%.o $(ARCHIVE)
	$(call say,LINK) mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIB_LIBS)

# Not sanitized: it is loaded before what it is loaded into.
$(B)/test/tools/%.so: tests/tools/%.c $(B)/flags
	$(call say,LINK) mkdir -p $(@D) && $(CC) -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -O2 -fPIC -shared -o $@ $<

# What a harness or a unit test puts in the place of a function of the program.
wrap = $(patsubst %,-Wl$(comma)--wrap=%,$(1))
WRAP :=
$(B)/test/fuzz/fuzz_catalogue: WRAP := $(call wrap,sealed_rows_each kek_ring_has)
$(B)/test/fuzz/fuzz_rule $(B)/test/fuzz/fuzz_rule_file: WRAP := $(call wrap,user_by_name group_by_name)
$(B)/test/fuzz/%: $(B)/obj/tests/fuzz/%.o $(ARCHIVE)
	$(call say,LINK) mkdir -p $(@D) && $(LINK) -fsanitize=fuzzer $(WRAP) -o $@ $^ $(LIB_LIBS)

$(B)/test/policy/test_admission: WRAP := $(call wrap,policy_inquire)
$(B)/test/%: $(B)/obj/tests/unit/%.o $(B)/test/libhelpers.a $(ARCHIVE)
	$(call say,LINK) mkdir -p $(@D) && $(LINK) $(WRAP) -o $@ $^ $(LIB_LIBS) -lcmocka

$(B)/bench/decide: $(ARCHIVE)
$(B)/bench/%: $(B)/obj/tests/bench/%.o
	$(call say,LINK) mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIB_LIBS)

$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC) mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

# Stamps: written only when they differ, so that other flags rebuild all, another file list the archives.
stamp = @mkdir -p $(@D); printf '%s\n' "$(1)" | cmp -s - $@ || printf '%s\n' "$(1)" >$@
$(B)/flags: FORCE
	$(call stamp,$(subst ",\",$(COMPILE) $(LINK) $(LIB_LIBS)))
$(B)/objects: FORCE
	$(call stamp,$(OBJECTS) $(HELPERS))

# The commands and options in it are the program's own.
$(COMPLETION): contrib/completion/modelvault.bash $(PROGRAM)
	$(call say,MAKE) mkdir -p $(@D) && $(PROGRAM) help --table | sed -e '/^@TABLE@$$/{r /dev/stdin' -e 'd}' $< >$@

-include $(shell test -d $(B)/obj && find $(B)/obj -name '*.d')

# pairs: FILE=DIRECTORY below PREFIX, for install and uninstall alike.
INSTALLED := $(COMPLETION)=share/bash-completion/completions \
	$(foreach m,$(MANUALS),$(m)=share/man/man$(subst .,,$(suffix $(m)))) \
	$(foreach d,README.md LICENSE $(wildcard contrib/docs/*.md),$(d)=share/doc/modelvault$(patsubst %/,/%,$(filter-out ./,$(dir $(d)))))
installed_file = $(DESTDIR)$(PREFIX)/$(call package,$(1))/$(notdir $(call module,$(1)))

install: program                        ## program, mount helper, man pages, unit, completion, docs
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/modelvault
	$(foreach i,$(INSTALLED),install -D -m 644 $(call module,$(i)) $(call installed_file,$(i))$(newline))
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system && sed 's,/usr/local/bin,$(PREFIX)/bin,' \
		contrib/systemd/modelvault@.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/modelvault@.service
	install -d $(DESTDIR)$(SBINDIR)
	$(foreach h,$(MOUNT_HELPERS),ln -sf $(PREFIX)/bin/modelvault $(h)$(newline))
	@[ $(SBINDIR) -ef /sbin ] || echo "mount(8) looks for mount.modelvault in /sbin: with SBINDIR=/sbin it is put there"

uninstall:                              ## what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/modelvault $(MOUNT_HELPERS) \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/modelvault@.service \
		$(foreach i,$(INSTALLED),$(call installed_file,$(i)))
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/modelvault

clean:                                  ## everything that was built
	rm -rf build

help:                                   ## this list
	@sed -n 's/^\([a-z-]*\):.*## */\1\t/p' Makefile | expand -t 16
	@echo; sed -n '/^# Variables/,/^$$/s/^# \{0,1\}//p' Makefile
