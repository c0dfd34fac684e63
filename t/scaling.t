#!/usr/bin/env perl

# docs/scaling.md: a front tier that hashes on the order, two signers, one of
# which is killed.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(read_response wait_for);
use Test::More;

my $box = Test::Alikassa->new->sandbox;
my @signers;

for my $n (0, 1) {
    my $s = Test::Alikassa->new;
    $s->{$_} = $box->{$_} for qw(box control account other api);
    $s->conf(<<'EOF')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders 1m;
    server {
        listen 127.0.0.1:%%PORT_0%%;
        location = /pay {
            alikassa_payment;
            alikassa_idempotency orders;
        }
        location = /checkout {
            alikassa_payment;
            alikassa_set order_id $alikassa_field_order_number;
            alikassa_idempotency orders;
        }
        %%API%%
    }
}
EOF
    push @signers, $s;
}

my ($one, $two) = map { '127.0.0.1:' . $_->port(0) } @signers;

$box->conf(<<'EOF' =~ s/ONE/$one/gr =~ s/TWO/$two/gr)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format where '$alikassa_order_id $upstream_addr';
    access_log %%DIR%%/where.log where;
    upstream signers {
        hash $alikassa_order_id consistent;
        server ONE;
        server TWO;
    }
    upstream signers_by_field {
        hash $alikassa_field_order_number consistent;
        server ONE;
        server TWO;
    }
    server {
        listen 127.0.0.1:%%PORT_0%%;
        listen 127.0.0.1:%%PORT_1%% http2;
        proxy_set_header Connection close;    # kept by default from 1.29.7 on
        location = /pay {
            proxy_pass          http://signers;
            proxy_next_upstream error timeout;
        }
        location = /checkout {
            proxy_pass http://signers_by_field;
        }
        location = /checkout-set {
            alikassa_set order_id $alikassa_field_order_number;
            proxy_pass http://signers/checkout;
        }
    }
}
EOF

sub signer ($id) {
    my @at;
    wait_for(sub { @at = $box->log('where.log') =~ /^\Q$id\E (.*)$/mg; @at });
    return @at;
}

# All requests for an order go to one signer, however the order is spelt.

my %by;

for my $n (1 .. 40) {
    my $id = "H-$n";
    my @f  = $box->payment(order_id => $id);

    my @r = $box->parallel([['/pay', method => 'POST', form => \@f],
        ['/pay', method => 'POST', json => $box->json(@f)],
        ['/pay', method => 'POST', multipart => \@f],
        ['/pay', method => 'POST', form => \@f, chunked => 20]]);

    is(join(' ', map { $_->{status} } @r), '200 200 200 200',
        "$id in four forms: paid")
        or diag($r[0]{raw});
    is(scalar(grep { $_->{header}->('Idempotent-Replayed') } @r), 3,
        "$id in four forms: three are replays");
}

ok(wait_for(sub { (() = $box->log('where.log') =~ /^H-/mg) == 160 }),
    'front tier: access log has all requests');

for my $n (1 .. 40) {
    my %at = map { $_ => 1 } signer("H-$n");
    is(scalar keys %at, 1, "H-$n: one signer got all requests");
    $by{ (keys %at)[0] }++;
}

cmp_ok($by{$one} // 0, '>', 3, 'the first signer got some orders');
cmp_ok($by{$two} // 0, '>', 3, 'the second signer got some orders');

for my $uri (qw(/checkout /checkout-set)) {
    my @f = $box->payment(order_id => undef, order_number => "F$uri");
    is($box->post($uri, form => \@f)->{status}, 200,
        "$uri: order number under the shop's own name");
    is($box->post($uri, json => $box->json(@f))->{header}
        ->('Idempotent-Replayed'), 'true', "$uri: the same signer");
}

is($box->h2('/pay', form => [$box->payment(order_id => 'H-1')])->{status}, 200,
    'HTTP/2: status');
is($box->post('/pay', body => '{', headers =>
    ['Content-Type: application/json'])->{status}, 400,
        'request without an order: refused');

# One signer dies with orders in flight.

my (@first) = grep { (signer("H-$_"))[0] eq $one } 1 .. 40;
my ($known) = @first;

$box->faults($box->held_response(order_id => 'D-.*', delay_when => 'after'));

my @ids  = map { "D-$_" } 1 .. 20;
my @work = map { [ $_, $box->send_request('/pay', method => 'POST',
    form => [$box->payment(order_id => $_)]) ] } @ids;

ok(wait_for(sub { (grep { $_->{order_id} =~ /^D-/ } $box->requests) == 20 }),
    'killed signer: its orders are in flight');

my $dead = $signers[0];
my @pids = ($dead->{pid}, $dead->workers);
kill 'KILL', @pids;
waitpid delete $dead->{pid}, 0;
$box->respond;

my (%status, %lost);

for (@work) {
    my ($id, $s) = @$_;
    my $r = read_response($s);
    $status{ $r->{status} }++;
    $lost{$id} = 1 if $r->{status} != 200;
}

is_deeply([sort keys %status], [200, 502],
    'killed signer: 200 from the other one, 502 from it');
$box->faults;

# The front tier does not repeat a call that was sent.  A client that retries
# learns from AliKassa that the order exists.

is(scalar(grep { $_->{created} > 1 } $box->ledger), 0,
    'killed signer: no order is created twice');
is(scalar(grep { $_->{order_id} =~ /^D-/ } $box->requests), 20,
    'killed signer: the front tier sends nothing again');

for my $id (sort keys %lost) {
    my $r = $box->post('/pay', form => [$box->payment(order_id => $id)]);
    is($r->{status}, 200, "$id, retried after the kill: status");
    like($r->{body}, qr/exists already/,
        "$id, retried after the kill: the order exists");
}

# All new orders go to the signer that lives.

for my $n (1 .. 10) {
    is($box->post('/pay', form => [$box->payment(order_id => "N-$n")])
        ->{status}, 200, "N-$n: paid by the signer that lives");
}

is(scalar(grep { $_->{created} != 1 } $box->ledger), 0,
    'each order is created once');

# The signer is started again: it gets its orders again, but its zone is empty.

$dead->run;
ok(wait_for(sub { $box->post('/pay', form => [$box->payment(
    order_id => "B-" . rand)])->{status} == 200 }),
    'restarted signer: a payment passes');

$_->done_quietly for @signers;
$box->done;
