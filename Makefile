# `make` prints what there is.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PART := go run ./integration/parts/setup

.PHONY: help
help: ## print this
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

.PHONY: build
build: ## build bin/localmodel, static and stripped
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/localmodel ./cmd/localmodel

.PHONY: install
install: ## put localmodel into Go's bin directory
	CGO_ENABLED=0 go install -trimpath -ldflags "-s -w" ./cmd/localmodel

.PHONY: demo
demo: ## show the four tools on a small backlog
	@go run ./cmd/localmodel demo

# REASONS prints last, and short, what failed and why.
REASONS = echo "== what failed, of bin/test.log:"; grep -E '^ *--- FAIL|^ +[^ ]+_test\.go:[0-9]+:|^panic:|^FAIL.*/' bin/test.log \
	| grep -vE ': (log|measured): ' | cut -c1-300 | tail -40

# The race detector leaves out SQLite, which is C translated to Go: it makes it
# three times as slow, and a race in there would be none of ours.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

# A program with the race detector sleeps for a second at its end if not told otherwise.
export GORACE := atexit_sleep_ms=0

# The tests, with a HOME of their own. One package more than there are processors
# runs at a time: many tests wait for servers, which leaves a processor idle.
TESTS := go run ./integration/testkit/apart go test -p $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) $(RACE)

# go test begins packages in this order: the long ones first, so that none of them
# is left to run alone at the end.
PACKAGES := ./integration/... ./statestore/... ./tools/... ./...

.PHONY: test
test: setup ## all tests, against the real parts, which it sets up first
	@mkdir -p bin
	$(TESTS) -shuffle=on -timeout 30m $(PACKAGES) | tee bin/test.log || { $(REASONS); exit 1; }
	go -C integration/e2e/composetest test -count=1 ./...

# A part that cannot be made here skips its tests by name; what REQUIRE names
# must be there.
.PHONY: setup
setup: ## make or install the parts the tests run against (Ollama, a small model, ...)
	@$(PART) || test -z "$${REQUIRE:-}"

.PHONY: lint
lint: ## format, tidy, vet and build for each system, golangci-lint
	@test -z "$$(gofmt -l .)" || { echo "not formatted; run make fmt:"; gofmt -l .; exit 1; }
	go mod tidy -diff
	go -C integration/e2e/composetest vet ./...
	@export CGO_ENABLED=0; for os in linux darwin windows; do \
	  echo "vet and build for $$os"; \
	  GOOS=$$os go vet -trimpath ./... && GOOS=$$os go build -trimpath -o /dev/null ./cmd/localmodel || exit 1; done
	$$($(PART) -print golangci-lint) run ./...

.PHONY: fmt
fmt: ## format the code
	gofmt -w .

.PHONY: update
update: ## rewrite golden files and generated documents
	go test ./tools ./tools/ticket ./statestore/projection ./cmd/localmodel ./cmd/localmodel/clients ./integration/clients ./integration/e2e/faults -update

.PHONY: simulate
simulate: ## the quality guard against other policies, on histories of up to 2,000 tickets (1 min)
	go test ./routing/policy -run '^TestSimulation' -count=1 -v -timeout 30m -simulate

.PHONY: bench
bench: ## ours beside what one would pick instead, written to integration/BENCHMARKS.md (5 min)
	@$(PART) ollama node-mcp
	go run ./integration/bench

.PHONY: simulate-fleet
simulate-fleet: ## queueing, share answered locally and cost for 1 to 64 Ollama hosts and 1 to 500 users
	go run ./integration/bench/fleet

.PHONY: soak
soak: ## the journal under eight processes and 10,000 kills (7 min)
	LOCALMODEL_FULL=1 LOCALMODEL_KILLS=10000 go test ./statestore -run 'TestEightProcesses|TestKilled|TestCountersEqualNaiveModel' -count=1 -v -timeout 3h
	LOCALMODEL_FULL=1 go test ./tools ./cmd/localmodel -run TestObedientClient -count=1 -v
	LOCALMODEL_FULL=1 go test ./integration/e2e/attacks ./tools/ticket -run 'Hostile' -count=1 -v -timeout 1h
	LOCALMODEL_SWAPS=5000 go test ./internal/rootfs ./integration/e2e/attacks -run SwapRace -count=1 -v -timeout 1h

SEEDS := 1 2 3
.PHONY: stress
stress: ## the tests under SEEDS (1 2 3) beside programs that take all cores, and once on one core (40 min)
	@$(PART) stress-ng
	@mkdir -p bin
	@stress() { echo "== seed $$1, $$2"; $${3:-} $(TESTS) -count=1 -shuffle=$$1 -timeout 1h $(PACKAGES) 2>&1 | tee bin/test.log \
	    || { echo "== failed: seed $$1, $$2"; $(REASONS); exit 1; }; }; \
	stress-ng --quiet --cpu 4 & trap "kill $$!" EXIT; \
	for seed in $(SEEDS); do stress $$seed "beside stress-ng"; done; \
	kill $$!; trap - EXIT; \
	stress 1 "on one core" "taskset -c 0"

