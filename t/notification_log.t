#!/usr/bin/env perl

# The debug log shows each change of a notification's state.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode wait_for);
use Test::More;

plan skip_all => 'nginx has no debug log'
    if `nginx -V 2>&1` !~ /--with-debug/;

local $ENV{ALIKASSA_LOG} = 'debug';

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    alikassa_idempotency_zone notifications 1m;

    server {
        listen 127.0.0.1:%%PORT_0%%;

        location = /notify {
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency  notifications;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /fails {
            alikassa_notification %%KEYS%%/notification/public.pem;
            alikassa_idempotency  notifications;
            proxy_pass http://127.0.0.1:%%PORT_2%%/?fail=1;
        }
        location = /along {
            alikassa_notification %%KEYS%%/notification/public.pem;
            rewrite ^ /shop;
        }
        location = /shop { proxy_pass http://127.0.0.1:%%PORT_2%%; }
        location = /return {
            alikassa_notification %%KEYS%%/notification/public.pem;
            return 200 "ok";
        }
        location = /page {
            alikassa_notification %%KEYS%%/notification/public.pem;
            error_page 403 = @shop;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location = /small {
            alikassa_notification %%KEYS%%/notification/public.pem;
            client_max_body_size 1;
            proxy_pass http://127.0.0.1:%%PORT_2%%;
        }
        location @shop { proxy_pass http://127.0.0.1:%%PORT_2%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_2%%;
        if ($arg_fail) { return 500; }
        return 200 "shop";
    }
}
EOF

sub notification ($id) {
    my $pairs = $t->control('/notify', { order_id => 'none',
        payment_status => 'paid',
        values => { id => $id, order_id => "O-$id", amount => '5',
            account => $t->{account}, service => 's' } });
    return form_encode(map { @$_ } @$pairs);
}

# the states that one request adds to the log

my $read = 0;

sub states ($name, $status, $expected, $request) {
    my $r = $request->();
    is($r->{status}, $status, "$name: status $status");

    my $log = $t->log;
    my $new = substr $log, $read;
    $read = length $log;

    is(join(', ', $new =~ /http alikassa notification: ([^"\n]*?)(?=\n)/g),
        $expected, "$name: states in the debug log");
}

my $one = notification(1);
my $two = notification(2);
my $none = $one =~ s/sign=[^&]*/sign=/r;

$read = length $t->log;

states('delivered', 200, 'pending, verified, delivering, delivered, status 200',
    sub { $t->get("/notify?$one") });
states('repeated', 200, 'pending, verified, replayed',
    sub { $t->get("/notify?$one") });
states('the shop fails', 500,
    'pending, verified, delivering, not delivered, status 500',
    sub { $t->get("/fails?$two") });
states('rewritten to another location', 200, 'pending, verified',
    sub { $t->get("/along?$two") });
states('forged', 403, 'pending, refused', sub { $t->get("/notify?$none") });
states('"return" beside the check', 403, 'pending, refused',
    sub { $t->get("/return?$two") });
states('error_page that leads to the shop', 403,
    'pending, refused, blocked, refused', sub { $t->get("/page?$none") });
states('a body that nginx refuses', 413, 'blocked',
    sub { $t->post("/small?$two", body => 'xx') });

done_testing();
