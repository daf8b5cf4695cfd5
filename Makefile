# SPDX-License-Identifier: Apache-2.0
#
# `make help` lists the targets. What is built lies in build/, with SAN=1 in build/san/, with SAN=thread in
# build/thread/.

PREFIX ?= /usr/local
# Where `tapmeter stat` looks for tapmeter-stat when it is not beside tapmeter.
LIBEXECDIR ?= $(PREFIX)/libexec/tapmeter
LIBDIR ?= $(PREFIX)/lib
CLANG ?= clang
PKG_CONFIG ?= pkg-config
# Ubuntu's /usr/sbin/bpftool only works with the tools of the running Linux kernel; what
# linux-tools installs does with any.
BPFTOOL ?= $(lastword /usr/sbin/bpftool $(sort $(wildcard /usr/lib/linux-tools/*/bpftool)))

BUILD ?= build$(SAN:%=/$(if $(filter 1,$(SAN)),san,%))$(if $(filter 1,$(COVERAGE)),/coverage)
GEN := $(BUILD)/gen

ifeq ($(V),1)
Q =
msg =
else
Q = @
msg = @printf '  %-8s %s\n' '$(1)' '$(2)';
MAKEFLAGS += --no-print-directory
endif

PACKAGES := 'libbpf >= 1.3' libelf zlib libmicrohttpd gnutls libcrypt jansson yaml-0.1 libprotobuf-c libcap-ng libseccomp

CFLAGS ?= $(if $(filter 1,$(COVERAGE)),-Og,-O2) -g
ERRORS := $(if $(filter 1,$(WERROR)),-Werror)
WARNINGS := -Wall -Wextra -Wformat=2 -Wmissing-prototypes -Wshadow -Wvla $(ERRORS)
INCLUDES := -Iuser -Iinclude -I$(GEN)
PLAIN_HARDENING := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE
ifeq ($(COVERAGE),1)
# Not with atomic counters: no probe can be set on an instruction with a lock prefix.
HARDENING := --coverage
else ifeq ($(SAN),)
HARDENING := $(PLAIN_HARDENING)
LINK_HARDENING := -pie -Wl,-z,relro -Wl,-z,now
else
SANITIZERS := $(if $(filter 1,$(SAN)),address,undefined,$(SAN))
HARDENING := -fsanitize=$(SANITIZERS) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ALL_CPPFLAGS := -D_GNU_SOURCE -DTAPMETER_LIBEXECDIR='"$(LIBEXECDIR)"' $(INCLUDES) $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null) \
	$(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARNINGS) $(HARDENING)
ALL_LDFLAGS = $(HARDENING) $(LINK_HARDENING) -Wl,--as-needed $(LDFLAGS)
COMPILE = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP
# Zydis has no .pc file on Debian 12.
ALL_LDLIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lZydis -lZycore -lm -pthread \
	$(LDLIBS)

BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Iinclude -Ibpf -Wall -Wextra -Wno-unused-parameter $(ERRORS)
# With -target bpf, clang does not look into the system's own include directories.
CLANG_INCLUDES = $(shell $(CLANG) -v -E - </dev/null 2>&1 | \
	sed -n '/<...> search starts here:/,/End of search list./{ s| \(/.*\)|-idirafter \1|p }')

BPF_SOURCES := $(wildcard bpf/*.bpf.c)
BPF_OBJECTS := $(BPF_SOURCES:%.bpf.c=$(BUILD)/%.tmp.bpf.o)
PROFILES := $(sort $(wildcard profiles/*.yaml))
# The charting library, as Debian's libjs-dygraphs installs it.
DYGRAPHS ?= /usr/share/javascript/dygraphs
PAGE_FILES := web/index.html $(sort $(wildcard web/*.css web/*.js web/*.svg)) \
	$(DYGRAPHS)/dygraph.min.css $(DYGRAPHS)/dygraph.min.js
# Programs of their own, without privileges: user/NAME/ becomes build/tapmeter-NAME.
TOOLS := $(patsubst user/%/main.c,%,$(wildcard user/*/main.c))
TOOL_SOURCES := $(foreach tool,$(TOOLS),$(wildcard user/$(tool)/*.c))
TOOL_OBJECTS := $(TOOL_SOURCES:%.c=$(BUILD)/%.o)
TOOL_PROGRAMS := $(TOOLS:%=$(BUILD)/tapmeter-%)
# What the tools share and the agent must not have, such as an HTTP client: only they link it.
TOOLKIT := $(BUILD)/libtoolkit.a
TOOLKIT_SOURCES := $(wildcard user/toolkit/*.c)
TOOLKIT_OBJECTS := $(TOOLKIT_SOURCES:%.c=$(BUILD)/%.o)
# For the unit tests: all but the tools' main().
TOOL_LIB := $(BUILD)/libtools.a
TOOL_LIB_OBJECTS := $(filter-out %/main.o,$(TOOL_OBJECTS)) $(TOOLKIT_OBJECTS)
LIB_SOURCES := $(filter-out user/main.c $(TOOL_SOURCES) $(TOOLKIT_SOURCES),$(wildcard user/*.c user/*/*.c))
# user/FOLDER/NAME.proto becomes NAME.pb-c.h, to be included, and NAME.pb-c.c.
PROTOS := $(wildcard user/*/*.proto)
PROTO_SOURCES := $(patsubst %.proto,$(GEN)/%.pb-c.c,$(notdir $(PROTOS)))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o) $(GEN)/builtin_profiles.o $(GEN)/page_files.o $(PROTO_SOURCES:.c=.o)
LIB := $(BUILD)/libtapmeter.a
PROGRAM := $(if $(wildcard user/main.c),$(BUILD)/tapmeter)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
WORKLOADS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/workload/*.c)) \
	$(patsubst %.cc,$(BUILD)/%,$(wildcard tests/workload/*.cc))
BENCH_PROGRAMS := $(addprefix $(BUILD)/tests/bench/,target tapper shapes.so floor.bpf.o)
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*.c))
# The agent as it is not: a newer build with the same layout of the maps, and one with another layout.
OTHERS := $(if $(PROGRAM),$(addprefix $(BUILD)/tests/other/,newer layout))
# What a C file may include before the compiler has ever said what it does include.
GENERATED := $(GEN)/version.h $(if $(BPF_SOURCES),$(GEN)/tapmeter.skel.h) $(PROTO_SOURCES:.c=.h)

# What gets tapped is as other people's programs are.
$(WORKLOADS): private HARDENING := $(PLAIN_HARDENING)

# What programs link that want to be counted (lib/): build/libtapmeter-tap.so and .a, without sanitizers.
TAP_SONAME := libtapmeter-tap.so.0
TAP_LIBS := $(BUILD)/libtapmeter-tap.so $(BUILD)/libtapmeter-tap.a

PERCENT := %
# A test or workload names what it needs beyond the usual in a line `/* LDFLAGS: ... */`.
said_in = $(shell sed -n 's|^/\* $(1): \(.*\) \*/$$|\1|p' $(2))

.PHONY: all
all: $(LIB) $(PROGRAM) $(TOOL_PROGRAMS) $(TAP_LIBS) ## build/tapmeter and its tools (the default)

.PHONY: demo
demo: ## install what is needed, then count a real ZeroMQ workload and compare (root)
	$(Q)scripts/setup build test
	$(Q)$(MAKE) all
	$(Q)scripts/demo

.PHONY: test
test: ## install what is needed, then run all tests (root, or the end-to-end tests cannot)
	$(Q)scripts/setup build test
	$(Q)$(MAKE) all build-tests
	$(Q)tests/run --build $(BUILD)

.PHONY: check
check: ## install what is needed, then run the checks of format, layers, headers, linters, sanitizers
	$(Q)scripts/setup build test check
	$(Q)scripts/check

# A test has a malloc() of its own: what that takes from the C library's is not to be taken from valgrind's.
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
	--soname-synonyms=somalloc=nouserintercepts --suppressions=tests/valgrind.supp --fair-sched=yes
.PHONY: test-valgrind
test-valgrind: ## install what is needed, then run the unit tests under valgrind
	$(Q)scripts/setup build test check
	$(Q)$(MAKE) unit-tests
	$(Q)TAPMETER_PATIENCE=$${TAPMETER_PATIENCE:-10} tests/run --unit --build $(BUILD) --under '$(VALGRIND)'

.PHONY: coverage
coverage: ## install what is needed, then run all tests and say which lines they reach (root): TESTS="attach" some
	$(Q)scripts/setup build test
	$(Q)$(MAKE) COVERAGE=1 all build-tests
	$(Q)scripts/coverage build/coverage $(TESTS)

.PHONY: bench
bench: ## install what is needed, then measure (root): ROWS="1 4" some rows, BENCH_QUICK=1 roughly
	$(Q)scripts/setup build bench
	$(Q)$(MAKE) all bench-programs
	$(Q)BUILD='$(BUILD)' tests/bench/run

# Built by clang, with all of user/ instrumented.
.PHONY: fuzz fuzz-programs
fuzz: ## install what is needed, then fuzz what reads foreign bytes: FUZZ_SECONDS=60 each, TARGETS="elf code" some
	$(Q)scripts/setup build fuzz
	$(Q)$(MAKE) BUILD=$(BUILD)/fuzzed CC=$(CLANG) fuzz-programs \
		HARDENING='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
	$(Q)BUILD='$(BUILD)' tests/fuzz/run
fuzz-programs: $(FUZZERS)

.PHONY: soak
soak: ## run the programs of tests/soak
	$(Q)scripts/setup build test
	$(Q)$(MAKE) all build-tests
	$(Q)for program in $$(find tests/$@ -maxdepth 1 -type f -executable | sort); do \
		echo "$$program"; "$$program" || exit 1; done

.PHONY: vmtest
vmtest: ## install what is needed, then run the tests on Debian's Linux 6.1 and 6.12 in qemu (root)
	$(Q)scripts/setup build test vm
	$(Q)$(MAKE) all build-tests
	$(Q)scripts/vmtest

.PHONY: install
install: all ## install below $(DESTDIR)$(PREFIX)
	$(Q)install -D -m 755 $(BUILD)/tapmeter $(DESTDIR)$(PREFIX)/bin/tapmeter
	$(Q)for tool in $(TOOL_PROGRAMS); do \
		install -D -m 755 $$tool $(DESTDIR)$(LIBEXECDIR)/$${tool##*/} || exit 1; done
	$(Q)install -D -m 644 $(BUILD)/$(TAP_SONAME) $(DESTDIR)$(LIBDIR)/$(TAP_SONAME)
	$(Q)ln -sf $(TAP_SONAME) $(DESTDIR)$(LIBDIR)/libtapmeter-tap.so
	$(Q)install -D -m 644 $(BUILD)/libtapmeter-tap.a $(DESTDIR)$(LIBDIR)/libtapmeter-tap.a
	$(Q)install -D -m 644 include/tapmeter/tap.h $(DESTDIR)$(PREFIX)/include/tapmeter/tap.h
	$(Q)find $(wildcard README.md LICENSE LICENSES docs) -type f \
		-exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/doc/tapmeter/{} \;

.PHONY: docs
docs: all ## write docs/metrics.md anew, after a change of the families
	$(Q)scripts/metrics-doc $(BUILD)/tapmeter >docs/metrics.md

.PHONY: man completion
man: all ## man pages, in build/man (needs lowdown)
	$(Q)rm -rf $(BUILD)/man && packaging/man/generate $(BUILD)/tapmeter "$$(cat VERSION)" $(BUILD)/man
completion: all ## completion for bash, zsh and fish, in build/completion
	$(Q)packaging/completion/generate $(BUILD)/tapmeter $(BUILD)/completion

.PHONY: deb deb-test
deb: ## install what is needed, then build the Debian package, in build/deb
	$(Q)scripts/setup build deb
	$(Q)packaging/build-deb $(BUILD)/deb
deb-test: deb ## install, run and purge that package on this machine (root)
	$(Q)scripts/setup test
	$(Q)$(MAKE) build-tests
	$(Q)packaging/test-deb $(BUILD)/deb

.PHONY: clean
clean: ## remove all that was built
	$(call msg,CLEAN,$(BUILD))
	$(Q)rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z -]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16
	@echo
	@echo 'V=1 shows the commands, WERROR=1 makes warnings errors, SAN=1 with the sanitizers of addresses and of'
	@echo 'undefined behaviour, SAN=thread with that of threads: `make test SAN=1`.'

.PHONY: build-tests unit-tests bench-programs
unit-tests: $(UNIT_TESTS)
build-tests: unit-tests $(WORKLOADS) $(OTHERS)
bench-programs: $(BENCH_PROGRAMS) $(BUILD)/tests/workload/kernels

# For scripts: the value of a variable.
.PHONY: print-%
print-%:
	@printf "%s\n" $($*)

.PHONY: libraries
libraries:
	@$(PKG_CONFIG) --exists --print-errors $(PACKAGES) || { echo "run: scripts/setup" >&2; exit 1; }

.PHONY: FORCE
FORCE:

# Puts a command's output into the target, but leaves the file alone if it is the same already.
define update
@mkdir -p $(@D)
$(Q)$(1) >$@.new
@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
endef

$(BUILD)/flags: FORCE
	$(call update,echo '$(subst ','\'',$(COMPILE) $(ALL_LDFLAGS) $(ALL_LDLIBS) $(CLANG) $(BPF_CFLAGS))')

# A source file removed is a reason to build, too.
$(BUILD)/sources: FORCE
	$(call update,echo $(LIB_SOURCES) $(TOOL_SOURCES) $(TOOLKIT_SOURCES) $(BPF_SOURCES))

$(GEN)/version.h: FORCE
	$(call update,scripts/version-header)

$(GEN)/builtin_profiles.c: FORCE
	$(call update,scripts/embed-profiles $(PROFILES))

$(GEN)/page_files.c: scripts/embed-web $(PAGE_FILES)
	$(call msg,EMBED,$@)
	@mkdir -p $(@D)
	$(Q)scripts/embed-web $(PAGE_FILES) >$@
$(DYGRAPHS)/dygraph.min.%:
	@echo "there is no $@: run: scripts/setup" >&2; exit 1

vpath %.proto $(sort $(dir $(PROTOS)))
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: %.proto
	$(call msg,PROTO,$@)
	@mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(@D) -I$(<D) $<
# Made on the way to something else, but not to be removed after.
.SECONDARY: $(PROTO_SOURCES) $(PROTO_SOURCES:.c=.h)

$(BUILD)/bpf/%.tmp.bpf.o: bpf/%.bpf.c $(BUILD)/flags
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(CLANG_INCLUDES) -MMD -MP -MT $@ -c $< -o $@

$(BUILD)/bpf/tapmeter.bpf.o: $(BPF_OBJECTS) $(BUILD)/sources
	$(call msg,BPF-LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJECTS)

$(GEN)/tapmeter.skel.h: $(BUILD)/bpf/tapmeter.bpf.o
	$(call msg,SKEL,$@)
	@mkdir -p $(@D)
	$(Q){ echo '/* NOLINTBEGIN: generated */' && $(BPFTOOL) gen skeleton $< name tapmeter_bpf && \
		echo '/* NOLINTEND */'; } >$@

$(BUILD)/%.o: %.c $(BUILD)/flags | libraries $(GENERATED)
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c $< -o $@

$(GEN)/%.o: $(GEN)/%.c $(BUILD)/flags
	$(call msg,CC,$@)
	$(Q)$(COMPILE) -c $< -o $@

# Made anew: an object whose source is gone must not stay in it.
$(LIB): $(LIB_OBJECTS) $(BUILD)/sources
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJECTS)

$(TOOLKIT): $(TOOLKIT_OBJECTS) $(BUILD)/sources
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(TOOLKIT_OBJECTS)

$(TOOL_LIB): $(TOOL_LIB_OBJECTS) $(BUILD)/sources
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(TOOL_LIB_OBJECTS)

# A tool names what it needs beyond the usual in its main.c, as a test does.
.SECONDEXPANSION:
$(TOOL_PROGRAMS): $(BUILD)/tapmeter-%: $$(filter $(BUILD)/user/$$*/$$(PERCENT).o,$(TOOL_OBJECTS)) $(TOOLKIT) $(LIB)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(call said_in,LDLIBS,user/$*/main.c) $(ALL_LDLIBS) -o $@

$(BUILD)/tapmeter: $(BUILD)/user/main.o $(LIB)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(ALL_LDLIBS) -o $@

TAP_FLAGS := -std=gnu11 -O2 -g $(WARNINGS) -fPIC -fvisibility=default -Iinclude
$(BUILD)/lib/tap.o: lib/tap.c $(BUILD)/flags
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(TAP_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/$(TAP_SONAME): $(BUILD)/lib/tap.o lib/tap.map
	$(call msg,LINK,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(TAP_SONAME) -Wl,--version-script=lib/tap.map -Wl,-z,relro \
		-Wl,-z,now $< -pthread -o $@

$(BUILD)/libtapmeter-tap.so: $(BUILD)/$(TAP_SONAME)
	$(Q)ln -sf $(TAP_SONAME) $@

$(BUILD)/libtapmeter-tap.a: $(BUILD)/lib/tap.o
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $<

$(BUILD)/tests/test_%: tests/unit/test_%.c $(TOOL_LIB) $(LIB) $(BUILD)/flags
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MF $@.d -MT $@ $< $(ALL_LDFLAGS) $(call said_in,LDFLAGS,$<) \
		$(TOOL_LIB) $(LIB) -lcmocka $(call said_in,LDLIBS,$<) $(ALL_LDLIBS) -o $@

$(BUILD)/fuzz/%: tests/fuzz/%.c $(TOOL_LIB) $(LIB) $(BUILD)/flags
	$(call msg,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MF $@.d -MT $@ $< $(ALL_LDFLAGS) -fsanitize=fuzzer $(TOOL_LIB) $(LIB) \
		$(call said_in,LDLIBS,$<) $(ALL_LDLIBS) -o $@

# What comes before the library is taken instead of what is in it.
define other
$(call msg,OTHER,$@)
@mkdir -p $@.include
@printf '#define TAPMETER_VERSION "%s"\n#define TAPMETER_REVISION "%s"\n' $(@F) $(@F) >$@.include/version.h
$(Q)$(CC) -I$@.include $(1) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(filter %.c %.o,$^) $(ALL_LDFLAGS) $(LIB) $(ALL_LDLIBS) -o $@
endef

$(BUILD)/tests/other/newer: user/agent.c user/cli/version.c user/tap/probes_load.c $(BUILD)/user/main.o $(LIB)
	$(call other)

$(BUILD)/tests/other/layout: user/tap/layout.c user/tap/probes_load.c $(BUILD)/user/main.o $(LIB)
	$(call other,-DTM_ABI_VERSION=1000)

$(BUILD)/tests/bench/target: tests/bench/target.c $(BUILD)/flags
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MF $@.d -MT $@ $< $(ALL_LDFLAGS) $(call said_in,LDLIBS,$<) -o $@

$(BUILD)/tests/bench/tapper: tests/bench/tapper.c $(LIB) $(BUILD)/flags
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MF $@.d -MT $@ $< $(ALL_LDFLAGS) $(LIB) $(ALL_LDLIBS) -o $@

$(BUILD)/tests/bench/shapes.so: tests/bench/shapes.S $(BUILD)/flags
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -nostdlib $< -o $@

$(BUILD)/tests/bench/%.bpf.o: tests/bench/%.bpf.c $(BUILD)/flags
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(CLANG_INCLUDES) -MMD -MP -MF $@.d -MT $@ -c $< -o $@

$(BUILD)/tests/workload/%: tests/workload/%.c $(BUILD)/flags
	$(call msg,WORKLOAD,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MF $@.d -MT $@ $< $(ALL_LDFLAGS) $(call said_in,LDFLAGS,$<) \
		$(call said_in,LDLIBS,$<) -o $@

$(BUILD)/tests/workload/%: tests/workload/%.cc $(BUILD)/flags
	$(call msg,WORKLOAD,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -O2 -g -Wall -Wextra -MMD -MP -MF $@.d -MT $@ $< -o $@

.DELETE_ON_ERROR:

-include $(LIB_OBJECTS:.o=.d) $(TOOL_OBJECTS:.o=.d) $(TOOLKIT_OBJECTS:.o=.d) $(BUILD)/user/main.d $(BPF_OBJECTS:.o=.d)
-include $(BUILD)/lib/tap.d
-include $(FUZZERS:=.d) $(UNIT_TESTS:=.d) $(WORKLOADS:=.d) $(BENCH_PROGRAMS:=.d)
