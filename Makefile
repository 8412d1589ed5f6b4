# The short way in. `make` and `make test` are all that a fresh Debian 12 or Ubuntu 24.04 needs: both install what is
# missing (scripts/deps.sh). BUILD is the build folder, PREFIX and DESTDIR say where `make install` goes.
BUILD  ?= build
PREFIX ?= /usr/local

# What is installed; the tests, three times as much to compile, are `make test`'s.
PRODUCT = graft graft_static graft_pages

all: deps
	@cmake -G Ninja -B $(BUILD) -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$(PREFIX) . >/dev/null
	cmake --build $(BUILD) --target $(PRODUCT)

deps:
	@scripts/deps.sh

# every test there is, see scripts/test.sh; ends with "N passed, N failed"
test: deps
	@scripts/deps.sh wheel
	@scripts/test.sh

# for contributors: what takes less than 3 minutes of it
check: deps
	@scripts/test.sh check

# what takes hours: once before a release; the figures go into docs/reliability.md
soak: deps
	@scripts/test.sh soak

demo: all
	@BUILD=$(BUILD) scripts/demo.sh

# graft beside PyTorch and Keras, which go into .deps/venv; make bench OPTIONS="--quick --rounds 2"
bench: all
	@scripts/deps.sh bench
	@tools/venv.sh
	.deps/venv/bin/python bench/run.py $(OPTIONS)
	.deps/venv/bin/python bench/run.py $(OPTIONS) --nets

# dist/libgraft-*.whl: the Python package with all libraries that it needs (docs/python.md)
wheel: all
	@scripts/deps.sh wheel
	python3 scripts/wheel.py $(BUILD) dist

install:
	@test -e $(BUILD)/build.ninja || $(MAKE) all
	cmake --build $(BUILD) --target $(PRODUCT)
	DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX)

format:
	git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

# make fuzz SECONDS=300 TARGET=image_decode: one target, or each in turn; RUNS=1000000: so many executions instead
SECONDS ?= 60
fuzz: deps
	@scripts/fuzz.sh $(if $(RUNS),$(RUNS)x,$(SECONDS)) $(TARGET)

clean:
	rm -rf $(BUILD) build-* dist

.PHONY: all deps test check soak demo bench wheel install format fuzz clean
