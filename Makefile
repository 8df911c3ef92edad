# SPDX-FileCopyrightText: the trustmesh.security contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Needs git, make and Python 3.11 or newer with its venv module. Everything it makes is in build/, .venv/ and .venv-dev/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The parts of `make test` start servers and use all cores themselves; side by side they only disturb each other.
.NOTPARALLEL:

# Options for ansible-playbook in the quickstart targets and for `make bench`, as in: make quickstart ARGS='--check --diff'
ARGS ?=
# A role variable may also be given to make itself, as in: make quickstart quickstart_vault_port=18300
GIVEN := $(foreach name,$(filter quickstart_%,$(.VARIABLES)),$(if $(filter command,$(origin $(name))),-e '$(name)=$($(name))'))
# Options for pytest, as in: make unit PYTEST='-k renewal'
PYTEST ?=

# $(call find_python,VERSION) is an interpreter of that version that can make virtual environments, or nothing.
# Each candidate is run, because pyenv puts a command on the PATH for versions that are not selected, too.
find_python = $(shell for python in python$(1) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(1).*/bin/python; do \
	if "$$python" -c 'import sys, ensurepip; sys.exit("%d.%d" % sys.version_info[:2] != "$(1)")' 2> /dev/null; \
	then command -v "$$python"; break; fi; done)

# 3.11 comes first because that is what the lock files are resolved for; 3.12 also runs the second ansible-core, and 3.9
# is what modules promise to run on.
PYTHON_3_9 := $(call find_python,3.9)
PYTHON_3_12 := $(call find_python,3.12)
PYTHON ?= $(or $(call find_python,3.11),$(PYTHON_3_12),$(call find_python,3.13))

# What the tests build asks for Go 1.26; where there is none, or an older one, the wheel of it.
GO_MINOR := $(shell go version 2> /dev/null | sed -nE 's/^go version go1\.([0-9]+).*/\1/p')
GO_STAMP := $(if $(filter-out $(shell seq 0 25),$(GO_MINOR)),,build/env/go/.stamp)

VERSION := $(shell sed -n 's/^version: *//p' galaxy.yml)
TARBALL := build/trustmesh-security-$(VERSION).tar.gz
TREE := build/tree/ansible_collections/trustmesh/security
REPORTS := build/reports

# Ansible's own files stay below build/ as well, so that nothing is left behind in the home directory.
INSTALLED := ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/build/collections" ANSIBLE_HOME="$(CURDIR)/build/ansible" \
	ANSIBLE_REMOTE_TMP="$(CURDIR)/build/ansible/tmp" ANSIBLE_LOCALHOST_WARNING=false \
	ANSIBLE_INVENTORY_UNPARSED_WARNING=false PATH="$(CURDIR)/.venv/bin:$$PATH"
DEV := PATH="$(CURDIR)/.venv-dev/bin:$$PATH"

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 20

# -- For users ---------------------------------------------------------------------------------------------------------

.PHONY: quickstart
quickstart: build/collections.stamp ## Bring up the demonstration estate below build/quickstart
	@$(INSTALLED) ANSIBLE_CALLBACK_RESULT_FORMAT=yaml ANSIBLE_DISPLAY_SKIPPED_HOSTS=false \
		ansible-playbook trustmesh.security.quickstart $(GIVEN) $(ARGS)

# Without state there is nothing to stop and no reason to install anything first.
STATE := $(wildcard build/quickstart)$(GIVEN)$(ARGS)

.PHONY: quickstart-stop
quickstart-stop: $(if $(STATE),build/collections.stamp) ## Stop the servers that quickstart started
	@$(if $(STATE),$(INSTALLED) ansible-playbook trustmesh.security.quickstart_stop $(GIVEN) $(ARGS),echo 'No quickstart to stop.')

.PHONY: build
build: $(TARBALL) ## Build the collection tarball

.PHONY: clean
clean: quickstart-stop molecule-stop ## Stop the quickstart and remove everything that was made
	rm -rf build collections .venv .venv-dev .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	rm -f changelogs/.plugin-cache.yaml
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

# -- For contributors --------------------------------------------------------------------------------------------------

.PHONY: test
test: test-fast sanity lint docs-lint importer molecule integration ## Run everything that proves the collection
	@.venv-dev/bin/python tests/tooling/counts.py $(REPORTS) $(SANITY) \
		$(if $(PYTHON_3_9),,--without 'sanity on Python 3.9: no such interpreter') \
		$(if $(PYTHON_3_12),,--without 'sanity on ansible-core 2.21: no Python 3.12') \
		$(if $(LEFT_OUT),--without 'the scenarios $(LEFT_OUT): no systemctl')

