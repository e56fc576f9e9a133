# Martlet: `make up` sets everything up and starts it, `make test` runs every test. See README.md.
.DEFAULT_GOAL := help
.PHONY: help up down status logs demo check test bench bench-webrtc fuzz test-containers bare-root-test
MAKEFLAGS += --no-print-directory

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24
up: ## set up everything that is missing, and start; prints where to go
	@scripts/up
down: ## stop; the data stays
	@scripts/down
status: ## what runs, for how long, how it is
	@scripts/status
logs: ## follow the logs (SERVICE=ingest for one)
	@scripts/logs
demo: ## publish a moving test picture with sound until Ctrl-C
	@scripts/demo
check: ## format, build, unit tests: before every commit
	@scripts/check
test: ## every test, with real publishers, databases and browsers
	@scripts/test
bench: ## the figures of the README
	@scripts/bench
bench-webrtc: ## WebRTC viewers per core, beside Janus
	@scripts/bench-webrtc
fuzz: ## search for inputs that break a parser
	@scripts/fuzz
test-containers: ## build the images and play a stream through docker compose
	@scripts/test-containers
bare-root-test: ## `make up` and `make test` in a new Debian root with nothing but the toolchain
	@scripts/bare-root-test
