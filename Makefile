# Two commands: `make demo` shows Tessera at work, `make test` checks it. Both set up a fresh clone; AGENTS.md says what has to be there before.
.DEFAULT_GOAL := help
SHELL := bash
export ONNXRUNTIME_NODE_INSTALL := skip

TESSERA := node bin/tessera.js
SOURCES := $(shell find apps libs encoders bench -name node_modules -prune -o -name '*.ts' -print -o -name '*.js' -print -o -name '*.mjs' -print -o -name '*.[ch]' -print 2>/dev/null)

.PHONY: help demo test start build compiler prepare prepare-tests pack lint types unit integration e2e training clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: prepare ## describe, transcribe and ask on the sample media
	@$(TESSERA) demo

start: prepare ## keep the service running on one port
	@$(TESSERA) serve

test: prepare-tests lint types unit integration e2e training ## lint, types, boundaries, unit, integration, end-to-end and training tests

prepare: build pack
	@scripts/ensure-tools.sh ffmpeg

prepare-tests: compiler prepare
	@scripts/ensure-tools.sh ffmpeg espeak-ng sox

compiler:
	@scripts/ensure-tools.sh gcc

node_modules/.stamp: package.json package-lock.json .npmrc
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

dist/.stamp: node_modules/.stamp tsconfig.json tsconfig.build.json $(SOURCES)
	npm run --silent build
	@touch $@

build: dist/.stamp ## compile to dist/

pack: build ## pull and verify the default pack
	@scripts/ensure-tools.sh python3 pip3 || true
	@$(TESSERA) models pull

lint: node_modules/.stamp ## style and boundaries
	npm run --silent lint

types: node_modules/.stamp ## the type checker
	npm run --silent types

unit: node_modules/.stamp ## pure logic
	npx vitest run --project unit --reporter=default --reporter=json --outputFile.json=reports/unit.json

integration: build pack ## real ffmpeg, sharp, onnxruntime, PostgreSQL and models
	npx vitest run --project integration --reporter=default --reporter=json --outputFile.json=reports/integration.json

e2e: build pack ## the scaled-out service as plain processes, with workers killed while they work
	@scripts/ensure-tools.sh redis-server initdb
	npm run --silent e2e -- --requests 60 --report reports/e2e.json

training: ## the recipe's own tests and its reduced run
	training/run_smoke.sh

clean: ## remove what was built
	rm -rf dist reports node_modules training/.venv
