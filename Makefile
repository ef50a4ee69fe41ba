# Everything a newcomer needs: `make demo`, `make test`. Only Python (3.11 or newer) and make are assumed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: install demo test fuzz api-fuzz chaos test-live lint bench lock pictures validation clean load-table gateway-table gateway-soak strategies plans dashboard-picture

install: $(VENV)/.installed

# The stamp depends on the lock, so a second call does nothing and a changed lock installs again.
$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit("hotswap needs Python 3.11 or newer; call make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@$(BIN)/python -m compileall -q toolkit  # or each start compiles, where PYTHONDONTWRITEBYTECODE is set
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

demo: install
	$(BIN)/hotswap compare scenarios/working-day.yaml --out reports/demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal --benchmark-disable

# Connection, routing and hot swap on a real host: models are loaded and unloaded there, and it is put back afterwards.
test-live: $(VENV)/.installed-dev
	@test -n "$(HOST)" || { echo "say which host: make test-live HOST=http://ADDRESS:11434 [MODELS='a b']; its models are loaded and unloaded" >&2; exit 2; }
	HOTSWAP_LIVE_HOST='$(HOST)' HOTSWAP_LIVE_MODELS='$(MODELS)' $(BIN)/python -m pytest -m live tests/live -v

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Longer than the bounded run that `make test` has: FUZZ=-max_total_time=600 make fuzz
FUZZ ?= -runs=200000
fuzz: $(VENV)/.installed-dev
	$(BIN)/python tests/fuzz/fuzz_gguf.py $(FUZZ)

# The gateway against its OpenAPI document: every edge of every field, and so many requests an operation at random; some five minutes.
API_EXAMPLES ?= 200
api-fuzz: $(VENV)/.installed-dev
	HOTSWAP_API_EXAMPLES=$(API_EXAMPLES) $(BIN)/python -m pytest -q tests/gateway/api

# The chaos of tests/gateway/chaos for longer: more blows, other seeds, and storms one after the other.
ROUNDS ?= 5
SEED ?= 1
chaos: $(VENV)/.installed-dev
	HOTSWAP_CHAOS_ROUNDS=$(ROUNDS) HOTSWAP_CHAOS_SEED=$(SEED) $(BIN)/python -m pytest tests/gateway/chaos -v

bench: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only

# The load engine's own error at several rates, into docs/load.md; needs two cores, best left alone meanwhile.
load-table: $(VENV)/.installed-dev
	PYTHONPATH=. $(BIN)/python tests/benchmarks/load_table.py

# What the gateway adds to the time of the first token, into docs/gateway.md; two cores, best left alone meanwhile.
gateway-table: $(VENV)/.installed-dev
	PYTHONPATH=. $(BIN)/python -m tests.benchmarks.gateway_table

# A thousand sessions for ten minutes, and the gateway's memory meanwhile; SOAK='200 60' for others.
gateway-soak: $(VENV)/.installed-dev
	PYTHONPATH=. $(BIN)/python -m tests.benchmarks.gateway_soak $(SOAK)

# Maintainers only: resolve anew (names, versions, hashes; the registry's address stays out).
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --group build pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# The example report, and the table in the README.
pictures: install
	$(BIN)/hotswap compare scenarios/working-day.yaml --no-color --no-store --out reports/example | $(BIN)/python docs/renew_readme.py

# docs/dashboard.png: a gateway in front of a twin, in headless Chromium.
dashboard-picture: $(VENV)/.installed-dev
	$(BIN)/python -m docs.picture_dashboard docs/dashboard.png

# The tables of docs/validation.md; those of the whole recordings need them beside the project.
validation: $(VENV)/.installed-dev
	$(BIN)/python -m tests.conformance.timing.renew

# The table "which strategy should I use?"; about three minutes.
strategies: install
	$(BIN)/python docs/renew_strategies.py

# The table of docs/plan.md: every bundled scenario planned; about four minutes on two cores.
plans: install
	$(BIN)/python docs/renew_plans.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
