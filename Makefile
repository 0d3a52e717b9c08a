.DEFAULT_GOAL := help
.PHONY: help run tls web test explore check bench soak chaos proof proof-long drill shots demo-check

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## set this checkout up and run the whole system until Ctrl-C
	@exec scripts/run

tls: ## make certificates, so that phones on the local network can be used
	@exec scripts/tls

web: ## build the pages when their sources changed
	@scripts/bootstrap && exec scripts/web

test: ## install what the tests need and run them on real servers
	@exec scripts/test

explore: ## the same with new random cases, where `make test` has those that are the same every time
	@HYPOTHESIS_PROFILE=explore exec scripts/test

check: ## style, types, and which room may import which
	@exec scripts/check

bench: ## measure, each figure beside its limit; fails when one is missed
	@exec scripts/bench

soak: ## the same of a quarter of an hour's full work: memory, errors, gaps
	@exec scripts/bench soak

proof: ## check the rules in every order of commands, timers and faults
	@exec scripts/proof

proof-long: ## the same for a larger centre, as far as an hour and the memory reach
	@exec scripts/proof --long

chaos: ## kill and starve a private system in mid-traffic, and count what is lost or doubled
	@exec scripts/chaos

drill: ## play one whole case against the running system
	@exec scripts/drill

demo-check: ## take a case away from the running rehearsal, and finish it
	@exec scripts/demo-check

shots: ## take pictures of every page of the running system into .run/shots
	@exec scripts/shots
