# make            builds build/ngx_http_alikassa_module.so for Debian's nginx
# make NGX_SRC=.. builds it against another nginx source tree
# make install    installs it where nginx looks for modules (DESTDIR=..)
# make demo       a shop, nginx and a sandbox AliKassa on loopback
# make test       unit tests, nginx and the sandbox, comparison with PHP
# make bench      measures; writes docs/benchmark.md
# make fuzz       fuzzes each parser for FUZZ_SECONDS (60)
#
# demo, test, bench and fuzz install what is missing with apt-get, as root.

SHELL     = /bin/bash

SRC       = ngx_http_alikassa_module
CORE      = $(SRC)/core
BUILD     = build

# Debian's nginx-dev: headers, configure and the flags of its nginx
NGX_DEV   = /usr/share/nginx/src
NGX_SRC   =
NGINX_SRC = $(NGX_SRC)
NGX_FLAGS = --with-compat --with-threads --with-http_ssl_module \
            --with-http_v2_module --with-http_auth_request_module \
            --with-http_secure_link_module --with-http_realip_module
# one that is left out of them
NGX_WITHOUT =

CC        = gcc
CFLAGS    = -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDFLAGS   = -Wl,-z,relro -Wl,-z,now
WARNINGS  = -Wall -Wextra -Werror

# where it is installed: the folders that the nginx in the PATH says it has
NGINX      = nginx
DESTDIR    =
MODULES    = $(or $(call ngx_path,modules-path),/usr/lib/nginx/modules)
CONF       = $(patsubst %/,%,$(dir $(or $(call ngx_path,conf-path), \
                 /etc/nginx/nginx.conf)))
ngx_path   = $(shell PATH="$$PATH:/usr/sbin"; $(NGINX) -V 2>&1 \
                 | tr ' ' '\n' | sed -n 's/^--$(1)=//p')

# of the module inside nginx's build
NGX_CC_OPT = $(CFLAGS)
NGX_LD_OPT = $(LDFLAGS)

CORE_SRCS  = $(wildcard $(CORE)/alikassa_*.c)
CORE_OBJS  = $(CORE_SRCS:$(CORE)/%.c=$(BUILD)/core/%.o)
CORE_LIB   = $(BUILD)/libalikassa.a
LIBS       = -lcjson -lcrypto -lpthread

UNIT_SRCS  = $(wildcard t/unit/*.c)
UNITS      = $(UNIT_SRCS:t/unit/%.c=$(BUILD)/unit/%)
# few contexts of a signer are kept, so that some are dropped
FEW        = -DALIKASSA_SIGNER_SPARE=2
ASAN       = -fsanitize=address,undefined -fno-sanitize-recover=all $(FEW)
TSAN       = -fsanitize=thread $(FEW)
ASAN_UNITS = $(UNIT_SRCS:t/unit/%.c=$(BUILD)/asan/%)
TSAN_UNITS = $(BUILD)/tsan/key

PROVE      = prove -j 3
# the longest first
LONG       = t/threads.t t/upstream.t t/idempotency.t
TESTS      = $(LONG) $(filter-out $(LONG),$(wildcard t/*.t))

.PHONY: all module install sanitized clang inline nginx core unit asan tsan \
        layers php preload programs quick demo test bench fuzz check clean help

all: module

help:
	@sed -n 's/^# //p' Makefile


# the module

module: $(BUILD)/ngx_http_alikassa_module.so

$(BUILD)/ngx_http_alikassa_module.so: $(wildcard $(SRC)/*/*.[ch]) config \
    $(BUILD)/nginx/objs/Makefile
	$(MAKE) -C $(BUILD)/nginx -f objs/Makefile modules
	@# a new file: one that a running nginx has mapped must not change
	cp $(BUILD)/nginx/objs/ngx_http_alikassa_module.so $@.new
	mv $@.new $@

# another list of sources, flags, another tree, another place of ours (it is
# in objs/Makefile) or another nginx in the same place asks for a new configure

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

# A new file that takes the name of the old one: a running nginx has the old
# one mapped, and dies if that is written into.  An alikassa-api.conf that an
# administrator changed stays; the new one is put beside it.

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
	@test -e '/etc/ssl/certs/ca-certificates.crt' || echo \
	    'alikassa-api.conf needs /etc/ssl/certs/ca-certificates.crt:' \
	    'install ca-certificates'

# the same with AddressSanitizer, for t/threads.t

