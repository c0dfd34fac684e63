#!/usr/bin/env perl

# docs/recipes/merchants.md: each merchant has an account and a key; keys
# change.

use v5.36;
no warnings 'portable';

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(message read_file read_response wait_for);
use Test::More;

my $t = Test::Alikassa->new(workers => 2)->sandbox;
my $d = $t->dir;

mkdir "$d/keys";
system('cp', '-a', "$t->{box}/$_/payment", "$d/keys/$_") == 0 or die
    for qw(main other);

my $hundred = join '', map {
    "location = /n$_ { alikassa_key keys/main; alikassa_payment; }\n"
} 1 .. 100;

$t->conf(<<'EOF' =~ s/%%HUNDRED%%/$hundred/r)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format vars '$host $uri $status $alikassa_account $alikassa_error';
    access_log %%DIR%%/vars.log vars;

    map $host $merchant {
        a.example %%ACCOUNT%%;
        b.example %%OTHER%%;
        c.example nonsense;
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        server_name a.example b.example c.example d.example;
        alikassa_account $merchant;
        alikassa_key     keys/main;

        location = /pay { alikassa_payment; }
        %%HUNDRED%%
        %%API%%
    }

    server {
        listen 127.0.0.1:%%PORT_0%%;
        server_name other.example;
        alikassa_account %%OTHER%%;
        alikassa_key     keys/other;

        location = /pay { alikassa_payment; }
        location = /payout {
            allow 127.0.0.1; deny all;
            alikassa_key %%KEYS%%/other/payout;
            alikassa_payout;
        }
        location = /main {
            alikassa_account %%ACCOUNT%%;
            alikassa_key keys/main;
            alikassa_payment;
        }
        %%API%%
    }
}
EOF

sub pay ($host, $uri, %opt) {
    my @form = $uri eq '/payout' ? $t->payout : $t->payment;
    my $m = message($uri, method => 'POST', form => \@form)
        =~ s/Host: localhost/Host: $host/r;
    my $s = $t->send_request($uri, pieces => [$m]);
    return read_response($s);
}

is(pay('a.example', '/pay')->{status}, 200, 'account by variable: paid');
is(pay('other.example', '/pay')->{status}, 200, 'key of another server: paid');
is(pay('other.example', '/main')->{status}, 200, 'key of the location: paid');
is(pay('other.example', '/payout')->{status}, 200,
    'payout with its own key: paid');

my $r = pay('b.example', '/pay');
is("$r->{status} $r->{body}", '403 {"message":"Bad signature."}',
    'account with the key of another: AliKassa refuses the signature');

my $before = $t->requests;

for (qw(c.example d.example)) {
    $r = pay($_, '/pay');
    is($r->{status}, 500, "$_, no account: status");
    like($r->{json}{message}, qr/no account for this request/,
        "$_, no account: message");
}

is(scalar $t->requests, $before, 'no account: nothing is sent');
like($t->log, qr/\[error\] .*"alikassa_account" gives "nonsense", which is not/,
    'no account: error log has the value');
is(pay('a.example', "/n$_")->{status}, 200,
    "location $_ of a hundred: paid") for 1, 50, 100;

# nginx opens a key that a hundred locations use once.

system('strace', '-f', '-e', 'trace=open,openat', '-o', "$d/strace",
    $t->nginx('-t', '-q'));
is(scalar(() = $t->log('strace') =~ m{keys/main/private\.pem"}g), 1,
    'a key file of a hundred locations is opened once');

# New keys: requests in flight end with the old key, new requests use the new
# one.

my %seen;

sub signs_of ($uri) {
    $r = pay('a.example', $uri);
    return $r->{status};
}

$t->faults($t->held_response(count => 10));

my @slow = map {
    my $m = message('/pay', method => 'POST',
        form => [$t->payment]) =~ s/Host: localhost/Host: a.example/r;
    $t->send_request('/pay', pieces => [$m]);
} 1 .. 10;

ok(wait_for(sub { $t->requests >= $before + 13 }),
    'reload with a new key: ten payments are in flight');

# The merchant's new archive, and AliKassa's half of it.

for my $file (qw(private.pem password.txt public.pem)) {
    system('cp', '-a', "$t->{box}/main/payout/$file", "$d/keys/main/$file");
}

ok($t->reload, 'reload with a new key: new workers');
$t->respond;

is($_, 200,
    'reload with a new key: a payment in flight ends with the old key')
    for map { read_response($_)->{status} } @slow;

$t->faults;
is(signs_of('/pay'), 403, 'new key that AliKassa does not know: refused');

rename "$t->{box}/main/payment/public.pem", "$t->{box}/main/payment/old.pem";
system('cp', "$t->{box}/main/payout/public.pem",
    "$t->{box}/main/payment/public.pem");

is(signs_of($_), 200, "$_: signed with the new key")
    for map { ('/pay', '/n7') } 1 .. 5;

# An invalid archive has no effect.

$t->write('keys/main/private.pem', "garbage\n");

$t->signal('HUP');
ok(wait_for(sub { $t->log =~ /\[emerg\] .*not a private key in PEM/ }),
    'reload with a bad key: error log');
is(signs_of('/pay'), 200,
    'reload with a bad key: the old configuration serves');
$t->allow_alert(qr/not a private key in PEM/);

# The passphrase is not in the memory of a worker.

chomp(my $pass = read_file("$t->{box}/main/payout/password.txt"));
my $found = 0;

for my $pid ($t->workers) {
    open(my $maps, '<', "/proc/$pid/maps") or next;
    open(my $mem, '<:raw', "/proc/$pid/mem") or next;
    while (<$maps>) {
        next unless /^([0-9a-f]+)-([0-9a-f]+) rw/;
        my ($from, $to) = (hex $1, hex $2);
        next if $to - $from > 64 << 20;
        sysseek $mem, $from, 0 or next;
        sysread $mem, my $bytes, $to - $from or next;
        $found++ if index($bytes, $pass) >= 0;
    }
}

is($found, 0, 'the passphrase is wiped from memory');

$t->done;
