# libeml. `make help` lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
SHELL := /bin/bash

PREFIX ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)

# Nothing of the build outlives make; no telemetry, no banner, messages that scripts can read.
export MSBUILDDISABLENODEREUSE := 1
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1
export DOTNET_CLI_UI_LANGUAGE := en

# ---------------------------------------------------------------------------------------------------- sources, stamps

PROJECTS := Directory.Build.props Directory.Packages.props global.json src/NativeAot.props $(wildcard src/*/*.csproj tests/*/*.csproj)
LIBRARY_SOURCES := $(PROJECTS) $(shell find src -path src/Eml.Cli -prune -o \( -name '*.cs' -o -name '*.proto' \) -print)
CLI_SOURCES := $(LIBRARY_SOURCES) $(shell find src/Eml.Cli -name '*.cs')
TEST_SOURCES := $(CLI_SOURCES) $(shell find tests/Eml.Tests -name '*.cs')

# The last commit that changed what the library is made of: other commits cause no rebuild.
COMMIT := $(shell git log -1 --format=%h --abbrev=12 -- src Directory.Build.props Directory.Packages.props 2>/dev/null)
DIRTY := $(shell git status --porcelain -- src Directory.Build.props Directory.Packages.props 2>/dev/null | head -1)
EML_COMMIT := $(or $(COMMIT),unknown)$(if $(DIRTY),-dirty)

ARTIFACTS := build/artifacts
RESTORED := build/stamps/restored
COMMIT_STAMP := build/stamps/commit
PORTABLE := build/lib/libeml.so
V3 := build/lib/glibc-hwcaps/x86-64-v3/libeml.so
V4 := build/lib/glibc-hwcaps/x86-64-v4/libeml.so
LIBRARIES := $(PORTABLE) $(V3) $(V4)
ARM64 := build/arm64/lib/libeml.so
ARM64_ARTIFACTS := $(CURDIR)/build/arm64/artifacts
CLI := build/bin/eml
CLI_V3 := build/lib/eml/x86-64-v3/eml
CLI_V4 := build/lib/eml/x86-64-v4/eml
CLI_TWINS := $(CLI_V3) $(CLI_V4)

PUBLISH := dotnet publish -c Release -v quiet -p:EmlCommit=$(EML_COMMIT)

.PHONY: help build test run bench wheel arm64 public-api install uninstall clean deps deps-test deps-run deps-arm64 FORCE

help: ## this list
	@echo "libeml $(VERSION)"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

build: deps $(LIBRARIES) $(CLI) $(CLI_TWINS) ## build/lib/libeml.so and build/eml, each with its v3 and v4 twins

deps:
	@.ci/deps build

deps-test:
	@.ci/deps test

deps-run:
	@.ci/deps run

deps-arm64:
	@.ci/deps arm64

$(RESTORED): $(PROJECTS)
	dotnet restore Eml.Native.sln -v quiet
	@mkdir -p $(@D) && touch $@

$(COMMIT_STAMP): FORCE
	@mkdir -p $(@D) && echo $(EML_COMMIT) | cmp -s - $@ || echo $(EML_COMMIT) > $@

# ---------------------------------------------------------------------------------------------------- library, command

$(PORTABLE): ISA := x86-64
$(V3): ISA := x86-64-v3
$(V4): ISA := x86-64-v4

# Moved into place, so that a process that has the old library open keeps it whole.
$(LIBRARIES): $(LIBRARY_SOURCES) $(RESTORED) $(COMMIT_STAMP)
	$(PUBLISH) src/Eml.Native --no-restore -r linux-x64 -p:EmlIsa=$(ISA)
	@mkdir -p $(@D) build/twins/$(ISA)
	@install -m 755 $(ARTIFACTS)/publish/Eml.Native/release_$(ISA)/libeml.so $@.new
	@install -m 644 $(ARTIFACTS)/publish/Eml.Native/release_$(ISA)/libeml.so.dbg $@.dbg
	@mv $@.new $@ && ln -sf libeml.so $@.1
	@ln -sf $(@:build/%=../../%) build/twins/$(ISA)/libeml.so && ln -sf libeml.so build/twins/$(ISA)/libeml.so.1

$(CLI): ISA := x86-64
$(CLI_V3): ISA := x86-64-v3
$(CLI_V4): ISA := x86-64-v4

# The portable command finds its twins from its own folder, as it does where it is installed.
$(CLI) $(CLI_TWINS): $(CLI_SOURCES) $(RESTORED) $(COMMIT_STAMP)
	$(PUBLISH) src/Eml.Cli --no-restore -r linux-x64 -p:EmlIsa=$(ISA)
	@mkdir -p $(@D)
	@install -m 755 $(ARTIFACTS)/publish/Eml.Cli/release_$(ISA)/eml $@.new
	@install -m 644 $(ARTIFACTS)/publish/Eml.Cli/release_$(ISA)/eml.dbg $@.dbg
	@mv $@.new $@ && ln -sfn bin/eml build/eml

