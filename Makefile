# 'make test' and 'make demo' need nothing but Go; 'make check' also needs a C
# compiler, for the race detector, and shellcheck.

VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFUMPT   := mvdan.cc/gofumpt@v0.11.0
STATIC    := honnef.co/go/tools/cmd/staticcheck@v0.7.0
TESTFLAGS :=
# Proxmox's API speaks HTTP/1; without HTTP/2 what asks it is 360 kB smaller.
TAGS      := nethttpomithttp2
FUZZTIME  := 5s

# The version is stamped by the linker, not by go's look at the repository,
# which fails in a checkout that belongs to somebody else. Paths are trimmed in
# whatever is made, so that nothing is compiled twice.
export GOFLAGS := $(GOFLAGS) -buildvcs=false -trimpath
export CGO_ENABLED := 0

# The benchmarks are a module of their own: what they draw charts with is
# nothing that the rest depends on.
MODULES := . scripts/bench
each     = @set -e; for module in $(MODULES); do (cd $$module && set -x && $(1)); done
suite    = go build -o bin/suite ./scripts/suite && bin/suite

.PHONY: structure help go build program test test-vm gc check fmt vet static shells vuln race fuzz soak bench gobench cover demo deb test-deb clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

go:
	@scripts/need-go

program: go
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/pve-iplease ./hookscript

build: program ## the static binary bin/pve-iplease, and beside it what it asks Proxmox's API through
	go build -tags $(TAGS) -ldflags '-s -w -X main.version=$(VERSION)' -o bin/pve-iplease-api ./hookscript/pve-iplease-api

test: go ## all tests; as root, or where user namespaces are allowed, only those are skipped whose other program is missing
	@$(suite) -timeout 10m $(TESTFLAGS)

test-vm: ## the tests that need Debian's kernel, in a virtual machine; ONLY=REGEX some
	@scripts/vm/run '$(or $(ONLY),.)'

# What nobody keeps is closed at once, so that nothing lives by luck.
gc: program ## the demo and the tests with the garbage collector never at rest
	@go build -o bin/demo ./scripts/demo && GOGC=1 bin/demo >bin/demo.log || { cat bin/demo.log; exit 1; }
	@$(suite) -exec 'env GOGC=1' -short -timeout 20m $(TESTFLAGS)

check: fmt vet static shells vuln structure race ## format, vet, staticcheck, shellcheck, known vulnerabilities, and the tests under the race detector

fmt:
	@out=$$(go run $(GOFUMPT) -l .) && if [ -n "$$out" ]; then echo "not as gofumpt has it:"; echo "$$out"; exit 1; fi

# The tests of the package have a tag.
vet:
	$(call each,go vet -tags deb ./...)

static:
	$(call each,go run $(STATIC) -tags deb -checks=all ./...)

shells:
	scripts/shells

vuln: ## known vulnerabilities in what the programs are made of, where their modules can be had
	@scripts/vuln

structure: ## how well the house can be read: arrows against the reading order, methods of a type, lengths
	@go run ./scripts/structure

race:
	@CGO_ENABLED=1 && export CGO_ENABLED && $(suite) -race -timeout 20m $(TESTFLAGS)

fuzz: ## every fuzz target for FUZZTIME (5s)
	@scripts/fuzz $(FUZZTIME)

soak: ## the storm on four nodes for MINUTES (10)
	go test -count 1 -v -timeout 0 -run TestFederationStorm ./internal/hook -storm.minutes=$(or $(MINUTES),10)

# BENCHFLAGS: see bin/bench -help. All of it takes long.
bench: build ## beside DHCP, ping, arping, nmap, arp-scan: bench-results/results.md
	@go build -C scripts/bench -o ../../bin/bench . && bin/bench -install && exec bin/bench $(BENCHFLAGS)

gobench: ## the benchmarks of the code itself
	go test -run '^$$' -bench . -benchmem ./...

cover: ## the tests' coverage, a line a function
	go test -coverpkg=./internal/... -coverprofile=bin/cover.out ./... && go tool cover -func=bin/cover.out

demo: program ## the main job, on a network made of namespaces
	@go build -o bin/demo ./scripts/demo && exec bin/demo

deb: ## the Debian packages dist/pve-iplease_*.deb, for amd64 and arm64
	packaging/deb

# As root; needs mmdebstrap, lintian, shellcheck, qemu-user-static.
test-deb: ## the package's life on two Debian releases, as root
	packaging/test $(TESTFLAGS)

clean: ## remove what was made
	rm -rf bin dist bench-results
