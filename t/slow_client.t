#!/usr/bin/env perl

# A client that reads its response slowly gets all of it, and one that never
# reads leaves: each kind of response, over HTTP/1.1, 2 and 3, with windows of a
# few bytes.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode wait_for);
use Test::Http2;
use Test::Http3;
use Test::More;
use Time::HiRes qw(sleep);

my $FORM = 'application/x-www-form-urlencoded';
my $no_http3 = Test::Http3::why_not();

my $t = Test::Alikassa->new->sandbox;

$t->write('page.shtml', 'before <!--# include virtual="/status?order_id=S-1" '
    . '--> after');
$t->write('download', 'x' x 200_000);

my $http3 = $no_http3 ? '' : <<'EOC';
        listen 127.0.0.1:%%PORT_3%% quic;
        ssl_certificate     %%KEYS%%/server.pem;
        ssl_certificate_key %%KEYS%%/server.key;
EOC

$t->conf(<<"EOC")->run;
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    alikassa_idempotency_zone orders 1m;
    alikassa_idempotency orders wait=0;
    log_format outcome '\$alikassa_order_id \$status \$alikassa_outcome';
    access_log %%DIR%%/outcome.log outcome;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
$http3
        root %%DIR%%;

        location = /pay      { alikassa_payment; }
        location = /inline   { alikassa_payment; alikassa_thread_pool off; }
        location = /rate     { alikassa_payment; limit_rate 100; }
        location = /small    { alikassa_payment; client_max_body_size 10; }
        location = /status   { alikassa_payment_status; }
        location = /page.shtml { ssi on; ssi_types *; }
        location = /rate.shtml { ssi on; ssi_types *; limit_rate 100;
                                 alias %%DIR%%/page.shtml; }
        location = /download { }
        location = /notify {
            alikassa_notification %%KEYS%%/notification/public.pem;
            return 200 "shop\\n";
        }
        location = /told {
            alikassa_notification %%KEYS%%/notification/public.pem;
            proxy_pass http://127.0.0.1:%%PORT_0%%/shop;
        }
        location = /shop { return 200 "shop\\n"; }
        %%API%%
    }
}
EOC

# The orders of the responses.

is($t->post('/pay', form => [$t->payment(order_id => 'S-1')])->{status}, 200,
    'setup: the order that is replayed is paid');

sub lost ($id) {
    $t->faults({ action => 'cut_after', order_id => "^$id\$", count => 1 });
    is($t->post('/pay', form => [$t->payment(order_id => $id)])->{status}, 502,
        "setup: the response of order $id is lost");
}

my $pairs = $t->control('/notify', { order_id => 'S-1',
    payment_status => 'paid',
    values => { id => 1, order_id => 'S-1', amount => '5',
        account => $t->{account}, service => 's' } });
my $signed = form_encode(map { @$_ } @$pairs);

is($t->get("/told?$signed")->{status}, 200,
    'setup: the notification that is repeated reaches the shop');

my $n = 0;
my @html = (headers => [accept => 'text/html']);

sub pay (%change) { return (type => $FORM, body => form_encode(
    $t->payment(order_id => 'W-' . $n++, %change))) }

# what, status, what its body is like, and the request

my @kinds = (
    ['refusal', 400, qr/^\{"message":.*"amount".*\}$/s,
        sub { ('POST', '/pay', pay(amount => undef)) }],
    ['payment', 200, qr/^\{"url":.*\}$/s, sub { ('POST', '/pay', pay()) }],
    ['payment, signed at once', 200, qr/^\{"url":.*\}$/s,
        sub { ('POST', '/inline', pay()) }],
    ['redirect', 303, qr/^$/, sub { ('POST', '/pay', pay(), @html) }],
    ['replay', 200, qr/^\{"url":.*\}$/s,
        sub { ('POST', '/pay', pay(order_id => 'S-1')) }],
    ['other data', 422, qr/^\{"message":.*\}$/s,
        sub { ('POST', '/pay', pay(order_id => 'S-1', amount => 7)) }],
    ['exists', 200, qr/^\{"message":.*exists already.*\}$/s,
        sub { my $id = 'E-' . $n++; lost($id);
            ('POST', '/pay', pay(order_id => $id)) }],
    ['AliKassa\'s answer is lost', 502, qr/^\{"message":.*\}$/s,
        sub { my $id = 'L-' . $n++;
            $t->faults({ action => 'cut_after', order_id => $id, count => 1 });
            ('POST', '/pay', pay(order_id => $id)) }],
    ['status', 200, qr/^\{.*"payment_status".*\}$/s,
        sub { ('GET', '/status?order_id=S-1') }],
    ['status in a page', 200, qr/^before \{.*"payment_status".*\} after$/s,
        sub { ('GET', '/page.shtml') }],
    ['method', 405, qr/^\{"message":.*\}$/s, sub { ('PUT', '/pay', pay()) }],
    ['too large', 413, qr/^\{"message":.*\}$/s,
        sub { ('POST', '/small', pay()) }],
    ['notification refused', 403, qr/^\{"message":.*\}$/s,
        sub { ('GET', '/notify?id=1') }],
    ['notification answered before', 200, qr/^\{"message":.*\}$/s,
        sub { ('GET', "/told?$signed") }],
);

# a body that comes to an end where the client opens its window

