# Everything runs in .venv, which is made the first time and brought up to date when the
# list of packages changes. Another Python: make PYTHON=python3.12 book
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
# As many tests at a time, each on one core: make WORKERS=4 test
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help book test lab bench notebooks assignments lint colab-check links clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: $(READY) ## run every notebook (quick profile), build the HTML book, print where it is
	$(RUN) tools/build_book.py

test: $(READY) browser nbgrader ## the whole test suite: package, notebooks, the book in a real browser
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lab: $(READY) ## open the notebooks in JupyterLab
	$(VENV)/bin/jupyter lab notebooks

bench: $(READY) ## measure speed and memory against the textbook version
	$(RUN) -m benchmarks

notebooks: $(READY) ## make the .ipynb files, with outputs, from notebooks/scripts/
	$(RUN) tools/notebooks.py

assignments: $(READY) ## make the students' notebooks from notebooks/assignments/sources/
	$(VENV)/bin/capsedu assignment release notebooks/assignments/sources

lint: $(READY) ## style of the Python and JavaScript files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/oxlint --deny-warnings

colab-check: $(READY) ## does it install and run with the versions that Colab has?
	$(RUN) tools/colab_check.py

links: $(READY) ## follow every link of the book (needs the network)
	CAPSEDU_PROFILE=quick $(VENV)/bin/jupyter-book build . --builder linkcheck

clean: ## remove what was built (keeps .venv, data and runs)
	rm -rf _build .colab .nbgrader .pytest_cache .ruff_cache .hypothesis
	find capsedu tests tools benchmarks notebooks \
	  \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml
	PYTHON=$(PYTHON) tools/setup.sh python
	@touch $@

.PHONY: browser nbgrader
browser:
	@tools/setup.sh browser
nbgrader: $(READY)
	@tools/setup.sh nbgrader
