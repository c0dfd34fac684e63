#!/usr/bin/env perl

# The audit log: nginx writes one whole line for each call that moves money,
# even if the client leaves, the file is renamed or a worker ends.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::Alikassa qw(json_decode wait_for $LIMIT);
use Test::More;

my $t = Test::Alikassa->new(workers => 4)->sandbox;
my $d = $t->dir;

my $syslog = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die;
my $port = $syslog->sockport;

$t->conf(<<'EOF' =~ s/SYSLOG/$port/r)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%MERCHANT%%
    alikassa_validate  fields;
    alikassa_idempotency_zone orders 1m;

    server {
        listen 127.0.0.1:%%PORT_0%% reuseport;
        location = /pay    { alikassa_payment; }
        location = /zone   { alikassa_payment; alikassa_idempotency orders; }
        location = /off    { alikassa_payment; alikassa_audit_log off; }
        location = /other  { alikassa_payment; alikassa_audit_log %%DIR%%/other.log; }
        location = /full   { alikassa_payment; alikassa_audit_log /dev/full; }
        location = /syslog {
            alikassa_payment;
            alikassa_audit_log syslog:server=127.0.0.1:SYSLOG,tag=pay,severity=notice;
        }
        location = /unix {
            alikassa_payment;
            alikassa_audit_log syslog:server=unix:%%DIR%%/log.sock,tag=pay;
        }
        location = /payout {
            %%PAYOUT%%
        }
        location = /status { alikassa_payment_status; }
        %%API%%
    }
}
EOF

sub lines ($name = 'audit.log') { return split /\n/, $t->log($name) }

