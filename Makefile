.DEFAULT_GOAL := help
SHELL := /bin/sh

# Node 24 comes with the workspace's npm packages, whatever the machine's own version is.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help
help: ## Show these targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what the machine lacks (run by the others)
	@sh scripts/bootstrap.sh $(PURPOSE)

.PHONY: demo
demo: setup ## Migrate a live service from a VM to Kubernetes on a lab of real parts (ARGS=--keep to leave it running)
	@npm run --silent build -w meshlift -w @meshlift/shop
	@node demo/src/main.ts $(ARGS)

.PHONY: lab
lab: setup ## Bring up the lab alone: two clusters, one mesh, one VM
	@node packages/lab/bin/lab.js up $(ARGS)

.PHONY: check
check: setup ## Types, style and import layers
	@npm run --silent check

.PHONY: test
test: PURPOSE := test
test: setup ## Everything: check, unit tests, the shop as processes, then the end-to-end scenarios on a lab
	@npm run --silent check
	@npm run --silent build -w meshlift -w @meshlift/shop
	@npm run --silent test:unit
	@npm run --silent test:system -w @meshlift/shop
	@npm run --silent test:e2e

.PHONY: test-all
test-all: test ## All of `make test`, and every longer scenario as well
	@npm run --silent test:all

.PHONY: soak
soak: setup ## A million calls through migrations, rollbacks and killed engines (ARGS="CALLS CALLS_A_SECOND")
	@npm run --silent build -w meshlift -w @meshlift/shop
	@node bench/soak.ts $(ARGS)
