# make run     installs everything into this checkout and takes the demo from its files to its report site
# make serve   serves that site
# make test    runs every check that this machine can
# make setup   only installs
# make lock    pins anew what pyproject.toml and reports/package.json ask for
# A step runs again only when something that it reads has changed; .make/ holds a stamp for each.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := run
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
DEMO_SIZE ?= 400

# The demo and the tests never see one's own settings.
$(foreach name,$(filter-out THROUGHLINE_REQUIRE_ALL,$(filter THROUGHLINE_% SOURCES__% DESTINATION__% ALERTS__% DBT_% DLT_%,$(.VARIABLES))),$(eval unexport $(name)))
# Nor what stands in .dlt/secrets.toml.
export DLT_PROJECT_DIR := $(CURDIR)/ingestion/demo
export THROUGHLINE_WAREHOUSE := warehouse/demo.duckdb
export THROUGHLINE_SEEDS := ingestion/demo/seeds
export SOURCES__CRM__BUCKET_URL := warehouse/demo/crm
export SOURCES__CALENDLY_WEBHOOKS__BUCKET_URL := warehouse/demo/calendly_webhooks
export SOURCES__CALENDLY_EXPORT__BUCKET_URL := warehouse/demo/calendly_export
export SOURCES__CALENDLY_EXPORT__TIMEZONE := Europe/Berlin
export SOURCES__AD_SPEND__BUCKET_URL := warehouse/demo/ad_spend
export SOURCES__ZOOM__BUCKET_URL := warehouse/demo/zoom
export SOURCES__ZOOM__TIMEZONE := Europe/Berlin
export SOURCES__STREAM__BUCKET_URL := warehouse/demo/stream
# Larkfield's world ends there, so that its pages say the same whenever they are built.
DEMO_VARS := --vars '{as_of: "2026-07-01"}'

# In folders of its own, and without the demo's warehouse, which one process at a time can open.
lint = THROUGHLINE_WAREHOUSE=warehouse/.lint/lint.duckdb DBT_TARGET_PATH=target/lint DBT_LOG_PATH=logs/lint \
	.venv/bin/sqlfluff lint --processes 2 models tests analyses
say = @printf '\n\033[1m==> %s\033[0m\n' "$(1)"
done = @mkdir -p $(@D) && touch $@
# A stamp counts only while what it stands for is there.
unless = $(if $(wildcard $(1)),,always)
files = $(shell find $(1) -type f -not -path '*/node_modules/*' -not -path '*/.evidence/*' -not -path '*/build/*' -not -name '*.pyc')

.PHONY: run setup serve test lock clean always

run: .make/site
	@printf '\nThe report site is in %s.\nServe it with: make serve\n' warehouse/demo.site

setup: .make/python .make/node

.make/python: requirements.lock pyproject.toml $(call unless,.venv/bin/dbt)
	$(call say,Installing Python packages into .venv)
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Throughline needs Python 3.11, 3.12 or 3.13; name one with: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(done)

.make/node: reports/package.json reports/package-lock.json reports/.npmrc $(call files,reports/scripts) $(call unless,reports/node_modules/.bin/evidence)
	$(call say,Installing the report builder into reports/node_modules)
	cd reports && npm ci
	$(done)

.make/demo-size: always
	@mkdir -p .make
	@echo '$(DEMO_SIZE)' | cmp --silent - $@ || echo '$(DEMO_SIZE)' > $@

.make/demo: .make/python .make/demo-size $(call files,ingestion/demo) $(call unless,warehouse/demo/stream)
	$(call say,Writing the files of Larkfield$(comma) the demo's fictional company)
	rm -rf warehouse/demo
	.venv/bin/throughline demo warehouse/demo --size $(DEMO_SIZE)
	$(done)

.make/load: .make/demo $(wildcard ingestion/*.py) $(call unless,warehouse/demo.duckdb)
	$(call say,Loading them into warehouse/demo.duckdb)
	rm -f warehouse/demo.duckdb warehouse/demo.duckdb.wal
	.venv/bin/throughline simulate .venv/bin/throughline load --all
	$(done)

.make/build: .make/load dbt_project.yml profiles.yml selectors.yml $(call files,models macros seeds/common) $(shell find tests -name '*.sql')
	$(call say,Building and testing the models)
	.venv/bin/dbt build $(DEMO_VARS)
	$(done)

.make/publish: .make/build $(call unless,warehouse/demo.published.duckdb)
	$(call say,Publishing the copy that reports read)
	.venv/bin/throughline publish
	$(done)

.make/site: .make/publish .make/node ingestion/site.py $(call files,reports) $(call unless,warehouse/demo.site/index.html)
	$(call say,Building the report site$(comma) which takes a minute or two)
	.venv/bin/throughline site
	$(done)

serve: .make/site
	.venv/bin/throughline site --serve

test: setup
	$(call say,Checking the Python code)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	@$(MAKE) .make/site
	$(call say,Testing the demo's warehouse again as it stands$(comma) and checking the SQL code meanwhile)
	$(lint) > .make/lint 2>&1 & \
	.venv/bin/dbt test --exclude-resource-type unit_test $(DEMO_VARS); \
	wait $$! || { cat .make/lint; exit 1; }
	@cat .make/lint
	$(call say,Testing the loaders$(comma) the commands$(comma) the models end to end$(comma) and the site)
	.venv/bin/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lock: .make/python
	$(PYTHON) -m venv .make/uv && .make/uv/bin/pip install --quiet uv==0.13.8
	.make/uv/bin/uv pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' --quiet -o requirements.lock
	cd reports && rm -rf node_modules package-lock.json && npm install

clean:
	rm -rf .make .venv target logs warehouse/demo warehouse/demo.* warehouse/.demo.* warehouse/.lint reports/node_modules reports/.evidence reports/build

comma := ,
