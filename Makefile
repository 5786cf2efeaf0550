VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO      := CGO_ENABLED=0 go
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: build
build: ## the static binary bin/pve-iplease
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/pve-iplease ./hookscript
