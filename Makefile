# "make help" lists the targets.  Each target that a person may ask for has a
# comment with two "#" before it, which "make help" prints.

SHELL     = /bin/bash

SRC       = ngx_http_alikassa_module
CORE      = $(SRC)/core
BUILD     = build

# Debian's package nginx-dev: headers, configure and the flags of its nginx
NGX_DEV   = /usr/share/nginx/src
# another nginx source tree to build against: make NGX_SRC=path
NGX_SRC   =
NGINX_SRC = $(NGX_SRC)
NGX_FLAGS = --with-compat --with-threads --with-http_ssl_module \
            --with-http_v2_module --with-http_auth_request_module \
            --with-http_secure_link_module --with-http_realip_module
# one flag to leave out of them
NGX_WITHOUT =

# make has a CC of its own, "cc": only that one is replaced, so that CC in the
# environment and on the command line count alike
ifeq ($(origin CC),default)
CC        = gcc
endif

CFLAGS    = -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDFLAGS   = -Wl,-z,relro -Wl,-z,now
WARNINGS  = -Wall -Wextra -Werror
# of the core, besides
CORE_WARNINGS = -Wshadow -Wconversion

# where "make install" writes: the folders that the nginx in the PATH names
NGINX      = nginx
DESTDIR    =
MODULES    = $(or $(call ngx_path,modules-path),/usr/lib/nginx/modules)
CONF       = $(patsubst %/,%,$(dir $(or $(call ngx_path,conf-path), \
                 /etc/nginx/nginx.conf)))
# of Debian's ca-certificates, which docs/alikassa-api.conf names
CA_CERTS   = /etc/ssl/certs/ca-certificates.crt
ngx_path   = $(shell PATH="$$PATH:/usr/sbin"; $(NGINX) -V 2>&1 \
                 | tr ' ' '\n' | sed -n 's/^--$(1)=//p')

# flags of the module, inside nginx's build
NGX_CC_OPT = $(CFLAGS)
NGX_LD_OPT = $(LDFLAGS)

CORE_SRCS  = $(wildcard $(CORE)/alikassa_*.c)
CORE_OBJS  = $(CORE_SRCS:$(CORE)/%.c=$(BUILD)/core/%.o)
ASAN_OBJS  = $(CORE_SRCS:$(CORE)/%.c=$(BUILD)/asan/%.o)
TSAN_OBJS  = $(CORE_SRCS:$(CORE)/%.c=$(BUILD)/tsan/%.o)
CORE_LIB   = $(BUILD)/libalikassa.a
LIBS       = -lcjson -lcrypto -lpthread
# the compiler writes what an object depends on into a file beside it
DEPS       = -MMD -MP -MF $@.d -MT $@

UNIT_SRCS  = $(wildcard t/unit/*.c)
UNITS      = $(UNIT_SRCS:t/unit/%.c=$(BUILD)/unit/%)
# a signer keeps few contexts, so that the tests also see it drop some
SIGNER_CACHE = -DALIKASSA_SIGNER_SPARE=2
ASAN       = -fsanitize=address,undefined -fno-sanitize-recover=all \
             $(SIGNER_CACHE)
TSAN       = -fsanitize=thread $(SIGNER_CACHE)
ASAN_UNITS = $(UNIT_SRCS:t/unit/%.c=$(BUILD)/asan/%)
TSAN_UNITS = $(BUILD)/tsan/key

PROVE      = prove -j 3
# the slowest tests, which start first
SLOW_TESTS = t/threads.t t/upstream.t t/idempotency.t
TESTS      = $(SLOW_TESTS) $(filter-out $(SLOW_TESTS),$(wildcard t/*.t))

.PHONY: all help module install sanitized clang without-threads late-store \
        nginx core unit asan tsan php preload check-style layers test-checks \
        test-programs check-fast check test test-one demo bench \
        fuzz clean

## the same as "make module"
all: module

## list the targets
help:
	@awk '/^## / { text = text substr($$0, 3); next } \
	    /^[a-z0-9-]+:/ && text { \
	        sub(/:.*/, ""); printf "make %-15s%s\n", $$0, text \
	    } \
	    { text = "" }' Makefile


