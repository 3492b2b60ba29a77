# Zgoda. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
DATA     ?= data
BIN      := bin
LINT     := $(BIN)/golangci-lint
PACKAGES := ./...

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: need-go engine build ## Set everything up and run the main job: gateway, keyholder and embedded ClickHouse with the demo site
	$(BIN)/zgoda up --demo --data $(DATA)

.PHONY: build
build: need-go $(BIN)/zgoda.pgo ## Build the four binaries into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -pgo=$(BIN)/zgoda.pgo -o $(BIN)/ ./cmd/zgoda ./cmd/zgoda-keyholder ./cmd/zgoda-kek ./cmd/zgoda-clickhouse

# The calls that take the most time, as the compiler reads them (docs/decisions/0024).
$(BIN)/zgoda.pgo: bench/hot/zgoda.txt
	@mkdir -p $(BIN)
	@$(GO) run ./bench/hot pprof < $< > $@.new && mv $@.new $@

.PHONY: engine
engine: need-npm node_modules/.package-lock.json ## Fetch the embedded engine's library and the country base (npm)

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@ls node_modules/@chdb/*/libchdb.* >/dev/null 2>&1 || { echo "npm fetched no ClickHouse engine for this system (there are ones for Linux with glibc and macOS, x64 and arm64); check the network, or use a ClickHouse of your own: bin/zgoda up --clickhouse DSN" >&2; exit 1; }
	@touch $@

# How many tests with a whole system of their own run side by side: they wait more than they work.
STACKS ?= 3

.PHONY: test
test: need-go engine build debian ## Set up what the tests need and run all of them
	$(GO) test -timeout 24m -parallel $(STACKS) $(PACKAGES)

.PHONY: apptest
apptest: need-go engine build debian ## Run only the black-box tests with real binaries, engine and browser
	$(GO) test -timeout 24m -parallel $(STACKS) -count=1 -v ./apptest/...

.PHONY: race
race: need-go engine build debian ## Run the tests with the race detector, and the binaries built with it under load
	$(GO) test -race -timeout 40m -parallel $(STACKS) $(PACKAGES)

KILLTIME ?= 10m
.PHONY: kill
kill: need-go engine build ## Kill the three processes every few seconds under load for KILLTIME (default 10m); count what was lost or doubled
	ZGODA_KILL_TIME=$(KILLTIME) $(GO) test -timeout 24h -count=1 -v -run '^TestI4AnAnswerIsAPromise$$' ./apptest

.PHONY: long
long: need-go engine build debian ## Run what is shortened in other runs: kills at each point of an erasure
	ZGODA_KILLS=all $(GO) test -timeout 60m -count=1 -v -run '^TestErasureKilled$$' ./apptest

.PHONY: lint
lint: need-go $(LINT) ## Check formatting and run the pinned linters
	$(LINT) fmt --diff
	$(LINT) run

.PHONY: fmt
fmt: need-go $(LINT) ## Format the code
	$(LINT) fmt

$(LINT): tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	@echo "building the pinned golangci-lint (about three minutes, once)"
	cd tools && $(GO) build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

FUZZTIME ?= 5s
.PHONY: fuzz
fuzz: need-go ## Fuzz every target for FUZZTIME (default 5s) each
	@./tools/fuzz.sh $(FUZZTIME)

.PHONY: bench bench-quick
bench: need-go engine build $(BIN)/bench ## Measure everything beside servers that do less, about ten minutes; writes bench/results/
	$(BIN)/bench full

bench-quick: need-go engine build $(BIN)/bench ## Measure single events and batches of 100 only, about 90 seconds; writes nothing
	$(BIN)/bench quick -results ''

.PHONY: hot
hot: need-go engine build $(BIN)/bench ## Measure anew which calls take the most time, for the compiler; rewrites bench/hot/zgoda.txt
	$(BIN)/bench train $(BIN)/cpu.pprof
	$(GO) run ./bench/hot text < $(BIN)/cpu.pprof > bench/hot/zgoda.txt

SOAKTIME ?= 1h
.PHONY: soak
soak: need-go engine build $(BIN)/bench ## Mixed load for SOAKTIME (default 1h) while processes are killed; fails when something grows or is lost
	$(BIN)/bench soak -time $(SOAKTIME)

.PHONY: $(BIN)/bench
$(BIN)/bench:
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -trimpath -o $@ ./bench/run

.PHONY: bench-schema
bench-schema: need-go engine build ## Measure the table of events beside variants of it (about half an hour); writes bench/results/
	$(GO) run ./bench/schema

.PHONY: generate
generate: need-go ## Regenerate generated files (protocol, snippet, dashboards, docs/metrics.md)
	@command -v protoc >/dev/null || { echo "protoc is needed and was not found: apt-get install protobuf-compiler, then run make again" >&2; exit 1; }
	$(GO) generate $(PACKAGES)

.PHONY: check
check: lint race ## Formatting, lint, race tests, generated files unchanged, modules tidy
	$(MAKE) generate
	git diff --exit-code
	$(GO) mod tidy -diff
	cd tools && $(GO) mod tidy -diff

.PHONY: vuln
vuln: need-go ## Look for known vulnerabilities (needs a network that reaches the Go vulnerability database)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 $(PACKAGES)

.PHONY: clean
clean: ## Remove what was built; data/ and node_modules/ stay
	rm -rf $(BIN)

# What a machine must have, in words when it has not.
.PHONY: need-go need-npm debian
need-go:
	@command -v $(GO) >/dev/null || { echo "Go 1.26 or newer is needed and 'go' was not found: install Go, then run make again" >&2; exit 1; }
	@command -v git >/dev/null || { echo "git is needed and was not found: install git, then run make again" >&2; exit 1; }

need-npm:
	@command -v npm >/dev/null || { echo "Node.js with npm is needed to fetch the embedded engine, and 'npm' was not found: install Node.js 20 or newer, then run make again" >&2; exit 1; }

debian:
	@./tools/debian.sh
