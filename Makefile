# `make help` lists what there is. Everything that a target needs and that is
# not on the machine yet is installed by the target itself, under .cache/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN     := bin/sensocto
CACHE   := .cache
PYTHON  := $(CACHE)/venv/bin/python
GOFLAGS_BUILD := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

# The database of known vulnerabilities, or a mirror of it.
VULNERABILITIES ?= https://vuln.go.dev

# make fuzz T=./phx:FuzzDecodeFrame D=1m
T ?= ./phx:FuzzDecodeFrame
D ?= 30s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build and start the server with demo sensors; prints the URL
	@scripts/run.sh

.PHONY: build
build: ui ## build bin/sensocto
	@mkdir -p bin
	go build $(GOFLAGS_BUILD) -o $(BIN) ./cmd/sensocto

.PHONY: ui
ui: web/ui/dist/index.html ## build the web app that bin/sensocto serves

# Whatever the app is made of; a change of any of it builds it again.
UI_SOURCES := $(shell git ls-files -co --exclude-standard web/ui web/client | grep -v '_test\.go$$\|\.test\.ts$$\|\.go$$\|/e2e/')

web/ui/dist/index.html: web/node_modules/.package-lock.json $(UI_SOURCES)
	cd web/ui && npx vite build --logLevel warn
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

.PHONY: sidecar
sidecar: bin/sensocto-sidecar ## build bin/sensocto-sidecar, through which rooms are shared with other servers (Rust)

# Its tests are no part of it.
bin/sensocto-sidecar: $(shell git ls-files -co --exclude-standard sidecar | grep -v '/tests/')
	@scripts/sidecar.sh build

.PHONY: sidecar-begin
sidecar-begin: # in the background: a cold build takes minutes
	@scripts/sidecar.sh begin

.PHONY: test-sidecar
test-sidecar: ## the sidecar alone, and rooms of two servers through it
	@echo "== the sidecar"
	@code=0; scripts/sidecar.sh wait || code=$$?; case $$code in \
	0) $(MAKE) --no-print-directory sidecar && scripts/sidecar.sh test && go test -race -timeout 20m ./p2p && go test -race -timeout 20m -run P2P ./cmd/sensocto ;; \
	3) ;; \
	*) exit 1 ;; esac

.PHONY: ui-dev
ui-dev: web/node_modules/.package-lock.json ## the web app with hot reloading, beside a running server (SENSOCTO_SERVER)
	cd web/ui && npx vite

.PHONY: test-ui
test-ui: ui ## check the types of the web app and test its parts
	@echo "== the web app"
	cd web/ui && npx svelte-check --fail-on-warnings --tsconfig ./tsconfig.json && npx vitest run

.PHONY: test-browser
test-browser: build chromium bluetooth ## the web app in Chromium against the real program
	@echo "== the web app in Chromium"
	cd web/ui && npx tsc --noEmit -p e2e
	@if scripts/chromium.sh find; then cd web/ui && \
	  npx playwright test -c e2e/playwright.config.ts --project together --workers 2 && \
	  npx playwright test -c e2e/playwright.config.ts --project alone; fi

.PHONY: screenshots
screenshots: build chromium ## pictures of each page, light, dark and phone, in .cache/screenshots; three of them for the README, in docs/pictures
	cd web/ui && SENSOCTO_PICTURES=1 npx playwright test -c e2e/playwright.config.ts pages && node e2e/pictures.mjs

.PHONY: lighthouse
lighthouse: build chromium $(CACHE)/lighthouse/node_modules ## scores of the main pages in Lighthouse; wants an idle machine
	node web/ui/e2e/lighthouse.mjs

$(CACHE)/lighthouse/node_modules:
	npm install --prefix $(CACHE)/lighthouse --no-audit --no-fund --save-exact lighthouse@12.8.2
	@touch $@

.PHONY: test
test: sidecar-begin ui vet postgres network chromium test-go test-ui test-files test-e2e test-client test-sidecar test-browser ## install what is missing and run every test

.PHONY: vet
vet: ui
	@echo "== vet"
	@test -z "$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go'))" || { echo "not formatted (run make fmt):"; gofmt -l $$(git ls-files -co --exclude-standard '*.go'); exit 1; }
	go vet ./...
	go vet -tags no_ui ./web/...
	for os in darwin windows; do GOOS=$$os go build ./client ./load ./socket/outbound; done # what is written for each system

.PHONY: test-go
test-go: ui ## the quick inner loop: the Go tests, no network
	@echo "== Go tests"
	@if [ "$${SENSOCTO_TEST_POSTGRES:-}" != off ] && ! scripts/postgres.sh find >/dev/null; then \
	  echo "PostgreSQL is not installed ('make test' installs it): its tests are skipped"; export SENSOCTO_TEST_POSTGRES=off; fi; \
	go test -race -shuffle=on -timeout 20m ./...