# the module

## build the module for Debian's nginx, or for NGX_SRC=path
module: $(BUILD)/ngx_http_alikassa_module.so

$(BUILD)/ngx_http_alikassa_module.so: $(wildcard $(SRC)/*/*.[ch]) config \
    $(wildcard t/late_store/*.c) \
    $(BUILD)/nginx/objs/Makefile
	$(MAKE) -C $(BUILD)/nginx -f objs/Makefile modules
	@# replaced, not written into: a running nginx may have mapped it
	cp $(BUILD)/nginx/objs/ngx_http_alikassa_module.so $@.new
	mv $@.new $@

# nginx is configured again when the list of sources, the flags, the tree or
# the nginx in it change, or when this folder moves, whose path configure has
# written into objs/Makefile

NGX_TREE   = $(or $(NGINX_SRC),$(NGX_DEV))
NGX_IS    := $(shell cd '$(NGX_TREE)' 2>/dev/null && \
                 cat conf_flags src/core/nginx.h src/core/ngx_module.h \
                     2>/dev/null | sha1sum)

STAMP := $(shell echo '$(NGINX_SRC) $(NGX_CC_OPT) $(NGX_LD_OPT) $(CC)' \
             '$(sort $(wildcard $(SRC)/*/*.[ch]))' '$(CURDIR)' '$(NGX_IS)' \
             '$(NGX_FLAGS) $(NGX_WITHOUT)' | sha1sum)

ifneq ($(shell cat $(BUILD)/nginx.stamp 2>/dev/null),$(STAMP))
$(BUILD)/nginx/objs/Makefile: FORCE
endif

.PHONY: FORCE
FORCE:

$(BUILD)/nginx/objs/Makefile: config
	rm -rf $(BUILD)/nginx
	mkdir -p $(BUILD)
	if [ -n '$(NGINX_SRC)' ]; then \
	    cp -r '$(NGINX_SRC)' $(BUILD)/nginx; \
	elif [ -e $(NGX_DEV)/conf_flags ]; then \
	    cp -r $(NGX_DEV) $(BUILD)/nginx; \
	else \
	    echo 'no nginx to build against: apt-get install nginx-dev,' \
	         'or make NGX_SRC=path'; exit 1; \
	fi
	cd $(BUILD)/nginx && rm -rf objs \
	&& flags=($(NGX_FLAGS)) \
	&& if [ -z '$(NGINX_SRC)' ]; then \
	    . ./conf_flags; flags=("$${NGX_CONF_FLAGS[@]}"); \
	fi \
	&& for i in "$${!flags[@]}"; do \
	    [ "$${flags[i]}" != '$(NGX_WITHOUT)' ] || unset "flags[i]"; \
	done \
	&& configure=./configure \
	&& if [ ! -e $$configure ]; then configure=auto/configure; fi \
	&& $$configure "$${flags[@]}" --with-cc='$(CC)' \
	    --with-cc-opt='$(NGX_CC_OPT) $(WARNINGS)' \
	    --with-ld-opt='$(NGX_LD_OPT)' \
	    --add-dynamic-module='$(CURDIR)' > configure.log \
	|| { tail -n 20 configure.log; exit 1; }
	echo '$(STAMP)' > $(BUILD)/nginx.stamp

# The module is renamed into its place: a running nginx has mapped the old file
# and dies if that is written into.  An alikassa-api.conf that an administrator
# has changed stays, and the new one is put beside it.

