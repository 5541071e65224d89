# Everything a contributor runs. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

export CGO_ENABLED ?= 0

# The pattern ./... leaves every folder named "vendor" out, also our package of that name.
PACKAGES := ./... ./internal/market/vendor

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help build test check race bench torture simulate simbugs lint generate assets clauses schema

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/yunshi, one static binary
	go build -trimpath -o bin/yunshi ./cmd/yunshi

test: ## everything CI runs: installs PostgreSQL and Chromium on Debian when missing
	scripts/test.sh

check: ## quick: vet and the tests that need neither PostgreSQL nor a browser
	go vet $(PACKAGES)
	go test -short -timeout 5m $(PACKAGES)

race: ## the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 scripts/with-postgres.sh go test -race -p 2 -timeout 30m $(PACKAGES)

bench: ## measure: purchases beside pgbench, search over a large catalogue, start, memory
	scripts/bench.sh

torture: ## kill, cut and fill two nodes and PostgreSQL while clients buy; compare with the provider's journal
	scripts/torture.sh

simulate: ## a thousand made-up markets, their money checked after every transaction (minutes)
	go run ./cmd/yunshi simulate --seed $$(date +%s) --seeds 1000 --least 100

simbugs: ## plant each known bug into copies of the sources and count the seeds until the simulation notices
	scripts/simbugs.sh

lint: ## golangci-lint at the pinned version
	go run $(GOLANGCI_LINT) run $(PACKAGES)

generate: ## Go code from the templ files
	scripts/generated.sh write

assets: generate ## style sheet and vendored scripts, into internal/edge/page/static
	scripts/assets.sh write

clauses: ## docs/clauses.md and the index of yunshi clause, from the sources
	YUNSHI_UPDATE=1 go test -count=1 -run TestTheIndexIsCurrent ./internal/edge/cli/clauseindex

schema: ## the dumped schema of both engines, after a migration was added
	YUNSHI_UPDATE=1 scripts/with-postgres.sh go test -count=1 -run 'TestSchema' ./internal/arch