sub of ($id, $name = 'audit.log') {
    return grep { ($_->{order_id} // '') eq $id } map { json_decode($_) }
        lines($name);
}

# one line, with all documented fields and no personal data

my $r = $t->post('/zone', form => [$t->payment(order_id => "A-\"\xc3\xa9\n",
    customer_first_name => 'SECRETNAME', customer_ip => '198.51.100.77')]);
is($r->{status}, 200, 'one payment: status');

my @lines = lines();
is(scalar @lines, 1, 'one payment: one line');

my $public = "$t->{box}/payment/public.pem";
my $fingerprint = `openssl pkey -pubin -in $public -outform DER | sha256sum`;
$fingerprint =~ s/\s.*//s;

like($lines[0], qr{^\{"time":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "operation":"payment","account":"$t->{account}",
    "order_id":"A-\\"\xc3\xa9\\n","amount":"150000\.5",
    "outcome":"accepted","id":"\d+","payment_status":"wait","status":200,
    "sign_time":0\.\d{6},"response_time":\d+\.\d{3},
    "key":"$fingerprint","idempotency":"MISS"\}$}x,
    'one payment: the documented line');
unlike($lines[0], qr/SECRET|198\.51/, 'one payment: no personal data');

# each outcome

$t->post('/zone', form => [$t->payment(order_id => "A-\"\xc3\xa9\n",
    customer_first_name => 'SECRETNAME', customer_ip => '198.51.100.77')]);
is(scalar lines(), 1, 'replay: no line');
$t->post('/pay', form => [$t->payment(amount => 0)]);
is(scalar lines(), 1, 'invalid request: no line');
$t->get('/status?order_id=x');
is(scalar lines(), 1, 'status query of a client: no line');

$t->faults({ action => 'forbidden', count => 1 });
$t->post('/pay', form => [$t->payment(order_id => 'A-no')]);
is((map { json_decode($_)->{outcome} } lines())[1], 'rejected',
    'refusal of AliKassa: outcome');
$t->faults({ action => 'cut_after', count => 1 });
$t->post('/zone', form => [$t->payment(order_id => 'A-2')]);
is(join(' ', map { "$_->{outcome} $_->{status}" } of('A-2')), 'unknown 0',
    'lost response: outcome and status');
$t->post('/zone', form => [$t->payment(order_id => 'A-2')]);
is(join(' ', map { "$_->{outcome} $_->{idempotency}" } of('A-2')),
    'unknown MISS replayed UNKNOWN',
    'lost response, then a status query: outcome and idempotency');
$t->post('/payout', form => [$t->payout(order_id => 'A-3')]);
is((of('A-3'))[0]{operation}, 'payout', 'payout: operation');
isnt((of('A-3'))[0]{key}, $fingerprint, 'payout: fingerprint of its own key');

# off, another file, a full disk

$t->post('/off', form => [$t->payment(order_id => 'A-4')]);
is(scalar of('A-4'), 0, 'alikassa_audit_log off: no line');
$t->post('/other', form => [$t->payment(order_id => 'A-5')]);
is(scalar of('A-5'), 0, 'another file: no line in the first');
is(scalar of('A-5', 'other.log'), 1, 'another file: one line');
is($t->post('/full', form => [$t->payment])->{status}, 200,
    'full disk: the payment passes');
like($t->log, qr{\[\w+\] .*(?:/dev/full|audit)}, 'full disk: error log');
$t->allow_alert(qr{/dev/full});

# syslog

$t->post('/syslog', form => [$t->payment(order_id => 'A-6')]);
my $message = '';
IO::Select->new($syslog)->can_read($LIMIT) and recv $syslog, $message, 65536, 0;
$t->{fds}++;        # the socket to syslog stays open
like($message, qr{^<189>.* pay: \{"time":".*"order_id":"A-6".*\}$},
    'syslog: one line');

# a syslog server that is started again: it gets the first line after its start

my $socket = sub {
    unlink "$d/log.sock";
    my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$d/log.sock")
        or die;
    chmod 0666, "$d/log.sock";
    return $s;
};

my $unix = $socket->();
my $via  = sub ($id) {
    $t->post('/unix', form => [$t->payment(order_id => $id)]);
    my $text = '';
    IO::Select->new($unix)->can_read($LIMIT) and recv $unix, $text, 65536, 0;
    return $text;
};

like($via->("U-$_"), qr/"order_id":"U-$_"/, "syslog, line $_") for 1 .. 12;
close $unix;
$unix = $socket->();
like($via->("U-$_"), qr/"order_id":"U-$_"/, "syslog started anew, line $_")
    for 13 .. 24;
$t->{fds} += 4;

# a client that closes its HTTP/1.1 connection during the call

$t->faults($t->held_response(order_id => 'A-7'));
my $gone = $t->send_request('/pay', method => 'POST',
    form => [$t->payment(order_id => 'A-7')]);
ok(wait_for(sub { $t->requests('A-7') }), 'client that left: a call is out');
close $gone;
$t->respond;
ok(wait_for(sub { of('A-7') == 1 }), 'client that left: one line');
$t->faults;

# the longest order_id

$r = $t->post('/pay', form => [$t->payment(
    order_id => "\xf0\x9f\x98\x80" x 127 . "\x01")]);
is($r->{status}, 200, 'longest order_id: status');
is(scalar(grep { $_->{order_id} =~ /\x{1f600}{127}/ } map { json_decode($_) }
    lines()), 1, 'longest order_id: the line is whole');

# Rotation under load: at USR1 the workers reopen the log; no line is lost, torn
# or written twice.  When the test renames the log, the log has the lines of
# some payments, and others are in flight.  The test sends the next payments
# when each worker has opened the new file.

my @work = map { ['/pay', method => 'POST',
    form => [$t->payment(order_id => "R-$_")]] } 1 .. 600;
my @answers;

for my $n (1 .. 5) {
    my $pid = fork() // die;

    if ($pid == 0) {
        wait_for(sub { (() = $t->log('audit.log') =~ /"R-/g) >= 30 });
        rename "$d/audit.log", "$d/audit.log.$n";
        kill 'USR1', $t->{pid};
        POSIX::_exit(0);
    }

    push @answers, $t->parallel([splice @work, 0, 120], 30);
    waitpid $pid, 0;
    ok(wait_for(sub {
        -e "$d/audit.log" && !grep { (readlink // '') eq "$d/audit.log.$n" }
            map { glob "/proc/$_/fd/*" } $t->workers;
    }), "rotation $n: each worker opens the new file");
}

is(scalar(grep { $_->{status} == 200 } @answers), 600,
    'rotation: 600 payments pass');

my @all = map { lines("audit.log" . ($_ ? ".$_" : '')) } 0 .. 5;
my %count;

for (@all) {
    my $line = eval { json_decode($_) };
    ok(0, "a whole line: $_") unless $line;
    $count{ $line->{order_id} }++ if $line && $line->{order_id} =~ /^R-/;
}

is(scalar keys %count, 600, 'rotation: each payment has its line');
is(scalar(grep { $_ != 1 } values %count), 0,
    'rotation: each payment has one line');
is(scalar(grep { lines("audit.log.$_") >= 30 } 1 .. 5), 5,
    'rotation: each file has lines');

$t->done;