.PHONY: test-fast
test-fast: unit ruff mypy ## Run unit tests, ruff and mypy

.PHONY: unit
unit: .venv-dev/.stamp | $(REPORTS) ## Run unit tests, the architecture tests included
	$(DEV) pytest tests/unit --numprocesses auto --quiet --junit-xml=$(REPORTS)/unit.xml $(PYTEST)

# A file stays on one worker: what its tests share (a whole quickstart, for one) is then built once.
.PHONY: integration
integration: .venv-dev/.stamp build/env/sslyze/.stamp build/env/moto/.stamp $(GO_STAMP) build/collections.stamp | $(REPORTS) ## Run tests on real servers
	PATH="$(CURDIR)/.venv-dev/bin$(if $(GO_STAMP),:$(CURDIR)/build/env/go/bin):$$PATH:$(CURDIR)/build/env/sslyze/bin" TRUSTMESH_COLLECTIONS_PATH="$(CURDIR)/build/collections" \
		pytest tests/integration --numprocesses auto --dist loadfile --junit-xml=$(REPORTS)/integration.xml $(PYTEST)

# Takes root, debootstrap (Debian: debootstrap) and minutes; not part of `make test`, which runs the same commands here.
.PHONY: bare
bare: .venv-dev/.stamp | $(REPORTS) ## Type what the README prints on a Debian system with nothing on it
	$(DEV) pytest tests/bare -o faulthandler_timeout=1800 --junit-xml=$(REPORTS)/bare.xml $(PYTEST)

# The scenarios are those of the checkout; what they run is what was installed from the tarball. Two of them ask
# systemctl, and are left out where there is none, but not in CI.
SCENARIO ?=
LEFT_OUT := $(if $(filter true,$(CI)),,$(if $(shell command -v systemctl),,rotation_timer systemd_credentials))
MOLECULE = $(INSTALLED) $(DEV) NO_COLOR=1 MOLECULE_EPHEMERAL_DIRECTORY="$(CURDIR)/build/molecule" molecule

