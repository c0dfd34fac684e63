#!/usr/bin/env perl

# Whatever AliKassa, the network, the client and a careless configuration do:
# one POST, one recorded outcome, one JSON answer.

use v5.36;

use lib 't/lib';

use Test::Alikassa qw(wait_for json_decode);
use Test::More;
use Time::HiRes qw(sleep);

my $t = Test::Alikassa->new->sandbox;

$t->allow_alert(qr/epoll_wait.*reported that client prematurely/);

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_account   %%ACCOUNT%%;
    alikassa_key       %%KEYS%%/payment;
    alikassa_audit_log %%DIR%%/audit.log;

    upstream twice {
        server %%SANDBOX%% max_fails=0;
        server localhost:%%PORT_9%% max_fails=0;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;

        location = /pay      { alikassa_payment; }
        location = /careless { alikassa_payment; alikassa_api /careless; }
        location = /refused  { alikassa_payment; alikassa_api /refused; }
        location = /none     { alikassa_payment; alikassa_api /none; }
        location = /static   { alikassa_payment; alikassa_api /static; }
        location = /self     { alikassa_payment; alikassa_api /self; }
        location = /page     {
            alikassa_payment;
            alikassa_intercept_errors on;
            error_page 400 502 504 /error;
        }
        location = /error {
            return 200 "$alikassa_outcome $alikassa_error $alikassa_order_id";
        }

        location = /secret { internal; return 200 "secret"; }

        # once with all that is wrong, on two connections of one sandbox

        location /careless/ {
            proxy_pass https://twice/;
            proxy_ssl_verify off;
            proxy_next_upstream error timeout invalid_header http_500 http_502
                                non_idempotent;
            proxy_intercept_errors on;
            error_page 302 400 429 500 502 504 /error;
            proxy_read_timeout 1s;
            client_max_body_size 1m;
        }

        location /refused/ { internal; proxy_pass https://127.0.0.1:%%PORT_8%%/; }
        location /static/  { internal; root %%DIR%%; }
        location /self/    { internal; alikassa_payment; }

        location /alikassa-api/ {
            internal;
            include %%API_CONF%%;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name localhost;
        }
    }

    # the second way to the same sandbox

    server {
        listen 127.0.0.1:%%PORT_2%%;
        location / { return 404; }
    }
}
stream_off_marker_not_used "";
EOF

done_testing();
