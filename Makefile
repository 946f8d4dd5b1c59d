# demo    a storm on a real Kafka, in this terminal
# check   lint, format, types
# test    all tests; they start the broker that they need
# chaos   the tests of what the parts live through, with 200 publishers killed instead of 20
# fuzz    inputs that reach ever further into the codec, the adapters and the gateway: 5 minutes for each target, in an
#         environment of its own (NTSG_FUZZ_SECONDS=60 for less)
# bench   side-by-side measurements, as ratios
# quality how well the merge finds what belongs together, over simulated crises
# peers   our hub beside Quix Streams, FastStream and Bytewax, which get an environment of their own
# land    the geometry of Sweden, made again from its source
# pictures the pictures of the guides, from the room in a browser
# lock    renew requirements.lock (UPGRADE=--upgrade for newer versions)
# clean   remove the environments and everything that was built
#
# Each target makes the environment that it needs. Another interpreter: make PYTHON=python3.13 test

SUITABLE := import sys; sys.exit(sys.version_info < (3, 11))
CANDIDATES := python3.11 python3.12 python3.13 python3.14 python3 python
PYTHON ?= $(shell for name in $(CANDIDATES); do $$name -c '$(SUITABLE)' 2>/dev/null && echo $$name && break; done)

BIN := .venv/bin
READY := .venv/ready
PEERS := .venv-peers
LAND := .venv-land
FUZZ := .venv-fuzz
SHIPPED := bus schemas producers consumers ntsg.py

.PHONY: demo check test chaos fuzz tools bench quality peers land lock clean pictures
.DEFAULT_GOAL := check

demo: $(READY)
	$(BIN)/ntsg demo

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SHIPPED)

test: $(READY) tools
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

chaos: $(READY)
	NTSG_KILLS=$${NTSG_KILLS:-200} $(BIN)/python -m pytest tests/chaos

fuzz: $(FUZZ)/ready
	$(FUZZ)/bin/python -m tests.fuzz --seconds $${NTSG_FUZZ_SECONDS:-300}

# Pages are tested in a real browser, and a bundle's configuration in kcat. Where one is missing and may not be installed,
# the tests say so.
tools:
	@missing=; for tool in chromium kcat; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	test -z "$$missing" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || true

bench: $(READY)
	$(BIN)/python -m benchmarks

quality: $(READY)
	$(BIN)/python -m benchmarks.quality

peers: $(READY) $(PEERS)/ready
	$(BIN)/python -m benchmarks.peers --python $(PEERS)/bin/python

land: $(LAND)/ready
	$(LAND)/bin/python -m benchmarks.land

# What this machine has set for its own installer must not leak into a file that others use.
COMPILE := env -u UV_FIND_LINKS -u UV_INDEX_URL -u UV_DEFAULT_INDEX -u UV_EXTRA_INDEX_URL \
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

pictures: $(READY)
	$(BIN)/python -m docs.pictures.make_screenshots

lock: $(READY)
	$(COMPILE) pyproject.toml --all-extras --output-file requirements.lock
	echo hatchling | $(COMPILE) pyproject.toml - --extra hub --extra admin --extra gateway --no-annotate \
		--constraint requirements.lock --output-file docker/requirements.lock
	$(COMPILE) benchmarks/peers/requirements.in --output-file benchmarks/peers/requirements.txt
	$(COMPILE) benchmarks/land/requirements.in --output-file benchmarks/land/requirements.txt
	$(COMPILE) tests/fuzz/requirements.in --output-file tests/fuzz/requirements.txt

clean:
	rm -rf .venv $(PEERS) $(LAND) $(FUZZ) .fuzz build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c '$(SUITABLE)' || { echo "$(PYTHON) is too old or does not run: Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

$(PEERS)/ready $(LAND)/ready: .venv-%/ready: benchmarks/%/requirements.txt | $(READY)
	"$(PYTHON)" -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

# The fuzzer beside all that the tests need. It comes ready for some interpreters alone: PYTHON=python3.11 is one.
$(FUZZ)/ready: tests/fuzz/requirements.txt requirements.lock
	"$(PYTHON)" -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