sanitized:
	$(MAKE) BUILD=$(BUILD)/sanitized \
	    NGX_CC_OPT='-O1 -g -fsanitize=address -fno-omit-frame-pointer' \
	    NGX_LD_OPT='-fsanitize=address' CC=$(CC) module

# the same by clang, which warns of other things

clang:
	$(MAKE) BUILD=$(BUILD)/clang CC=clang module

# and as for an nginx without threads, for t/inline.t

inline:
	$(MAKE) BUILD=$(BUILD)/inline CC=clang NGX_WITHOUT=--with-threads module

# nginx itself, from a source tree that has more than headers

nginx: $(BUILD)/nginx/objs/Makefile
	$(MAKE) -C $(BUILD)/nginx -f objs/Makefile binary


# the core as a library, and its tests

core: $(CORE_LIB)

$(CORE_LIB): $(CORE_OBJS)
	rm -f $@
	ar rcs $@ $(CORE_OBJS)

$(BUILD)/core/%.o: $(CORE)/%.c $(wildcard $(CORE)/*.h) | $(BUILD)/core
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -c $< -o $@

$(BUILD)/unit/%: t/unit/%.c $(CORE_LIB) t/unit/pool.h | $(BUILD)/unit
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -I$(CORE) -It/unit $< \
	    $(CORE_LIB) -lcmocka $(LIBS) -o $@

$(BUILD)/asan/%.o: $(CORE)/%.c $(wildcard $(CORE)/*.h) | $(BUILD)/asan
	$(CC) -std=c11 -O1 -g $(ASAN) $(WARNINGS) -c $< -o $@

$(BUILD)/asan/%: t/unit/%.c $(CORE_SRCS:$(CORE)/%.c=$(BUILD)/asan/%.o) \
    t/unit/pool.h | $(BUILD)/asan
	$(CC) -std=c11 -O1 -g $(ASAN) $(WARNINGS) -I$(CORE) -It/unit $< \
	    $(BUILD)/asan/alikassa_*.o -lcmocka $(LIBS) -o $@

$(BUILD)/tsan/%.o: $(CORE)/%.c $(wildcard $(CORE)/*.h) | $(BUILD)/tsan
	$(CC) -std=c11 -O1 -g $(TSAN) $(WARNINGS) -c $< -o $@

$(BUILD)/tsan/%: t/unit/%.c $(CORE_SRCS:$(CORE)/%.c=$(BUILD)/tsan/%.o) \
    t/unit/pool.h | $(BUILD)/tsan
	$(CC) -std=c11 -O1 -g $(TSAN) $(WARNINGS) -I$(CORE) \
	    -It/unit $< $(BUILD)/tsan/alikassa_*.o -lcmocka $(LIBS) -o $@

# what tests put before libcrypto

$(BUILD)/preload/%.so: t/preload/%.c | $(BUILD)/preload
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -fPIC -shared $< -o $@

$(BUILD)/core $(BUILD)/unit $(BUILD)/asan $(BUILD)/tsan $(BUILD)/php \
$(BUILD)/preload:
	mkdir -p $@

# their objects are kept

.SECONDARY:

unit: $(UNITS)
	@set -e; for t in $(UNITS); do echo "== $$t"; $$t; done

# with AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer

asan: $(ASAN_UNITS)
	@set -e; for t in $(ASAN_UNITS); do echo "== $$t"; $$t; done

tsan: $(TSAN_UNITS)
	@set -e; for t in $(TSAN_UNITS); do echo "== $$t"; $$t; done

$(BUILD)/php/%: t/php/%.c $(CORE_LIB) | $(BUILD)/php
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -I$(CORE) $< $(CORE_LIB) \
	    $(LIBS) -o $@

php: $(patsubst t/php/%.c,$(BUILD)/php/%,$(wildcard t/php/*.c))

preload: $(patsubst t/preload/%.c,$(BUILD)/preload/%.so, \
             $(wildcard t/preload/*.c))


# the whole

layers: core
	t/layers

programs: module sanitized clang inline php preload

# first what installs, then what needs it

test:
	t/install build test
	$(MAKE) check

# what needs no nginx, and what the rest needs, each in one piece of output

quick: layers unit asan tsan programs

check:
	$(MAKE) -j2 -O quick
	$(PROVE) $(TESTS)

demo:
	t/install build demo
	$(MAKE) module
	t/demo/run

bench:
	t/install build bench
	$(MAKE) module
	t/bench/run

fuzz:
	t/install build test
	t/fuzz/run

clean:
	rm -rf $(BUILD)