## install the module where nginx -V says (DESTDIR=folder)
install: module
	mkdir -p '$(DESTDIR)$(MODULES)' '$(DESTDIR)$(CONF)'
	install -m 644 $(BUILD)/ngx_http_alikassa_module.so \
	    '$(DESTDIR)$(MODULES)/.ngx_http_alikassa_module.so.new'
	mv -f '$(DESTDIR)$(MODULES)/.ngx_http_alikassa_module.so.new' \
	    '$(DESTDIR)$(MODULES)/ngx_http_alikassa_module.so'
	@set -e; api='$(DESTDIR)$(CONF)/alikassa-api.conf'; new=$$api; \
	if [ -e "$$api" ] && ! cmp -s docs/alikassa-api.conf "$$api"; then \
	    new=$$api.new; \
	    echo "$$api differs and is kept, compare it with $$new"; \
	fi; \
	install -m 644 docs/alikassa-api.conf "$$new.tmp"; \
	mv -f "$$new.tmp" "$$new"
	@test -e '$(CA_CERTS)' || echo 'alikassa-api.conf needs' \
	    '$(CA_CERTS): install ca-certificates'

## build the module with AddressSanitizer, for t/threads.t
sanitized:
	$(MAKE) BUILD=$(BUILD)/sanitized \
	    NGX_CC_OPT='-O1 -g -fsanitize=address -fno-omit-frame-pointer' \
	    NGX_LD_OPT='-fsanitize=address' CC=$(CC) module

## build the module with clang, which warns of other things
clang:
	$(MAKE) BUILD=$(BUILD)/clang CC=clang module

## build the module without threads, for t/without_threads.t
without-threads:
	$(MAKE) BUILD=$(BUILD)/without-threads CC=clang \
	    NGX_WITHOUT=--with-threads module

## build it with a store that settles late, for t/late_store.t
late-store:
	NGX_HTTP_ALIKASSA_LATE_STORE=YES \
	    $(MAKE) BUILD=$(BUILD)/late-store CC='$(CC)' module

## build nginx itself, where NGX_SRC has more than headers
nginx: $(BUILD)/nginx/objs/Makefile
	$(MAKE) -C $(BUILD)/nginx -f objs/Makefile binary


# the core as a library, and its tests

## build the core as a library
core: $(CORE_LIB)

$(CORE_LIB): $(CORE_OBJS)
	rm -f $@
	ar rcs $@ $(CORE_OBJS)

$(BUILD)/core/%.o: $(CORE)/%.c $(BUILD)/core.stamp | $(BUILD)/core
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $(CORE_WARNINGS) \
	    $(DEPS) -c $< -o $@

$(BUILD)/unit/%: t/unit/%.c $(CORE_LIB) | $(BUILD)/unit
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $(DEPS) -I$(CORE) -It/unit $< \
	    $(CORE_LIB) -lcmocka $(LIBS) -o $@

$(BUILD)/asan/%.o: $(CORE)/%.c $(BUILD)/core.stamp | $(BUILD)/asan
	$(CC) -std=c11 -O1 -g $(ASAN) $(WARNINGS) $(CORE_WARNINGS) \
	    $(DEPS) -c $< -o $@

$(BUILD)/asan/%: t/unit/%.c $(ASAN_OBJS) | $(BUILD)/asan
	$(CC) -std=c11 -O1 -g $(ASAN) $(WARNINGS) $(DEPS) -I$(CORE) \
	    -It/unit $< $(ASAN_OBJS) -lcmocka $(LIBS) -o $@

$(BUILD)/tsan/%.o: $(CORE)/%.c $(BUILD)/core.stamp | $(BUILD)/tsan
	$(CC) -std=c11 -O1 -g $(TSAN) $(WARNINGS) $(CORE_WARNINGS) \
	    $(DEPS) -c $< -o $@

$(BUILD)/tsan/%: t/unit/%.c $(TSAN_OBJS) | $(BUILD)/tsan
	$(CC) -std=c11 -O1 -g $(TSAN) $(WARNINGS) $(DEPS) -I$(CORE) \
	    -It/unit $< $(TSAN_OBJS) -lcmocka $(LIBS) -o $@