arm64: deps-arm64 $(ARM64) ## build/arm64/lib/libeml.so, with the cross compiler

# Artifacts of its own, and with them a restore of its own: packages differ between machines.
$(ARM64): $(LIBRARY_SOURCES) $(PROJECTS) $(COMMIT_STAMP)
	$(PUBLISH) src/Eml.Native -r linux-arm64 -p:ArtifactsPath=$(ARM64_ARTIFACTS)
	@mkdir -p $(@D)
	@install -m 755 $(ARM64_ARTIFACTS)/publish/Eml.Native/release_arm64/libeml.so $@.new
	@install -m 644 $(ARM64_ARTIFACTS)/publish/Eml.Native/release_arm64/libeml.so.dbg $@.dbg
	@mv $@.new $@ && ln -sf libeml.so $@.1

# ---------------------------------------------------------------------------------------------------- tests, examples

test: deps-test build arm64 build/stamps/tests ## every test in every language, once per instruction set
	@bash tests/all.sh

build/stamps/tests: $(TEST_SOURCES) $(RESTORED)
	dotnet build tests/Eml.Tests --no-restore -c Release -v quiet -clp:NoSummary
	@touch $@

run: deps-run build ## fit the measured data of NIST from C, reload the models in Rust and Python
	@bash examples/nist/run.sh

bench: build ## measure; JSON and the table of the README
	@bash tests/bench/run.sh

wheel: build ## a Python wheel that contains the library
	@python3 bindings/python/build_wheel.py

public-api: $(RESTORED) ## rewrite src/*/PublicAPI.Unshipped.txt from the code (after a change of public C#)
	@bash src/public-api.sh

# ---------------------------------------------------------------------------------------------------- installation

# What `install` writes and `uninstall` removes, under $(DESTDIR)$(PREFIX).
HWCAPS := lib/glibc-hwcaps/x86-64-v3 lib/glibc-hwcaps/x86-64-v4
INSTALLED := bin/eml $(CLI_TWINS:build/%=%) include/eml.h lib/pkgconfig/eml.pc \
	$(foreach dir,lib $(HWCAPS),$(dir)/libeml.so $(dir)/libeml.so.1) \
	lib/cmake/eml/eml-config.cmake lib/cmake/eml/eml-config-version.cmake \
	share/man/man1/eml.1 share/man/man3/eml.3 \
	share/doc/eml/LICENSE share/doc/eml/LICENSE-MIT share/doc/eml/LICENSE-APACHE share/doc/eml/LICENSE-THIRD-PARTY
OWN_FOLDERS := $(HWCAPS) lib/glibc-hwcaps $(patsubst build/%/eml,%,$(CLI_TWINS)) lib/eml lib/cmake/eml share/doc/eml
ROOT = $(DESTDIR)$(PREFIX)
REFRESH_LOADER = if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi
FILL_IN := sed 's|@VERSION@|$(VERSION)|g'

install: build ## install to PREFIX (/usr/local), below DESTDIR
	install -d $(addprefix $(ROOT)/,$(sort $(dir $(INSTALLED))))
	install -m 755 $(CLI) $(ROOT)/bin/eml
	for twin in $(CLI_TWINS:build/%=%); do install -m 755 build/$$twin $(ROOT)/$$twin || exit 1; done
	install -m 644 include/eml.h $(ROOT)/include/eml.h
	for dir in lib $(HWCAPS); do \
		install -m 755 build/$$dir/libeml.so $(ROOT)/$$dir/libeml.so.1 && \
		ln -sf libeml.so.1 $(ROOT)/$$dir/libeml.so || exit 1; \
	done
	$(FILL_IN) bindings/c/eml.pc.in > $(ROOT)/lib/pkgconfig/eml.pc
	$(FILL_IN) bindings/c/eml-config.cmake.in > $(ROOT)/lib/cmake/eml/eml-config.cmake
	$(FILL_IN) bindings/c/eml-config-version.cmake.in > $(ROOT)/lib/cmake/eml/eml-config-version.cmake
	$(FILL_IN) bindings/c/eml.1.in > $(ROOT)/share/man/man1/eml.1
	$(FILL_IN) bindings/c/eml.3.in > $(ROOT)/share/man/man3/eml.3
	install -m 644 LICENSE LICENSE-MIT LICENSE-APACHE LICENSE-THIRD-PARTY $(ROOT)/share/doc/eml
	@$(REFRESH_LOADER)

uninstall: ## remove what install wrote
	rm -f $(addprefix $(ROOT)/,$(INSTALLED))
	@for dir in $(OWN_FOLDERS); do \
		if [ -d $(ROOT)/$$dir ]; then rmdir --ignore-fail-on-non-empty $(ROOT)/$$dir; fi; \
	done
	@$(REFRESH_LOADER)

clean: ## remove everything that was built
	rm -rf build
	find bindings examples tests \( -name target -o -name __pycache__ \) -type d -prune -exec rm -rf {} +
