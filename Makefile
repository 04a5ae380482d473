# `make` alone lists the targets. The work is done by the harness; this file only says how it is called.
.DEFAULT_GOAL := help
PYTEST  = .venv/bin/python -m pytest
VENV_PYTHON = .venv/bin/python
# Deploy tests wait for a Marathon's clock most of the time, so one more at a time keeps the processor busy.
WORKERS ?= $(if $(filter deploy,$(MAKECMDGOALS)),4,3)
PARALLEL = -n $(WORKERS) --dist loadgroup
# FROM= TO= SERVER= DUMP= CONFIG= CONFIG_NEW= are handed on when they are given.
# What is not said of a pair follows from the dump, else from the other half, as in ./gate.
PAIR    = $(if $(FROM)$(TO),--pair "$(FROM):$(TO)")
CHOICE  = $(PAIR) $(if $(SERVER),--server "$(SERVER)") $(if $(DUMP),--dump "$(DUMP)") $(if $(CONFIG),--site-config "$(CONFIG)") \
          $(if $(CONFIG_NEW),--site-config-new "$(CONFIG_NEW)")

# Whoever says something to make means it: a misspelt name, or the empty variable of a script, would quietly choose the
# default, and the bundled dump would be judged for one's own. What an outer make was told is none of this one's business.
VALUES = FROM TO SERVER DUMP CONFIG CONFIG_NEW MARATHON_URL ACCEPT SEED TIMES MEGABYTES BUDGET PORT WORKERS PYTEST
SWITCHES = ALL KEEP
ENVIRONMENT = RT_% MARATHON_% DOCKER_% TESTCONTAINERS_% PYTEST_% XDG_% PYTHON PATH HOME TMPDIR TERM
SAID := $(foreach one,$(.VARIABLES),$(if $(findstring command line,$(origin $(one))),$(one)))
UNKNOWN := $(filter-out $(VALUES) $(SWITCHES) $(ENVIRONMENT) MAKE MAKEFLAGS MAKEOVERRIDES SHELL,$(SAID))
EMPTY := $(strip $(foreach one,$(filter $(VALUES),$(SAID)),$(if $(strip $($(one))),,$(one))))
ifneq ($(if $(filter 0,$(MAKELEVEL)),$(UNKNOWN)),)
$(error $(UNKNOWN) means nothing here: choose from $(VALUES) $(SWITCHES); variables of programs go before make)
endif
ifneq ($(EMPTY),)
$(error $(EMPTY) has an empty value: give it one, or leave it out)
endif

# Nor is a name ignored that only another target reads: `make test DUMP=...` would pass without having opened it.
TESTS   = WORKERS PYTEST
UPGRADE = FROM TO SERVER DUMP CONFIG CONFIG_NEW
TAKEN_BY_test     = $(TESTS) ALL MARATHON_URL
TAKEN_BY_slow     = $(TESTS) ALL MARATHON_URL
TAKEN_BY_unit     = $(TESTS)
TAKEN_BY_smoke    = $(TESTS)
TAKEN_BY_upgrade  = $(TESTS) $(UPGRADE)
TAKEN_BY_matrix   = $(TESTS) SERVER
TAKEN_BY_deploy   = $(TESTS) MARATHON_URL
TAKEN_BY_mutants  = $(TESTS) SEED
TAKEN_BY_gate     = $(UPGRADE) MARATHON_URL ACCEPT KEEP
TAKEN_BY_forecast = $(UPGRADE) TIMES MEGABYTES BUDGET
TAKEN_BY_marathon = PORT
GOALS  := $(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))
TAKEN  := $(strip $(foreach goal,$(GOALS),$(TAKEN_BY_$(goal))))
UNREAD := $(filter-out $(TAKEN),$(filter $(VALUES) $(SWITCHES),$(SAID)))
ifneq ($(if $(filter 0,$(MAKELEVEL)),$(UNREAD)),)
$(error $(UNREAD) means nothing to make $(GOALS), which takes $(or $(TAKEN),no values): leave it out, or choose another target)
endif

# Some machines tell Python to keep no compiled modules: then each run, and each of its workers, would compile anew.
unexport PYTHONDONTWRITEBYTECODE

# What is said to a switch, unless it is a no.
yes = $(filter-out 0 no No NO false False FALSE off Off OFF,$(1))
# Tests of real containers that passed within a day with the same files and images are left out, unless ALL=1.
UNCHANGED = --unchanged $(if $(call yes,$(ALL)),run,skip)

.PHONY: help setup engine images test slow unit smoke upgrade matrix deploy gate forecast mutants bench lint fixtures \
        marathon engine-stop clean distclean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

setup: ## Python libraries from the lock file into .venv
	@sh harness/setup/python.sh

engine: setup ## find a container engine, or install and start Debian's
	@$(VENV_PYTHON) -m harness.setup.engine

images: engine ## build every image that is not there yet
	@$(VENV_PYTHON) -m harness.images

