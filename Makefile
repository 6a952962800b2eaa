# Trait d'union: everything goes through here. `make` alone lists what there is.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# More options for pytest (test, test-postgres), uv (lock) or a benchmark: make test ARGS='-k convention'
ARGS ?=
# One test process more than cores: the journeys often wait for a page.
OUVRIERS ?= $$(($$(getconf _NPROCESSORS_ONLN) + 1))

PY := .venv/bin/python
# What the tools need to start Django without a secret to give: trial mode.
ESSAI := TRAITDUNION_DEBUG=1
# The browser journeys and the conformance of PDF files do not depend on the database: `make test` plays
# them once, on SQLite. ARGS given by hand decides alone.
# Files are read and numbers are parsed without any database: these tests say nothing more on PostgreSQL.
SANS_BASE := --ignore-glob='tests/test_lecture_*' --ignore-glob='tests/test_nombres*' --ignore=tests/test_ecriture_tableaux.py
ARGS_POSTGRES = $(if $(ARGS),$(ARGS),-m "not navigateur and not verapdf" $(SANS_BASE))

export PYTHON
# Modules are compiled once for all processes, whatever the machine says of it: the tests would spend a minute on that.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install install-dev run test test-postgres test-deploiement verapdf lint benchmark benchmark-documents benchmark-pages benchmark-charge \
	benchmark-croissance benchmark-imports format lock clean

help: ## liste ce que l'on peut demander
	@awk -F ' ## ' '/^[a-z-]+:.* ## / { sub(/:.*/, "", $$1); printf "  make %-21s %s\n", $$1, $$2 }' Makefile

install: ## installe l'application (paquets Python, bibliothèques du système)
	@.ci/paquets
	@.ci/systeme pdf

install-dev: ## installe aussi de quoi tester et contrôler
	@.ci/paquets dev
	@.ci/systeme pdf

run: install ## démarre un site d'essai (PORT=8000 HOST=127.0.0.1)
	@exec env $(ESSAI) $(PY) .ci/demarrer.py '$(HOST)' '$(PORT)'

verapdf: install-dev ## met en place le contrôleur PDF/A et PDF/UA
	@.ci/verapdf

test: install-dev ## joue tous les tests (ARGS='-k mot' pour choisir)
	@.ci/systeme navigateur
	@.ci/verapdf
	$(ESSAI) $(PY) -m pytest -n $(OUVRIERS) $(ARGS)

test-postgres: install-dev ## rejoue les tests sur un PostgreSQL privé
	@.ci/systeme postgres
	$(ESSAI) .ci/postgres $(PY) -m pytest -n $(OUVRIERS) $(ARGS_POSTGRES)

test-deploiement: install-dev ## déploie pour de bon sur cette machine, sauvegarde, restaure, efface
	@.ci/systeme postgres
	@.ci/postgres $(PY) .ci/deploiement.py

lint: install-dev ## contrôle le style, les types, l'architecture, les migrations
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m djlint templates --lint --quiet
	$(ESSAI) $(PY) -m mypy .
	$(ESSAI) PYTHONPATH=. $(PY) -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'
	@mkdir -p var
	$(ESSAI) $(PY) manage.py makemigrations --check --dry-run
	@.ci/hotes

# Each measures our own beside its peers in one run and prints its tables; ARGS=--ecrire puts them in docs/performance.md.
benchmark-documents: install-dev ## mesure les PDF à côté de LibreOffice et de Chromium
	@.ci/systeme navigateur bureautique
	@.ci/verapdf
	$(PY) -m benchmarks.documents $(ARGS)

benchmark-pages: install ## mesure les pages, une personne à la fois, et l’écriture d’une fiche
	$(PY) -m benchmarks.demonstration $(ARGS)
	$(PY) -m benchmarks.saisie $(ARGS)

benchmark-charge: install-dev ## mesure les pages pour 1, 10 et 50 personnes à la fois, sur PostgreSQL
	@.ci/systeme postgres
	.ci/postgres $(PY) -m benchmarks.charge $(ARGS)

benchmark-croissance: install ## mesure les durées quand les données sont multipliées par 10, par 100
	$(PY) -m benchmarks.croissance $(ARGS)

benchmark-imports: install ## mesure l’import de grands tableaux
	$(PY) -m benchmarks.imports $(ARGS)

benchmark: install-dev ## toutes les mesures, en petit
	@.ci/systeme navigateur bureautique postgres
	@.ci/verapdf
	$(PY) -m benchmarks.documents --tours 1
	$(PY) -m benchmarks.demonstration --fois 5
	$(PY) -m benchmarks.saisie --fois 5
	.ci/postgres $(PY) -m benchmarks.charge --secondes 5 --conventions 20
	$(PY) -m benchmarks.croissance --tours 2 --fiches 2 --conventions 5
	$(PY) -m benchmarks.imports 2000

format: install-dev ## met le code en forme
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock: ## recalcule requirements*.txt d'après requirements*.in (ARGS=--upgrade pour tout monter)
	@.ci/verrouille $(ARGS)

clean: ## efface les caches (ni .venv, ni les données de var/)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles test-results
	find . -path ./.venv -prune -o -path ./var -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
