#!/usr/bin/env perl

# Payments over HTTP/3 by a real client.  A client that closes its QUIC
# connection does not interrupt a payment.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode wait_for);
use Test::Http3;
use Test::More;

my $FORM = 'application/x-www-form-urlencoded';

if (my $why = Test::Http3::why_not()) {
    plan skip_all => "no HTTP/3: $why";
}

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOC')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;

    log_format outcome '$alikassa_order_id $status $alikassa_outcome';
    access_log %%DIR%%/outcome.log outcome;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_3%% quic;
        ssl_certificate     %%KEYS%%/server.pem;
        ssl_certificate_key %%KEYS%%/server.key;

        location = /pay    { alikassa_payment; alikassa_idempotency orders; }
        location = /plain  { alikassa_payment; }
        location = /inline { alikassa_payment; alikassa_thread_pool off; }
        location = /payout { alikassa_payout; alikassa_key %%KEYS%%/payout;
                             allow 127.0.0.1; deny all; }
        location = /status { alikassa_payment_status; }
        %%API%%
    }
}
EOC

sub audit ($id) { return $t->audit($id) }

sub outcome ($id) {
    my $line = '';
    wait_for(sub { ($line) = $t->log('outcome.log') =~ /^\Q$id\E (.*)/m });
    return $line;
}

sub client { return Test::Http3->new(port => $t->port(3)) }

sub form ($uri, %change) {
    return (type => $FORM, body => form_encode($uri eq '/payout'
        ? $t->payout(%change) : $t->payment(%change)));
}

my $n = 0;

for my $uri (qw(/pay /plain /inline /payout)) {
    my $c = client();
    my $s = $c->send('POST', $uri, form($uri, order_id => "H-$n"));
    ok($c->wait(sub { $s->{end} }), "$uri: the response ends");
    is($s->{status}, 200, "$uri: status");
    like($s->{body}, qr/"payment_status":"wait"/, "$uri: body");
    is($s->{headers}{'cache-control'}, 'no-store', "$uri: Cache-Control");
    is(outcome("H-$n"), '200 accepted', "$uri: access log");
    $n++;
    $c->close;

    for (['accepted', { action => 'none', delay => 0.5 }],
        ['accepted', { action => 'none', delay => 0.5, delay_when => 'after' }],
        ['accepted', { action => 'slow' }],
        ['unknown', { action => 'cut_after', delay => 0.5 }],
        ['unknown', { action => 'cut_before', delay => 0.5 }])
    {
        my ($outcome, $fault) = @$_;

        for my $how (qw(close reset)) {
            my $id = 'H-' . $n++;
            my $what = "$uri, $fault->{action}, $how";

            $t->faults({ %$fault, count => 1 });
            $c = client();
            $c->send('POST', $uri, form($uri, order_id => $id));
            ok(wait_for(sub { $t->requests($id) }),
                "$what: AliKassa has the order");
            $c->$how;

            ok(wait_for(sub { audit($id) == 1 }),
                "$what: audit log has one line");
            is((audit($id))[0]{outcome}, $outcome,
                "$what: outcome in the audit log");
            like(outcome($id), qr/ $outcome$/,
                "$what: outcome in the access log");
            is(scalar $t->requests($id), 1, "$what: one POST");
        }
    }
}

# The next client gets the response of a client that left.

$t->faults({ action => 'none', delay => 0.5, count => 1 });
my @form = form('/pay', order_id => 'R-1');
my $c = client();
$c->send('POST', '/pay', @form);
ok(wait_for(sub { $t->requests('R-1') }),
    'client left: AliKassa has the order');
$c->close;
$c = client();
my $s = $c->send('POST', '/pay', @form);
ok($c->wait(sub { $s->{end} }), 'client left: the next client gets a response');
is($s->{headers}{'idempotent-replayed'}, 'true',
    'client left: the next client gets a replay');
is(scalar $t->requests('R-1'), 1, 'client left: one POST');

# The client closes a connection with several streams.

$t->faults({ action => 'none', delay => 0.5 });
$c = client();
$c->send('POST', '/pay', form('/pay', order_id => "M-$_")) for 1 .. 5;
ok(wait_for(sub { $t->requests("M-$_") }),
    "stream $_ of a closed connection: in flight") for 1 .. 5;
$c->close;
ok(wait_for(sub { audit("M-$_") == 1 }),
    "stream $_ of a closed connection: audit log has one line") for 1 .. 5;
is((audit("M-$_"))[0]{outcome}, 'accepted',
    "stream $_ of a closed connection: outcome") for 1 .. 5;

# nginx ends a request that only queries the status or waits for another
# request, if the client leaves.

$t->faults({ action => 'none', delay => 1, call => 'payment' });
$c = client();
$c->send('POST', '/pay', @form = form('/pay', order_id => 'G-1'));
ok(wait_for(sub { $t->requests('G-1') }),
    'waiting client leaves: the payment is in flight');
my $d = client();
$d->send('POST', '/pay', @form);
$d->close;
$c->close;
ok(wait_for(sub { audit('G-1') == 1 }),
    'waiting client leaves: audit log has one line');
is((audit('G-1'))[0]{outcome}, 'accepted', 'waiting client leaves: outcome');
is(scalar $t->requests('G-1'), 1, 'waiting client leaves: one POST');

$t->faults;

is(scalar(grep { $_->{created} != 1 } $t->ledger), 0,
    'no order is created twice');

$t->done;
