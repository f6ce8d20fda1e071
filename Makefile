# Daily commands; each is one line you can also type. PYTHON is the interpreter of your virtual environment.
PYTHON ?= python
BUILD = $(PYTHON) setup.py build_ext --inplace
TESTS = $(PYTHON) -m pytest tests -q
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1
SANITIZER_LIBRARY = $(shell $${CC:-cc} -print-file-name=libasan.so)

.PHONY: dev build debug sanitize test fast lint types conformance bench size clean

dev: build lint types fast size

build:
	$(BUILD)

# Bounds checks, asserts, line numbers.
debug:
	FT_DEBUG=1 $(BUILD)
	$(TESTS)

# The suite's processes end at the first finding. Leaks are not looked for: the interpreter keeps memory to the end.
sanitize:
	FT_CFLAGS="$(SANITIZERS)" $(BUILD)
	LD_PRELOAD=$(SANITIZER_LIBRARY) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 $(TESTS)

test:
	$(TESTS)

# Without the tests that start whole trainings.
fast:
	$(TESTS) --deselect tests/cli/test_demo.py --deselect tests/cli/test_doctor.py

lint:
	$(PYTHON) -m ruff check frankentorch tests conformance bench setup.py
	cython-lint frankentorch/_ext

types:
	$(PYTHON) -m mypy frankentorch

conformance:
	$(PYTHON) -m conformance run --ratchet

bench:
	$(PYTHON) -m bench compare

size:
	@du -ch frankentorch/_ext/_core*.so | tail -n 1
	@$(PYTHON) -c "import pathlib; rows = sorted((len(p.read_text().splitlines()), str(p)) for p in pathlib.Path('frankentorch').rglob('*.py*') if p.suffix in ('.py', '.pyx', '.pxd', '.in')); print(sum(n for n, _ in rows), 'lines; largest', *rows[-1])"

clean:
	rm -rf build frankentorch/_ext/_core*.so