test: images ## what must be green at every change, the harness's own tests included; ALL=1: also what is unchanged
	$(PYTEST) $(PARALLEL) -m "not slow" $(UNCHANGED)

unit: setup ## the tests that need no engine (proves nothing about an upgrade)
	$(PYTEST) $(PARALLEL) -m "not engine and not slow"

smoke: images ## every release: does its image do what RT does?
	$(PYTEST) $(PARALLEL) tests/smoke

upgrade: engine ## an upgrade and its checks, or every adjacent one: FROM= TO= SERVER= DUMP= CONFIG= CONFIG_NEW=
	$(PYTEST) $(PARALLEL) tests/upgrade/test_upgrade.py $(CHOICE)

matrix: images ## every forward pair on every server (SERVER= for one of them)
	$(PYTEST) $(PARALLEL) tests/upgrade/test_upgrade.py --matrix $(if $(SERVER),--server "$(SERVER)")

deploy: images ## deploys on Marathon: the stand-in, or MARATHON_URL= for a real one
	$(PYTEST) $(PARALLEL) tests/deploy -m "not slow"

slow: images ## the tests that take long: every kill point, a minute of kills under load; ALL=1: also what is unchanged
	$(PYTEST) $(PARALLEL) -m slow $(UNCHANGED)

forecast: engine ## how long the upgrade will take on a larger database: FROM= TO= SERVER= DUMP= CONFIG= CONFIG_NEW= TIMES= MEGABYTES= BUDGET=
	@$(VENV_PYTHON) -m harness.forecast $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") \
	    $(if $(SERVER),--server "$(SERVER)") $(if $(DUMP),--dump "$(DUMP)") $(if $(CONFIG),--config "$(CONFIG)") \
	    $(if $(CONFIG_NEW),--config-new "$(CONFIG_NEW)") $(if $(TIMES),--times "$(TIMES)") $(if $(MEGABYTES),--megabytes "$(MEGABYTES)") $(if $(BUDGET),--budget "$(BUDGET)")

mutants: images ## plant defects, known ones and two hundred by chance (SEED=), and see that the checks catch them
	$(PYTEST) $(PARALLEL) --mutants tests/harness/checks tests/harness/dump/test_dump.py \
	    tests/harness/dump/test_dump_maker.py tests/harness/dump/test_dump_text.py tests/harness/dump/test_left_out.py \
	    tests/harness/database/test_restore_collations.py tests/harness/database/test_restore_left_out.py \
	    tests/harness/marathon/test_standin_mutants.py tests/harness/marathon/test_marathon_deploy_mutants.py \
	    tests/harness/marathon/test_marathon_proof_mutants.py \
	    tests/harness/marathon/test_marathon_replace_mutants.py \
	    tests/deploy/test_rt_state_on_disk.py tests/deploy/test_rt_acknowledged.py tests/upgrade/test_control.py \
	    tests/upgrade/test_old_sites.py tests/upgrade/test_own_structure.py tests/upgrade/test_own_troubles.py \
	    tests/upgrade/test_site_comes_up.py tests/upgrade/test_upgrade.py tests/smoke/test_fence.py \
	    $(if $(SEED),--seed "$(SEED)")

gate: ## the verdict: FROM= TO= SERVER= DUMP= CONFIG= CONFIG_NEW= MARATHON_URL= ACCEPT= KEEP=1 (default: 4.4.6 to 5.0.3 on mariadb-10.11)
	@./gate $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") $(if $(SERVER),--server "$(SERVER)") \
	    $(if $(DUMP),--dump "$(DUMP)") $(if $(CONFIG),--config "$(CONFIG)") \
	    $(if $(CONFIG_NEW),--config-new "$(CONFIG_NEW)") \
	    $(if $(MARATHON_URL),--marathon-url) $(if $(ACCEPT),--accept "$(ACCEPT)") $(if $(call yes,$(KEEP)),--keep)

bench: images ## measure, as ratios side by side in one run
	$(VENV_PYTHON) -m benchmarks

lint: setup ## ruff and mypy --strict
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

fixtures: images ## rebuild the bundled dumps with the old releases themselves
	$(VENV_PYTHON) -m harness.dumpmaking

marathon: engine ## start the Marathon stand-in, with a page to look at: PORT=
	$(VENV_PYTHON) -m harness.marathon.standin $(if $(PORT),--port "$(PORT)")

engine-stop: setup ## stop the engine that `make engine` started, if it did and nobody uses it
	@$(VENV_PYTHON) -m harness.setup.engine --stop

clean: ## remove reports and what dead sessions of the harness left behind
	@rm -rf reports .pytest_cache .mypy_cache .ruff_cache
	@[ ! -d .venv ] || $(VENV_PYTHON) -m harness.leftovers

distclean: ## clean, and also prepared databases, images and the cache of the harness
	@[ ! -d .venv ] || $(VENV_PYTHON) -m harness.leftovers --cache
	@rm -rf reports .venv .venv.lock .pytest_cache .mypy_cache .ruff_cache .hypothesis