# libraries that tests load before libcrypto

$(BUILD)/preload/%.so: t/preload/%.c | $(BUILD)/preload
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $(DEPS) -fPIC -shared $< -o $@

$(BUILD)/core $(BUILD)/unit $(BUILD)/asan $(BUILD)/tsan $(BUILD)/php \
$(BUILD)/preload:
	mkdir -p $@

# the core is built again when its compiler, its flags or its list of files
# change

CORE_STAMP := $(shell echo '$(CC) $(CFLAGS) $(WARNINGS) $(CORE_WARNINGS)' \
                  '$(ASAN) $(TSAN)' \
                  '$(sort $(CORE_SRCS))' | sha1sum)

ifneq ($(shell cat $(BUILD)/core.stamp 2>/dev/null),$(CORE_STAMP))
$(BUILD)/core.stamp: FORCE
endif

$(BUILD)/core.stamp:
	mkdir -p $(BUILD)
	echo '$(CORE_STAMP)' > $@

-include $(wildcard $(BUILD)/*/*.d)

# make does not delete the objects when the programs are built

.SECONDARY:

## run the unit tests of the core
unit: $(UNITS)
	@set -e; for t in $(UNITS); do echo "== $$t"; $$t; done

## run them with Address- and UndefinedBehaviorSanitizer
asan: $(ASAN_UNITS)
	@set -e; for t in $(ASAN_UNITS); do echo "== $$t"; $$t; done

## run those that start threads with ThreadSanitizer
tsan: $(TSAN_UNITS)
	@set -e; for t in $(TSAN_UNITS); do echo "== $$t"; $$t; done

$(BUILD)/php/%: t/php/%.c $(CORE_LIB) | $(BUILD)/php
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $(DEPS) -I$(CORE) $< $(CORE_LIB) \
	    $(LIBS) -o $@

## build the programs that t/php.t compares with PHP
php: $(patsubst t/php/%.c,$(BUILD)/php/%,$(wildcard t/php/*.c))

## build the libraries that tests load before libcrypto
preload: $(patsubst t/preload/%.c,$(BUILD)/preload/%.so, \
             $(wildcard t/preload/*.c))


# all checks and tests

## check columns, blank lines, order of prototypes and more
check-style:
	t/check-style

## check who may include and call whom
layers: core module
	t/check-layers

## plant faults in a copy, and see that both checks find them
test-checks: core module
	t/check-style --self-test
	t/check-layers --self-test

## build all that t/*.t needs
test-programs: module sanitized clang without-threads late-store php preload

## run what needs no nginx, and build what t/*.t needs
check-fast: check-style layers test-checks unit asan tsan test-programs

## check style, layers and unit tests; installs nothing
check:
	+t/check '$(MAKE)' '$(CC)'

## install what is missing, as root; then run all tests
test:
	t/install build test
	$(MAKE) check
	$(MAKE) -j2 -O test-programs
	$(PROVE) $(TESTS)

## run one test, see t/README.md: T=t/payment.t
test-one:
	@[ -n '$(T)' ] || \
	    { echo 'which test? make test-one T=t/payment.t'; exit 1; }
	@for t in $(T); do [ -e "$$t" ] || \
	    { echo "no such test: $$t"; exit 1; }; done
	prove $(T)

## run a shop, nginx and a sandbox AliKassa (may install)
demo:
	t/install build demo
	$(MAKE) module
	t/demo/run

## measure; writes docs/benchmark.md; QUICK=1 (may install)
bench:
	t/install build bench
	$(MAKE) module
	BENCH_QUICK='$(or $(QUICK),$(BENCH_QUICK))' t/bench/run

## fuzz each parser for FUZZ_SECONDS=60 (may install)
fuzz:
	t/install build test
	t/fuzz/run

## remove the folder build
clean:
	rm -rf $(BUILD)
