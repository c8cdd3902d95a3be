# Plain targets over Meson: see README.md. Build folders: build/release (static, optimised), build/san (sanitizers).
SHELL = /bin/sh
DESTDIR ?=
MESON_RELEASE_OPTIONS ?=
MESON_SAN_OPTIONS ?=

all: build/release/build.ninja
	ninja -C build/release

build/release/build.ninja:
	tools/deps build
	meson setup build/release -Dwerror=true -Dtests=false $(MESON_RELEASE_OPTIONS)

build/san/build.ninja:
	tools/deps build
	meson setup build/san --buildtype=debugoptimized -Dwerror=true -Db_sanitize=address,undefined \
		$(MESON_SAN_OPTIONS)

sanitized: build/san/build.ninja
	ninja -C build/san

# Not installed by default: meson_options.txt says what it changes.
hardened:
	tools/deps build
	[ -e build/hardened/build.ninja ] || meson setup build/hardened -Dwerror=true -Dtests=false -Dhardened=true
	ninja -C build/hardened

install: all
	DESTDIR='$(DESTDIR)' meson install -C build/release --no-rebuild

# Import from a real registry, create, start: what the tool does, in a minute.
demo: all
	tools/demo

# All tests, on both builds; the last line says how many passed and failed.
check:
	tools/check $(CHECK_PARTS)

lint:
	tools/deps build lint
	tests/lint/run

# Speed against peers and floors: bench/run --help.
bench: all
	bench/run $(BENCH_OPTIONS)

# Every fuzz target for FUZZ_SECONDS each.
fuzz:
	tools/fuzz

clean:
	rm -rf build/release build/san build/hardened build/fuzz

.PHONY: all sanitized hardened install demo check lint bench fuzz clean