.PHONY: postgres
postgres:
	@[ "$${SENSOCTO_TEST_POSTGRES:-}" = off ] || scripts/postgres.sh install >/dev/null

.PHONY: network
network:
	@scripts/network.sh

.PHONY: bluetooth
bluetooth:
	@scripts/bluetooth.sh

.PHONY: chromium
chromium:
	@scripts/chromium.sh

.PHONY: test-files
test-files: $(CACHE)/venv/installed ## exchange files with other people's software, both ways
	@echo "== files of wfdb, pyedflib and pyarrow, both ways"
	SENSOCTO_PYTHON=$(abspath $(PYTHON)) go test -race -count=1 -run Foreign ./recording ./cmd/sensocto

.PHONY: test-e2e
test-e2e: build e2e/node_modules/.package-lock.json ## the real program, driven by the official Phoenix client
	@echo "== end to end with the phoenix package"
	cd e2e && npx vitest run && npx tsc --noEmit

.PHONY: test-client
test-client: build web/node_modules/.package-lock.json ## the TypeScript client: its outbox, and all of it against the real program
	@echo "== the TypeScript client"
	cd web/client && npx vitest run && npm run -s check

.PHONY: fmt
fmt: ## format the Go source
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')

.PHONY: check
check: vet ## format, lint, known vulnerabilities; says what it skipped
	go tool -modfile=tools/go.mod staticcheck ./...
	@$(MAKE) --no-print-directory vulnerabilities

.PHONY: vulnerabilities
vulnerabilities: ## look for known vulnerabilities of what is linked
	@if curl -sfo /dev/null --max-time 5 $(VULNERABILITIES)/index/db.json; then \
	  go tool -modfile=tools/go.mod govulncheck -db $(VULNERABILITIES) ./...; echo "check: nothing was skipped"; \
	else echo "check: SKIPPED known vulnerabilities (govulncheck): $(VULNERABILITIES) is out of reach. No release before a run that skips nothing."; fi

.PHONY: fuzz
fuzz: ## one fuzz target for a while: make fuzz T=./phx:FuzzDecodeFrame D=1m
	go test -run '^$$' -fuzz '^$(lastword $(subst :, ,$(T)))$$' -fuzztime $(D) -fuzzminimizetime 20x $(firstword $(subst :, ,$(T)))

.PHONY: hostile
hostile: ## attack a server under a memory limit, and hold its acknowledgements to 200 ms; wants an idle machine
	SENSOCTO_TEST_IDLE=1 go test -count=1 -run HostileClients -v ./cmd/sensocto

.PHONY: soak
soak: ## kill a server, its disk and its database under load a few thousand times: make soak KILLS=2000
	SOAK_KILLS=$(or $(KILLS),2000) go test -count=1 -run 'Killed(AgainAndAgain|OnAFullDisk)' -timeout 0 -v ./cmd/sensocto

.PHONY: test-idle
test-idle: build chromium ## charts and calls in Chromium with their limits of time asserted, and calls of eight; wants an idle machine
	cd web/ui && SENSOCTO_TEST_IDLE=1 npx playwright test -c e2e/playwright.config.ts --project alone

.PHONY: soak-cut
soak-cut: build chromium ## networks that are cut for minutes in mid-stream, in Chromium: make soak-cut MINUTES=10
	cd web/ui && CUT=$$((60 * $(or $(MINUTES),10))) npx playwright test -c e2e/playwright.config.ts --project together '/network.spec'

.PHONY: soak-call
soak-call: build chromium ## a relayed call of the app in Chromium beside sensors that stream, with what server and pages hold: make soak-call MINUTES=30
	cd web/ui && CALL_MINUTES=$(or $(MINUTES),30) npx playwright test -c e2e/playwright.config.ts calls-soak

.PHONY: golden
golden: web/node_modules/.package-lock.json ## rewrite the golden files, and what is generated from them
	go test $$(grep -rl '"update"' --include='*_test.go' . | xargs -n1 dirname | sort -u) -update
	cd web/client && npm run -s generate

.PHONY: bench
bench: build ## micro-benchmarks against bench/base.txt, then every load scenario
	bench/run.sh

.PHONY: release
release: ui sidecar ## archives with checksums in dist/: both programs for this platform, the server alone for others (PLATFORMS="linux/amd64 …")
	@VERSION=$(VERSION) scripts/release.sh $(PLATFORMS)

.PHONY: clean
clean: ## remove what was built and installed here
	rm -rf bin dist $(CACHE) e2e/node_modules web/node_modules web/ui/dist web/client/dist

$(CACHE)/venv/installed: recording/testdata/requirements.txt
	@scripts/python-venv.sh $(CACHE)/venv $<
	@touch $@

e2e/node_modules/.package-lock.json: e2e/package-lock.json
	cd e2e && npm ci --no-audit --no-fund
	@touch $@
