# Each goal is one script, whose --help tells the rest. `make` alone lists the goals.
# Another instance beside this one: CAPCONDUIT_STATE=.capconduit-2 CAPCONDUIT_PORT=5441 CAPCONDUIT_HTTP_PORT=8081
.PHONY: help all run up down psql reset build test test-full soak lint schema accept package install majors bench bench-full fuzz call
help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20
# By this name PGXN's client builds.
all: build
run: ## install what is missing, build, start, stay in the foreground until Ctrl-C
	@scripts/platform run
up: ## the same in the background; returns when ready
	@scripts/platform up
down: ## stop it; data stays
	@scripts/platform down
psql: ## psql as the administrator; AS=capconduit_asterisk as the switch
	@scripts/platform psql
reset: ## sample data as new, ids from 1
	@scripts/platform reset
build: ## the extension and the capconduit command, for release
	@scripts/build
test: ## everything that can be checked in minutes
	@scripts/test
test-full: ## and what takes longer
	@scripts/test full
soak: ## half an hour of traffic and faults: nothing lost, nothing grows
	@scripts/test soak
package: ## Debian packages, into dist/
	@scripts/package
install: ## what is built, into this machine: PG_CONFIG, PREFIX and DESTDIR say where
	@scripts/build install
majors: ## the tests of what is inside the server, on PostgreSQL 17 and 18
	@scripts/test majors
lint: ## formatting, lints, scripts, licences, generated files
	@scripts/lint
schema: ## write migrations/schema.sql anew
	@scripts/generate schema
accept: ## write the reviewed list of objects, rights and settings anew
	@scripts/generate contract
bench: ## what a call costs, beside bare PostgreSQL and beside others; a quarter of an hour
	@scripts/bench
bench-full: ## all of it, with ten million call records and real calls; half an hour, some 7 GB of disk
	@scripts/bench --full
call: ## one real call through the running platform; SCENARIO=busy|noanswer|failover|abandon|capped|rejected
	@scripts/platform call
fuzz: ## the REST service against a fuzzer that reads its description
	@scripts/test fuzz
