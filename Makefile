# SPDX-License-Identifier: MIT
# The front door: meson does the work. DEPS=true leaves the system's packages alone.
BUILD  ?= build
PREFIX ?= /usr/local
DEPS   ?= tools/deps
# Seconds that make fuzz gives each harness.
FUZZ_TIME ?= 60
# Benchmarks that make bench runs; empty: all.
CASES ?=
# Seconds that make soak-overload gives each of its four parts.
SOAK_SECONDS ?= 60
# Soaks that make soak runs; empty: all.
SOAKS ?=
# Tables that make accuracy fills; empty: all.
TABLES ?=
# What make check is told: --only asan, --suite netns, -k pattern.
CHECK ?=

SOURCE_DIRS = include src policy capture compat cli bindings examples bench tests fuzz

all: $(BUILD)/build.ninja
	@meson compile -C $(BUILD)

$(BUILD)/build.ninja:
	@$(DEPS) build
	@libdir=$$(gcc -print-multiarch); meson setup $(BUILD) --buildtype=release \
		--prefix=$(PREFIX) $${libdir:+--libdir=lib/$$libdir} -Dtests=false

demo: all
	@$(BUILD)/cli/nfqueue demo

check:
	@$(DEPS) check
	@tools/check $(CHECK)

build-bench/build.ninja:
	@$(DEPS) bench
	@meson setup build-bench --buildtype=release -Dtests=false -Dbench=true

bench: build-bench/build.ninja
	@$(DEPS) bench
	@meson compile -C build-bench
	@mkdir -p build
	@BUILD_DIR=$(CURDIR)/build-bench bench/run $(CASES)

soak: $(if $(SOAKS),,soak-overload)
	@$(DEPS) check
	@tools/soak $(SOAKS)

soak-overload: build-bench/build.ninja
	@meson compile -C build-bench
	@BUILD_DIR=$(CURDIR)/build-bench SOAK_SECONDS=$(SOAK_SECONDS) bench/soak

accuracy: build-bench/build.ninja
	@meson compile -C build-bench
	@BUILD_DIR=$(CURDIR)/build-bench bench/accuracy $(TABLES)

install: all
ifneq ($(origin PREFIX),file)
	@meson configure $(BUILD) --prefix=$(PREFIX)
endif
	@meson install -C $(BUILD)
	@test -n "$(DESTDIR)" || PATH=$$PATH:/usr/sbin:/sbin ldconfig

uninstall:
	@ninja -C $(BUILD) uninstall

format:
	@$(DEPS) check
	@find $(wildcard $(SOURCE_DIRS)) -name '*.[ch]' -exec clang-format -i {} +

tidy:
	@$(DEPS) check
	@tools/tidy

coverage:
	@$(DEPS) check
	@tools/coverage

fuzz:
	@$(DEPS) check
	@tools/fuzz --seconds $(FUZZ_TIME)

clean:
	@rm -rf build build-asan build-bench build-check build-coverage build-fuzz \
		build-tidy build-tsan

help:
	@echo 'make            build the release in $(BUILD)/'
	@echo 'make demo       build, and show what nfqueue does'
	@echo 'make check      build three ways and run every test (CHECK="--only asan")'
	@echo 'make bench      build and run the benchmarks (CASES="a b")'
	@echo 'make soak       run the tests that take minutes (SOAKS="soak-restart")'
	@echo 'make soak-overload  of these: twice the load that can be sustained, four'
	@echo '                times SOAK_SECONDS ($(SOAK_SECONDS))'
	@echo 'make accuracy   measure delays, losses and rates of nfqueue run on real traffic'
	@echo '                (TABLES="delay jitter share rate")'
	@echo 'make install    install under PREFIX ($(PREFIX)), below DESTDIR'
	@echo 'make uninstall  remove what make install installed'
	@echo 'make format     format all C sources'
	@echo 'make tidy       search for bugs with clang-tidy'
	@echo 'make coverage   measure what the tests reach'
	@echo 'make fuzz       run every fuzz harness for FUZZ_TIME ($(FUZZ_TIME)) seconds'
	@echo 'make clean      remove what was built'

.PHONY: all demo check bench soak soak-overload accuracy install uninstall format tidy coverage fuzz clean help
