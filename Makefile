# The commands that people type. Nothing is downloaded but packages; anny and warp keep their caches in the home folder.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/.ready
BROWSER := $(shell for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name || true; done)
export PATH := $(BIN):$(PATH)
export DO_NOT_TRACK = true
export MLFLOW_DISABLE_TELEMETRY = true
export DVC_NO_ANALYTICS = 1
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export PREFECT_HOME = $(CURDIR)/.prefect
export UV_COMPILE_BYTECODE = 1
export UV_PYTHON_DOWNLOADS = never

.PHONY: help install demo flow serve record runs test bench photos photos-study digits study
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(READY): requirements.lock.txt pyproject.toml
	@echo "installing into $(VENV): about 7 GB of packages, a minute or more"
	@test -x .uv/bin/uv || { $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet uv; }
	@test -x $(VENV)/bin/python || .uv/bin/uv venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	.uv/bin/uv pip install --quiet --python $(VENV) -r requirements.lock.txt
	.uv/bin/uv pip install --quiet --python $(VENV) --no-deps --editable .
	@touch $(READY)

install: $(READY) ## virtual environment and packages

demo: $(READY) ## the whole pipeline on the embedded faces: ten minutes to half an hour, by processor
	@python -m tasks.support.mending
	python -m dvc repro
	python -m tasks.support.tracking
	@python -m tasks.support.closing

flow: $(READY) ## the same by Prefect
	python -m flows.distillation

serve: $(READY) ## Prefect server, MLflow UI and the deployments on loopback, to run and schedule rounds in a browser
	python -m flows.serving $(SERVE)

record: $(READY) ## complete the MLflow record after a plain `dvc repro`
	python -m tasks.support.tracking

runs: $(READY) ## the MLflow UI on loopback, to compare rounds
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --host 127.0.0.1 --port 5000 --workers 1 --backend-store-uri sqlite:///runs/mlflow.db

test: $(READY) ## format, lint, types, import contracts, tests
	ruff format --check .
	ruff check .
	mypy
	lint-imports --no-cache
	@test -n "$(BROWSER)" || echo "no Chromium is installed: the tests in a browser are left out"
	python -m pytest -n logical --maxprocesses 4 --dist loadfile $(if $(BROWSER),,-m "not browser")

bench: $(READY) ## every measurement, against the limit and against peers: docs/benchmarks.md, a quarter of an hour
	bash benchmarks/peers/install.sh
	PYTHONPATH=$(CURDIR)/.peers python -m benchmarks

photos: $(READY) ## the pipeline on real photographs, BENCH=<folder with the packs>, SEED=0
	bash benchmarks/photos/run.sh "$(BENCH)" "$(or $(SEED),0)"

photos-study: $(READY) ## the study on real photographs, BENCH=<folder with the packs>, STUDY=study or threshold: two hours
	bash benchmarks/photos/run.sh "$(BENCH)" "$(or $(STUDY),study)"

digits: $(READY) ## the pipeline beyond faces, on printed and written digits, SEED=0: a few minutes
	bash benchmarks/digits/run.sh "$(or $(SEED),0)"

study: $(READY) ## what each method is worth: every variant of study/params.yaml, resumed where it stopped; about five hours of one core
	@python -m tasks.support.mending
	python -m dvc repro study/dvc.yaml:claims
