# `make` prints what there is.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PART := go run ./integration/parts/setup

.PHONY: help
help: ## print this
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: build
build: ## build bin/localmodel, static and stripped
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/localmodel ./cmd/localmodel

.PHONY: install
install: ## put localmodel into Go's bin directory
	CGO_ENABLED=0 go install -trimpath -ldflags "-s -w" ./cmd/localmodel

.PHONY: demo
demo: ## show the four tools on a small backlog
	@go run ./cmd/localmodel demo

.PHONY: test
test: setup check ## everything: set-up, checks, and all tests against the real parts
	go test -race -shuffle=on -timeout 30m ./...

# A part that cannot be made here skips its tests by name; what REQUIRE names
# must be there.
.PHONY: setup
setup: ## make or install the parts the tests run against (Ollama, a small model, ...)
	@$(PART) || test -z "$${REQUIRE:-}"

.PHONY: check
check: ## format, vet, lint, tidy, and that it builds for each system
	@test -z "$$(gofmt -l .)" || { echo "not formatted; run make fmt:"; gofmt -l .; exit 1; }
	go vet ./...
	$$($(PART) -print golangci-lint) run ./...
	go mod tidy -diff
	@for os in linux darwin windows; do echo "build for $$os"; GOOS=$$os CGO_ENABLED=0 go build -o /dev/null ./cmd/localmodel; done

.PHONY: fmt
fmt: ## format the code
	gofmt -w .

.PHONY: update
update: ## rewrite golden files and generated documents
	go test ./tools/... ./cmd/... -update

.PHONY: fuzz
fuzz: ## look for crashes, FUZZTIME (5m) each
	@grep -rlE '^func Fuzz' --include=*_test.go cmd tools routing statestore prompts | while read -r f; do \
	  for name in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+).*/\1/p' "$$f"); do \
	    echo "== $$name in $$(dirname $$f)"; go test "./$$(dirname $$f)" -run '^$$' -fuzz "^$$name\$$" -fuzztime "$${FUZZTIME:-5m}"; \
	  done; done

RELEASE := goreleaser release --clean --config integration/release/goreleaser.yaml
.PHONY: snapshot
snapshot: ## build a release of this commit into dist/, published nowhere (needs goreleaser and syft)
	rm -rf bin/release
	$(RELEASE) --snapshot --skip=docker

.PHONY: release
release: ## publish a draft release of the tag that is checked out (the release workflow calls it)
	rm -rf bin/release
	$(RELEASE)
	go run ./integration/release registry -version "$$(git describe --exact-match --tags | sed s/^v//)" -bundles bin/release/bundles -out dist/server.json
