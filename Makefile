# kiter. `make run` and `make test` are all that a new machine needs; `make help` lists the rest.

SWIFT    ?= swift
PREFIX   ?= /usr/local
DESTDIR  ?=
# New tables are found only when the build is planned anew.
PLAN      = --disable-build-manifest-caching
RELEASE   = $(PLAN) -c release --scratch-path .build-release \
            -Xswiftc -static-executable -Xswiftc -cross-module-optimization \
            -Xswiftc -use-ld=lld -Xlinker -s -Xlinker --no-eh-frame-hdr \
            -Xlinker -T -Xlinker "$(CURDIR)/packaging/kiter.ld"
UNITS     = $(PREFIX)/lib/systemd/system
SHARE     = $(DESTDIR)$(PREFIX)/share
BINARY    = .build-release/release/kiter
AS_ROOT   = $(if $(filter-out 0,$(shell id -u)),sudo)
SOURCES   = Package.swift Sources Tests Examples Benchmarks

.PHONY: help run test check docc fuzz bench build exporter lint format readme man install install-exporter \
        dist check-dist deb check-deb \
        check-fleet image check-image test-kernels new-iterator clean deps test-deps bpffs

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build bpffs ## Build the release binary and print the tasks of this host
	@$(AS_ROOT) $(BINARY) tasks

test: build test-deps bpffs ## Run every test (needs root: the kernel's are real)
	$(SWIFT) test $(PLAN) --disable-xctest

check: lint ## What CI runs: lint, build with warnings as errors, all tests, DocC
	KITER_KERNEL_TESTS=require $(MAKE) test
	scripts/make-docc .build/docc

docc: ## Documentation of the libraries into .build/docc
	$(SWIFT) build $(PLAN)
	scripts/make-docc .build/docc

fuzz: deps ## Feed what takes foreign bytes with any bytes (libFuzzer): SECONDS=60 TARGETS="records types"
	scripts/fuzz $(or $(SECONDS),60) $(TARGETS)

bench: build test-deps bpffs ## Measure beside other programs, write docs/benchmarks.md: QUICK=1, CASES=a,b
	$(SWIFT) build $(RELEASE) --product kiter-bench
	$(SWIFT) build $(RELEASE) --product kiter-fixture
	@$(AS_ROOT) $(dir $(BINARY))kiter-bench --kiter $(abspath $(BINARY)) \
	  --fixture $(abspath $(dir $(BINARY))kiter-fixture) \
	  $(if $(CASES),--cases $(CASES)) $(if $(QUICK),--quick) \
	  $(if $(QUICK)$(CASES)$(OUTPUT),$(if $(OUTPUT),--output $(OUTPUT)),--output docs)

build: deps ## Build the release binary: static, stripped
	$(SWIFT) build $(RELEASE) --product kiter

exporter: deps ## Build kiter-exporter, static and stripped, too
	$(SWIFT) build $(RELEASE) --product kiter-exporter

lint: ## Check the format of all Swift
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

format: ## Format all Swift
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

readme: ## Write the README's list of tables from the schemas
	RECORD_README=1 $(SWIFT) test $(PLAN) --disable-xctest --filter ReadmeTests

man: build ## Write a man page for each command into .build-release/man
	$(SWIFT) build $(RELEASE) --product generate-manual
	scripts/man-pages .build-release/release/generate-manual $(abspath $(BINARY)) .build-release/man

install: man ## Install into PREFIX (/usr/local) below DESTDIR; no service is enabled
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/kiter
	install -d $(SHARE)/man/man1 $(SHARE)/bash-completion/completions \
	  $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	install -m 644 .build-release/man/*.1 $(SHARE)/man/man1
	$(BINARY) --generate-completion-script bash | sed '1{/^#!/d}' \
	  >$(SHARE)/bash-completion/completions/kiter
	$(BINARY) --generate-completion-script zsh >$(SHARE)/zsh/site-functions/_kiter
	$(BINARY) --generate-completion-script fish >$(SHARE)/fish/vendor_completions.d/kiter.fish
	install -d $(SHARE)/kiter/bpf
	install -m 644 bpf/*.h bpf/LICENSE $(SHARE)/kiter/bpf
	install -m 644 schemas/meta/schema.json $(SHARE)/kiter
	install -d $(DESTDIR)$(UNITS)
	sed 's|@PREFIX@|$(PREFIX)|' systemd/kiter-pin.service.in >$(DESTDIR)$(UNITS)/kiter-pin.service
	chmod 644 $(DESTDIR)$(UNITS)/kiter-pin.service
	install -D -m 644 systemd/kiter.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/kiter.conf

install-exporter: exporter ## Install kiter-exporter with its metrics; no service is enabled
	install -D -m 755 $(dir $(BINARY))kiter-exporter $(DESTDIR)$(PREFIX)/bin/kiter-exporter
	install -d $(SHARE)/kiter/metrics $(SHARE)/man/man1
	install -m 644 metrics/*.sql $(SHARE)/kiter/metrics
	install -m 644 docs/kiter-exporter.1 $(SHARE)/man/man1
	install -d $(DESTDIR)$(UNITS)
	sed 's|@PREFIX@|$(PREFIX)|g' systemd/kiter-exporter.service.in \
	  >$(DESTDIR)$(UNITS)/kiter-exporter.service
	chmod 644 $(DESTDIR)$(UNITS)/kiter-exporter.service

dist: ## Release of the last commit into dist/: source, binary, sums; the same bytes wherever
	scripts/make-dist dist

check-dist: ## Make the release twice, and compare
	scripts/check-dist

deb: ## Debian package into dist/ (check-deb: use it in fresh trees of Debian 12 and 13)
	@scripts/install-packages debhelper
	scripts/make-deb

check-deb:
	scripts/check-deb

check-fleet: test-deps ## Load three hosts into DuckDB and ClickHouse (fetches 800 MB)
	@scripts/python-packages .build-python Tests/Fleet/clickhouse.txt
	$(SWIFT) test $(PLAN) --disable-xctest --filter FleetTests

image: build ## OCI image with the static executable into dist/ (check-image: run it)
	scripts/make-image

check-image:
	scripts/check-image

test-kernels: build ## Run the kernel tests on other kernels in qemu, and write docs/kernels.md
	$(SWIFT) build $(PLAN) --build-tests
	@scripts/install-packages qemu-system-x86 busybox-static cpio xz-utils
	scripts/test-kernels

new-iterator: ## Write both files of a new table: NAME=things ITER=kernel_target
	@scripts/new-iterator "$(NAME)" "$(ITER)"

clean: ## Remove what was built
	rm -rf .build .build-release .build-vm .build-python .build-debian dist

deps:
	@scripts/install-packages libbpf-dev libelf-dev zlib1g-dev libsqlite3-dev libedit-dev libbpf-tools

test-deps: deps
	@scripts/install-packages bpftool curl fish groff iproute2 lsof procps prometheus python3-venv \
	  sqlite3 strace tmux util-linux zsh
	@scripts/python-packages .build-python Tests/Fleet/requirements.txt

bpffs:
	@scripts/mount-bpffs
