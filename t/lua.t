#!/usr/bin/env perl

# Beside lua-nginx-module, which may replace the body of a request and frees the
# original.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(wait_for);
use Test::More;

my $modules = '/usr/lib/nginx/modules';

plan skip_all => 'Debian\'s Lua module is for Debian\'s nginx'
    if $ENV{ALIKASSA_NGINX} || !-e "$modules/ngx_http_lua_module.so";

my $t = Test::Alikassa->new->sandbox;

my $load = "load_module $modules/ndk_http_module.so;\n"
    . "load_module $modules/ngx_http_lua_module.so;\n";

$t->conf($load . <<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format vars '$alikassa_order_id $alikassa_amount';
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        # bodies that are big enough to be given back at once

        location = /json {
            content_by_lua_block {
                ngx.req.read_body()
                ngx.req.set_body_data('{"order_id":"L-1","first":"first text",'
                    .. '"pad":"' .. string.rep("p", 6000) .. '","last":"one"}')
                local id = ngx.var.alikassa_field_order_id
                ngx.req.set_body_data('{"order_id":"'
                    .. string.rep("E", 6000) .. '"}')
                ngx.print(id, "|", ngx.var.alikassa_field_first, "|",
                    ngx.var.alikassa_field_last)
            }
        }

        location = /form {
            content_by_lua_block {
                ngx.req.read_body()
                ngx.req.set_body_data("order_id=L-1&first=text&pad="
                    .. string.rep("p", 6000) .. "&last=one")
                local id = ngx.var.alikassa_field_order_id
                ngx.req.set_body_data(string.rep("E", 6500))
                ngx.print(id, "|", ngx.var.alikassa_field_first, "|",
                    ngx.var.alikassa_field_last)
            }
        }

        location = /pay {
            access_by_lua_block {
                ngx.req.read_body()
                ngx.req.set_body_data("order_id=L-2&amount=1.50&pad="
                    .. string.rep("p", 6000))
            }
            alikassa_payment;
            alikassa_intercept_errors on;
            error_page 400 /again;
        }

        location = /again {
            internal;
            access_log %%DIR%%/vars.log vars;
            content_by_lua_block {
                ngx.req.set_body_data(string.rep("E", 6500))
                ngx.print("again")
            }
        }

        # what is put there is what is paid with

        location = /paid {
            access_by_lua_block {
                ngx.req.read_body()
                local body = ngx.req.get_body_data()
                ngx.req.set_body_data(body .. "&order_id=L-3")
            }
            alikassa_payment;
        }

        # a handler that sends the order its own way

        location = /other {
            alikassa_payment;
            alikassa_api /lua;
            alikassa_idempotency orders;
        }

        location /lua/ {
            internal;
            content_by_lua_block {
                local r = ngx.location.capture("/alikassa-api"
                    .. ngx.var.uri:sub(5), { method = ngx.HTTP_POST,
                    always_forward_body = true })
                ngx.status = r.status
                ngx.header["Content-Length"] = #r.body
                ngx.print(r.body)
            }
        }

        location = /notify {
            alikassa_notification %%KEYS%%/notification/public.pem;
            error_page 403 = @lua;
            proxy_pass http://127.0.0.1:%%PORT_9%%;
        }
        location @lua { content_by_lua_block { ngx.print("lua") } }
        %%API%%
    }
}
EOF

is($t->post('/json', json => '{"a":1}')->{body}, 'L-1|first text|one',
    'body replaced by Lua: variables keep the values of the JSON object');
is($t->post('/form', form => [a => 1])->{body}, 'L-1|text|one',
    'body replaced by Lua: variables keep the values of the form');

is($t->post('/pay', form => [a => 1])->{body}, 'again',
    'body replaced by Lua: error_page');
ok(wait_for(sub { $t->log('vars.log') ne '' }),
    'body replaced by Lua: access log is written');
is($t->log('vars.log'), "L-2 1.5\n",
    'body replaced by Lua: access log has the refused order');

my @fields = $t->payment(order_id => undef);
is($t->post('/paid', form => \@fields)->{status}, 200, 'body set by Lua: paid');
is(scalar(() = $t->requests('L-3')), 1,
    'body set by Lua: the order of the new body is sent');

# AliKassa gets the order by a call that another handler makes: its outcome is
# unknown.

for my $try (1, 2) {
    my $r = $t->post('/other', form => [$t->payment(order_id => 'L-4',
        customer_ip => '192.0.2.8')]);
    is("$r->{status} $r->{json}{outcome}", ($try == 1 ? 502 : 409)
        . ' unknown', "another handler, $try: unknown");
}

is(scalar(grep { $_->{call} eq 'payment' } $t->requests('L-4')), 1,
    'another handler: sent once');
is(join(' ', $t->log('audit.log') =~ /"outcome":"(\w+)"/g),
    'accepted unknown', 'another handler: audit log');
like($t->log, qr/\[error\] .* a handler that passes nothing on, it is not known whether the call was sent, give it a "proxy_pass"/,
    'another handler: error log');

is($t->get('/notify')->{status}, 403,
    'refused notification: no Lua handler answers');

$t->done;