.PHONY: measure
measure: ## what compares durations: the journal, the scan for secrets, a second ticket, a fleet beside its simulation, start and memory
	LOCALMODEL_MEASURE=1 go test ./statestore -run TestMeasure -count=1 -v -timeout 1h
	LOCALMODEL_MEASURE=1 go test ./internal/secrets -run TestMeasure -count=1 -v
	LOCALMODEL_MEASURE=1 go test ./integration/e2e/silence -run SecondTicket -count=1 -v
	LOCALMODEL_MEASURE=1 go test ./integration/bench/fleetsim -run RealFleet -count=1 -v
	LOCALMODEL_MEASURE=1 go test ./integration/e2e/transport -run TestFigures -count=1 -v

.PHONY: proxies
proxies: ## what the program does, against each version of LiteLLM in its locks (20 min), into integration/litellm/VERSIONS.md
	@$(PART) ollama litellm litellm-1.89 litellm-1.83
	go run ./integration/testkit/litellmtest/versions

CLIENTS := claude-code codex gemini-cli copilot-cli opencode python-sdk typescript-sdk inspector
.PHONY: clients
clients: ## install and drive real clients offline, against a stub of their model, and compare integration/clients/CLIENTS.md (4 min)
	@$(PART) $(CLIENTS)
	REQUIRE=$$(echo $(CLIENTS) | tr ' ' ,) go test ./integration/clients ./integration/e2e/inspector -count=1 -v -timeout 1h

.PHONY: smol
smol: ## 60 labelled tickets through a real, weak language model (20 min)
	LOCALMODEL_SMOL=all go test ./integration/e2e/smol ./integration/e2e/demo -count=1 -v -timeout 2h

.PHONY: eval-proof
eval-proof: ## eval of 60 tickets by three models, interrupted and resumed (3 min)
	EVAL_FULL=1 REQUIRE=litellm,ollama,smollm go test ./integration/e2e/commands -run OfARealModel -count=1 -v -timeout 2h

.PHONY: windows
windows: ## the program of Windows under Wine: journal, kill, two servers, paths and shares (4 min)
	@$(PART) wine
	REQUIRE=wine go test ./integration/e2e/wine -count=1 -v

.PHONY: pages
pages: ## screenshots of the HTML pages into bin/pages
	mkdir -p bin/pages
	PAGES_DIR=$(CURDIR)/bin/pages REQUIRE=chromium,ollama go test ./integration/e2e/pages -count=1

.PHONY: fuzz
fuzz: ## look for crashes, FUZZTIME (5m) each
	@grep -rlE '^func Fuzz' --include=*_test.go . | while read -r f; do \
	  for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+).*/\1/p' "$$f"); do \
	    echo "== $$name in $$(dirname $$f)"; go test "$$(dirname $$f)" -run '^$$' -fuzz "^$$name\$$" -fuzztime "$${FUZZTIME:-5m}"; \
	  done; done

COMMA := ,
RELEASE := release --clean --config integration/release/goreleaser.yaml
# runs GoReleaser with $(1), beside the program that writes the bills of materials
goreleaser = rm -rf bin/release && tools=$$($(PART) -print goreleaser cyclonedx-gomod) && IFS=$$'\n' && set -- $$tools && \
	PATH="$$(dirname "$$2"):$$PATH" "$$1" $(RELEASE) $(1) && \
	bin/release/tool verify -bundles bin/release/bundles dist

.PHONY: snapshot
snapshot: ## build a release of this commit into dist/, published nowhere, and look at all of it
	$(call goreleaser,--snapshot --skip=docker$(COMMA)sign)

.PHONY: release
release: ## publish a draft release of the tag that is checked out (the release workflow calls it)
	$(call goreleaser)
	go run ./integration/release registry -version "$$(git describe --exact-match --tags | sed s/^v//)" -bundles bin/release/bundles -out dist/server.json

.PHONY: tag
tag: ## tag VERSION and push the tag, from which the release workflow publishes
	@test -z "$$(git status --porcelain)" || { echo "commit first: the tree differs from HEAD"; exit 1; }
	@grep -q "^## \[$(VERSION)\]" CHANGELOG.md || { echo "CHANGELOG.md has no section [$(VERSION)]"; exit 1; }
	go test ./integration/release -run 'Version|Workflow' -count=1
	git tag -a "v$(VERSION)" -m "localmodel $(VERSION)"
	git push origin "v$(VERSION)"

# A version with a dash is a pre-release, which npm must not call latest.
.PHONY: publish-npm
publish-npm: ## publish the npm packages that make release built (the release workflow calls it)
	cd bin/release/npm && for dir in localmodel-* localmodel; do \
	  case "$$(node -p "require('./$$dir/package.json').version")" in *-*) tag=next ;; *) tag=latest ;; esac; \
	  npm publish "./$$dir" --provenance --tag "$$tag"; done

REGISTRY := go run github.com/modelcontextprotocol/registry/cmd/publisher@v1.8.9
.PHONY: publish-registry
publish-registry: ## publish the MCP registry's entry that make release wrote (the release workflow calls it)
	$(REGISTRY) login github-oidc
	$(REGISTRY) publish dist/server.json