for my $kind (@kinds) {
    my ($what, $status, $body, $request) = @$kind;

    for my $window (0, 1, 10) {
        my $c = Test::Http2->new(port => $t->port(1), window => $window);
        my $s = $c->send($request->());

        ok($c->wait(sub { $s->{status} }), "HTTP/2, $what, window $window");
        is($s->{status}, $status, "HTTP/2, $what, window $window: status");

        if ($status != 303) {
            ok($c->wait(sub { length $s->{body} >= $window }),
                "HTTP/2, $what, window $window: the window is filled");
            ok($c->ping, "HTTP/2, $what, window $window: nginx answers a ping");
            is(length $s->{body}, $window,
                "HTTP/2, $what, window $window: no byte beyond the window");
            ok(!$s->{end}, "HTTP/2, $what, window $window: the stream is open");

            $c->grant($s, 1);
            ok($c->wait(sub { length $s->{body} > $window }),
                "HTTP/2, $what, window $window: one byte more");
            $c->grant($s, 60_000);
        }

        ok($c->wait(sub { $s->{end} }),
            "HTTP/2, $what, window $window: all comes when it is open");
        like($s->{body}, $body, "HTTP/2, $what, window $window: body");
        $c->close;
    }

    # A client that never opens the window leaves.

    for my $how (qw(close cancel)) {
        my $c = Test::Http2->new(port => $t->port(1), window => 1);
        my $s = $c->send($request->());

        ok($c->wait(sub { $s->{status} }), "HTTP/2, $what, leaves by $how");
        $how eq 'close' ? $c->close : $c->cancel($s);
        ok($c->ping, "HTTP/2, $what, cancelled: nginx answers a ping")
            if $how eq 'cancel';
    }
}

# A payment behind a download that uses up the window of the connection.

{
    my $c = Test::Http2->new(port => $t->port(1), window => 100_000);
    my $first = $c->send('GET', '/download');
    ok($c->wait(sub { length $first->{body} == 65_535 }),
        'connection window: a download uses it up');
    my $s = $c->send('POST', '/pay', pay());
    ok($c->wait(sub { $s->{status} }),
        'connection window: the payment behind it gets a header');
    is(length $s->{body}, 0, 'connection window: the payment gets no body yet');
    $c->grant(undef, 1_000_000);
    ok($c->wait(sub { $s->{end} }),
        'connection window: the payment ends when it is open');
    like($s->{body}, qr/^\{"url":.*\}$/s,
        'connection window: body of the payment');
    $c->close;
}

# With limit_rate nginx waits between two pieces of a response.

for (['refusal', 400, amount => undef], ['payment', 200]) {
    my ($what, $status, %change) = @$_;
    my $r = $t->post('/rate', form => [$t->payment(%change)]);
    is($r->{status}, $status, "limit_rate, $what: status");
    like($r->{body}, qr/^\{.*\}$/s, "limit_rate, $what: whole body");
}

like($t->get('/rate.shtml')->{body},
    qr/before \{.*"payment_status".*\} after/s,
    'limit_rate, page with a status: whole body');

# A thousand clients leave.

{
    my $before = $t->fds;
    my @open;

    for my $i (1 .. 1000) {
        my $c = Test::Http2->new(port => $t->port(1), window => 10);
        my $s = $c->send('POST', '/pay', pay(amount => undef));
        $c->wait(sub { length $s->{body} == 10 }) or last;
        push @open, $c;
        (shift @open)->close if @open > 20;
        is($t->get('/status?order_id=S-1')->{status}, 200,
            "HTTP/2: nginx serves after $i clients left") if $i % 250 == 0;
    }

    $_->close for @open;
    ok(wait_for(sub { $t->fds <= $before }),
        'HTTP/2, 1000 clients left: no file descriptor leaks')
        or diag($t->fds . " descriptors, $before before");
}

SKIP: {
    if ($no_http3) {
        diag("HTTP/3 is not tested: $no_http3");
        skip "HTTP/3: $no_http3", 1;
    }

    # all kinds at once, each a stream of one connection

    for my $window (0, 1, 10, 300) {
        my $c = Test::Http3->new(port => $t->port(3), window => $window);
        my @streams = map { $c->send($_->[3]->()) } @kinds;

        $c->wait(sub { grep { $_->{end} } @streams }, 1) if $window < 100;

        for my $i (0 .. $#kinds) {
            ok(!$streams[$i]{end}, "HTTP/3, $kinds[$i][0], window $window")
                if $window < 100;
        }

        $c->open;

        for my $i (0 .. $#kinds) {
            my ($what, $status, $body) = @{ $kinds[$i] };
            my $s = $streams[$i];
            ok($c->wait(sub { $s->{end} }), "HTTP/3, $what, $window, opened");
            is($s->{status}, $status, "HTTP/3, $what, window $window: status");
            like($s->{body}, $body, "HTTP/3, $what, window $window: body");
        }

        $c->close;
    }

    # and one that never opens leaves

    my $before = $t->fds;

    for my $round (1 .. 10) {
        my $c = Test::Http3->new(port => $t->port(3), window => 1);
        $c->send($_->[3]->()) for @kinds;
        $c->close;
    }

    is($t->get('/status?order_id=S-1')->{status}, 200,
        'HTTP/3, clients left: nginx serves');
    ok(wait_for(sub { $t->fds <= $before }),
        'HTTP/3, clients left: no file descriptor leaks')
        or diag($t->fds . " descriptors, $before before");
}

is(scalar(grep { $_->{created} != 1 } $t->ledger), 0,
    'each order is created once');

$t->done;