# Scenarios that share their state also share the date that Molecule compares with that of their files.
.PHONY: molecule
molecule: .venv-dev/.stamp build/collections.stamp molecule-stop | $(REPORTS) ## Run the Molecule scenarios of the roles, or one: SCENARIO=certificate
	@touch --reference=extensions/molecule/config.yml extensions/molecule/*/molecule.yml
	$(MOLECULE) test --no-command-borders $(if $(SCENARIO),--scenario-name $(SCENARIO),--all $(foreach name,$(LEFT_OUT),--exclude $(name))) \
		2>&1 | tee $(REPORTS)/molecule.log
	@[ ! -e build/molecule/estate ] || { echo 'The scenarios have left something behind in build/molecule/estate.'; exit 1; }

# What a run that was interrupted left behind.
STAGE := $(wildcard build/molecule/estate)

.PHONY: molecule-stop
molecule-stop: $(if $(STAGE),.venv-dev/.stamp build/collections.stamp)
	@$(if $(STAGE),$(MOLECULE) destroy)
	@rm -rf build/molecule

.PHONY: ruff
ruff: .venv-dev/.stamp
	$(DEV) ruff check
	$(DEV) ruff format --check

.PHONY: mypy
mypy: .venv-dev/.stamp | $(REPORTS)
	$(DEV) mypy | tee $(REPORTS)/mypy.log

.PHONY: lint
lint: ruff mypy build/tree.stamp build/home.stamp | $(REPORTS) ## Run ruff, mypy, yamllint, reuse, antsibull-changelog and ansible-lint
	$(DEV) yamllint --strict .
	$(DEV) reuse lint --lines
	$(DEV) antsibull-changelog lint
	cd $(TREE) && $(DEV) HOME="$(CURDIR)/build/home" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/build/tree" ansible-lint --nocolor 2>&1 | tee $(CURDIR)/$(REPORTS)/ansible-lint.log

.PHONY: docs-lint
docs-lint: .venv-dev/.stamp build/tree.stamp
	$(DEV) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self --check-extra-docs-refs $(TREE)

# Links to other sites need their inventories, which need a network; links among our own pages are checked by docs-lint.
.PHONY: docs
docs: docs-lint build/collections.stamp ## Check the documentation and render it to build/docs/html
	rm -rf build/docs && mkdir -m 755 build/docs
	$(DEV) ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/build/collections" \
		antsibull-docs sphinx-init --dest-dir build/docs --use-current --sphinx-theme alabaster trustmesh.security > build/docs/init.log
	printf '%s\n' 'intersphinx_mapping = {}' 'nitpicky = False' 'suppress_warnings = ["ref.ref"]' >> build/docs/conf.py
	$(DEV) ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/build/collections" \
		antsibull-docs --config-file build/docs/antsibull-docs.cfg collection --dest-dir build/docs/rst --cleanup everything --use-current trustmesh.security
	cp -r docs/docsite/rst/images build/docs/rst/collections/trustmesh/security/docsite/
	$(DEV) sphinx-build -q -W -b html -c build/docs build/docs/rst build/docs/html
	@echo 'Open build/docs/html/index.html'

# The checks of Galaxy's own importer; it calls a finding a warning, we do not.
.PHONY: importer
importer: .venv-dev/.stamp build/home.stamp $(TARBALL) | $(REPORTS)
	cd build && $(DEV) HOME="$(CURDIR)/build/home" GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true \
		python -m galaxy_importer.main "$(CURDIR)/$(TARBALL)" 2>&1 | tee $(CURDIR)/$(REPORTS)/importer.log
	@! grep -E '^(WARNING|ERROR)' $(REPORTS)/importer.log

SANITY := sanity-core-2.19 $(if $(PYTHON_3_9),sanity-python-3.9) $(if $(PYTHON_3_12),sanity-core-2.21)

# A run keeps one core busy, so the two versions of ansible-core run side by side, each on a tree of its own.
.PHONY: sanity
sanity: .venv-dev/.stamp build/home.stamp build/tree.stamp $(if $(PYTHON_3_12),build/env/sanity-2.21/.stamp build/tree-2.21.stamp) | $(REPORTS) ## Run ansible-test sanity, as far as the interpreters are there
	@{ $(run_core_2.19) $(if $(PYTHON_3_9),&& $(run_python_3.9)); } & first=$$!; failed=0; \
		$(if $(PYTHON_3_12),$(run_core_2.21) || failed=1;) \
		wait $$first || failed=1; exit $$failed

.PHONY: sanity-core-2.19
sanity-core-2.19: .venv-dev/.stamp build/tree.stamp build/home.stamp | $(REPORTS)
	$(run_core_2.19)

.PHONY: sanity-core-2.21
sanity-core-2.21: build/env/sanity-2.21/.stamp build/tree-2.21.stamp build/home.stamp | $(REPORTS)
	$(run_core_2.21)

.PHONY: sanity-python-3.9
sanity-python-3.9: .venv-dev/.stamp build/tree.stamp build/home.stamp | $(REPORTS)
	$(run_python_3.9)

run_core_2.19 = $(call ansible_test,core-2.19,tree,.venv-dev,$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'),)
run_core_2.21 = $(call ansible_test,core-2.21,tree-2.21,build/env/sanity-2.21,3.12,)
run_python_3.9 = $(call ansible_test,python-3.9,tree,.venv-dev,3.9,--test compile --test import)

# $(call ansible_test,NAME,TREE,ENVIRONMENT,PYTHON VERSION,OPTIONS); writes the report sanity-NAME.log and shows what matters.
ansible_test = (cd $(patsubst build/tree/%,build/$(2)/%,$(TREE)) && HOME="$(CURDIR)/build/home" \
	PATH="$(CURDIR)/$(3)/bin:$(if $(PYTHON_3_9),$(dir $(PYTHON_3_9)):)$$PATH" \
	ansible-test sanity --local --color no --python $(4) $(5) 2>&1 | tee "$(CURDIR)/$(REPORTS)/sanity-$(1).log" | \
	grep --line-buffered -E '^(Running|WARNING|ERROR|FATAL)' | sed --unbuffered 's/^/$(1): /')

.PHONY: bench
bench: .venv-dev/.stamp build/env/peers/.stamp build/collections.stamp ## Measure speed, beside other collections
	$(DEV) python -m tests.benchmarks $(ARGS)

# Within the hour, and not part of `make test`: most of a point more or less is luck of the draw.
.PHONY: mutation
mutation: .venv-dev/.stamp ## Change the meaning of lines drawn by a seed, and print how many changes the tests notice
	$(DEV) python -m tests.tooling.mutation $(ARGS)

# Two hours on two cores; a slice of the table belongs to `make integration`.
.PHONY: faults
faults: .venv-dev/.stamp build/collections.stamp | $(REPORTS) ## Play every wrong answer to every module that talks to a server
	$(DEV) TRUSTMESH_FAULTS=all TRUSTMESH_COLLECTIONS_PATH="$(CURDIR)/build/collections" \
		pytest tests/integration/faults --numprocesses auto --junit-xml=$(REPORTS)/faults.xml $(PYTEST)

.PHONY: fuzz
fuzz: .venv-dev/.stamp ## Give every parser inputs drawn by a seed, and print what is no error of the collection
	$(DEV) python -m tests.fuzz $(ARGS)

# Half an hour, and not part of `make test`, whose integration tests take a few of each.
.PHONY: endurance
endurance: .venv-dev/.stamp build/collections.stamp ## Kill 500 runs and let 500 pairs of runs meet, and look for what is lost
	$(DEV) python -m tests.endurance $(ARGS)

.PHONY: lock
lock: build/env/lock-3.11/.stamp build/env/lock-3.12/.stamp ## Resolve tests/locks/*.in again and rewrite the lock files
	build/env/lock-3.11/bin/python tests/locks/lock.py tests/locks/requirements.in requirements.txt
	build/env/lock-3.11/bin/python tests/locks/lock.py tests/locks/requirements-dev.in requirements-dev.txt
	build/env/lock-3.11/bin/python tests/locks/lock.py tests/locks/sslyze.in tests/locks/sslyze.txt
	build/env/lock-3.11/bin/python tests/locks/lock.py tests/locks/moto.in tests/locks/moto.txt
	build/env/lock-3.11/bin/python tests/locks/lock.py tests/locks/go.in tests/locks/go.txt
	build/env/lock-3.11/bin/python tests/locks/lock.py tests/locks/peers.in tests/locks/peers.txt
	build/env/lock-3.12/bin/python tests/locks/lock.py tests/locks/sanity-2.21.in tests/locks/sanity-2.21.txt

# -- Files -------------------------------------------------------------------------------------------------------------

# A virtual environment and what its lock file names. The stamp comes last: an interrupted installation is repeated.
define make_environment
	@[ -n "$(PYTHON)" ] || { echo 'No Python 3.11 to 3.13 with venv found (on Debian: apt install python3-venv), or name one: make PYTHON=...'; exit 1; }
	@echo 'Installing $(if $<,$<,pip) into $(@D); the first time takes a minute ...'
	@$(PYTHON) -m venv $(@D)
	@$(if $<,$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<)
	@touch $@
endef

.venv/.stamp: requirements.txt
	$(make_environment)

.venv-dev/.stamp: requirements-dev.txt
	$(make_environment)

build/env/%/.stamp: tests/locks/%.txt
	$(make_environment)

build/env/lock-%/.stamp:
	$(make_environment)

build/env/sanity-2.21/.stamp build/env/lock-3.12/.stamp: PYTHON := $(PYTHON_3_12)
build/env/lock-3.11/.stamp: PYTHON = $(call find_python,3.11)

# What git knows or would add. A digest and not a list of prerequisites: so a file that goes away counts as well, and a
# switch of branches that changes nothing rebuilds nothing.
sources = git ls-files -z --cached --others --exclude-standard | \
	while IFS= read -r -d '' file; do if [ -f "$$file" ]; then printf '%s\0' "$$file"; fi; done

build/sources.sha256: FORCE
	@mkdir -p $(@D)
	@$(sources) | xargs -0 sha256sum > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

.PHONY: FORCE
FORCE:

# An exact copy at the path that ansible-test insists on, a repository of its own because tools ask git what belongs to it.
build/tree.stamp: build/sources.sha256
	@rm -rf $(TREE) && mkdir -p $(TREE)
	@$(sources) | tar --create --null --files-from=- | tar --extract --directory $(TREE)
	@git init --quiet $(TREE)
	@touch $@

build/tree-2.21.stamp: build/tree.stamp
	@rm -rf build/tree-2.21 && cp --archive build/tree build/tree-2.21
	@touch $@

$(TARBALL): build/tree.stamp .venv/.stamp
	$(INSTALLED) ansible-galaxy collection build $(TREE) --output-path build --force

build/collections.stamp: $(TARBALL)
	$(INSTALLED) ansible-galaxy collection install $(TARBALL) --collections-path build/collections --force --offline
	@touch $@

# ansible-test keeps its environments and its pip bootstrap script in the home directory: it gets one of its own, with the
# user's pip settings and our stand-in for the script (see there) under the names that the two versions look for.
build/home.stamp: tests/sanity-bootstrap/get_pip.py
	@mkdir -p build/home/.ansible/test/cache build/home/.config
	@cp $< build/home/.ansible/test/cache/get_pip_24_2.py
	@cp $< build/home/.ansible/test/cache/get_pip_25_2.py
	@[ ! -d "$$HOME/.config/pip" ] || ln -sfn "$$HOME/.config/pip" build/home/.config/pip
	@touch $@

$(REPORTS):
	@mkdir -p $@
