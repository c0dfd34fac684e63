#!/usr/bin/env perl

# worker_shutdown_timeout ends requests by force.  The outcome of a call in
# flight is recorded before nginx writes the access log.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(form_encode wait_for);
use Test::Http2;
use Test::Http3;
use Test::More;

my $no_http3 = Test::Http3::why_not();
my $t = Test::Alikassa->new(no_fds => 1)->sandbox;

my $http3 = $no_http3 ? '' : <<'EOC';
        listen 127.0.0.1:%%PORT_3%% quic;
        ssl_certificate     %%KEYS%%/server.pem;
        ssl_certificate_key %%KEYS%%/server.key;
EOC

$t->conf(<<"EOC")->run;
%%GLOBALS%%
worker_shutdown_timeout 300ms;
events { }
http {
    %%HTTP%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;

    # A new worker may get the QUIC packets of a client: the old one ends its
    # connection when it has been idle for this time.
    keepalive_timeout 3s;

    log_format outcome '\$alikassa_order_id \$alikassa_outcome';
    access_log %%DIR%%/outcome.log outcome;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
$http3
        location = /pay   { alikassa_payment; alikassa_idempotency orders; }
        location = /plain { alikassa_payment; }
        %%API%%
    }
}
EOC

sub audit ($id) { return map { $_->{outcome} } $t->audit($id) }

my $n = 0;

for my $uri (qw(/pay /plain)) {
    my @sent;

    # The sandbox responds when nginx has ended the requests.

    $t->faults($t->held_response(delay_when => 'after'));

    for my $how ('HTTP/1.1', 'HTTP/2', 'HTTP/3', 'HTTP/3, closed') {
        next if $how =~ m{HTTP/3} && $no_http3;

        my $id   = 'D-' . $n++;
        my @form = $t->payment(order_id => $id);
        my @body = (type => 'application/x-www-form-urlencoded',
            body => form_encode(@form));
        my $c;

        if ($how eq 'HTTP/1.1') {
            $c = $t->send_request($uri, method => 'POST', form => \@form);

        } else {
            $c = $how eq 'HTTP/2' ? Test::Http2->new(port => $t->port(1))
                : Test::Http3->new(port => $t->port(3));
            $c->send('POST', $uri, @body);
        }

        ok(wait_for(sub { $t->requests($id) }),
            "$uri, $how: the call is in flight");
        $c->close if $how =~ /closed/;
        push @sent, [$id, "$uri, $how", $c];
    }

    ok($t->reload, "$uri: new workers after a reload");

    # nginx first waits for the response of an HTTP/2 stream.

    my @streams = grep { $_->[1] =~ m{HTTP/2} } @sent;

    for ((grep { $_->[1] !~ m{HTTP/2} } @sent), @streams) {
        my ($id, $what) = @$_;
        my $outcome = $what =~ m{HTTP/2} ? 'accepted' : 'unknown';

        $t->respond if $outcome eq 'accepted';
        ok(wait_for(sub { $t->log('outcome.log') =~ /^\Q$id\E /m }),
            "$what: access log is written");
        ok(wait_for(sub { audit($id) }), "$what: audit log is written");

        is(join(' ', audit($id)), $outcome, "$what: outcome in the audit log");
        like($t->log('outcome.log'), qr/^\Q$id\E $outcome$/m,
            "$what: outcome in the access log");
    }
}

# The next request queries the status.

$t->faults;
is($t->post('/pay', form => [$t->payment(order_id => 'D-0')])->{status}, 200,
    'retry of an unknown order: status');
is(scalar(grep { $_->{path} =~ /status$/ } $t->requests('D-0')), 1,
    'retry of an unknown order: one status query');

if ($no_http3) {
    diag("HTTP/3 is not tested: $no_http3");
    SKIP: { skip "HTTP/3: $no_http3", 1 }
}

is(scalar(grep { $_->{created} != 1 } $t->ledger), 0,
    'no order is created twice');

$t->done;
