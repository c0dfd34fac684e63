#!/usr/bin/env perl

# docs/recipes/merchants.md: each its account and key; keys that change.

use v5.36;
no warnings 'portable';

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(message read_file read_response wait_for);
use Test::More;
use Time::HiRes qw(sleep);

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
    return read_response($s, 20);
}

is(pay('a.example', '/pay')->{status}, 200, 'an account by variable');
is(pay('other.example', '/pay')->{status}, 200, 'another server\'s key');
is(pay('other.example', '/main')->{status}, 200, 'a location\'s own');
is(pay('other.example', '/payout')->{status}, 200, 'a payout\'s own key');

my $r = pay('b.example', '/pay');
is("$r->{status} $r->{body}", '403 {"message":"Bad signature."}',
    'an account whose key it is not');

my $before = $t->requests;

for (qw(c.example d.example)) {
    $r = pay($_, '/pay');
    is($r->{status}, 500, "$_: no account");
    like($r->{json}{message}, qr/no account for this request/, 'is said');
}

is(scalar $t->requests, $before, 'nothing is sent');
like($t->log, qr/\[error\] .*"alikassa_account" gives "nonsense", which is not/,
    'and logged');
is(pay('a.example', "/n$_")->{status}, 200, "location $_") for 1, 50, 100;

# keys of a hundred locations are opened once

system('strace', '-f', '-e', 'trace=open,openat', '-o', "$d/strace",
    $t->nginx('-t', '-q'));
is(scalar(() = $t->log('strace') =~ m{keys/main/private\.pem"}g), 1,
    'one file, once');

# new keys: requests in flight end with the old, new ones take the new

my %seen;

sub signs_of ($uri) {
    $r = pay('a.example', $uri);
    return $r->{status};
}

$t->faults({ action => 'none', delay => 1.5, delay_when => 'before',
    count => 10 });

my @slow = map {
    my $m = message('/pay', method => 'POST',
        form => [$t->payment]) =~ s/Host: localhost/Host: a.example/r;
    $t->send_request('/pay', pieces => [$m]);
} 1 .. 10;

ok(wait_for(sub { $t->requests >= $before + 13 }), 'ten in flight');

# the merchant's new archive, and AliKassa's half of it

for my $file (qw(private.pem password.txt public.pem)) {
    system('cp', '-a', "$t->{box}/main/payout/$file", "$d/keys/main/$file");
}

ok($t->reload, 'reload');

is($_, 200, 'in flight') for map {
    read_response($_, 20)->{status}
} @slow;

$t->faults;
is(signs_of('/pay'), 403, 'AliKassa knows the old half: the new key is used');

rename "$t->{box}/main/payment/public.pem", "$t->{box}/main/payment/old.pem";
system('cp', "$t->{box}/main/payout/public.pem",
    "$t->{box}/main/payment/public.pem");

is(signs_of($_), 200, "$_: the new key") for map { ('/pay', '/n7') } 1 .. 5;

# a bad archive changes nothing

$t->write('keys/main/private.pem', "garbage\n");

$t->signal('HUP');
ok(wait_for(sub { $t->log =~ /\[emerg\] .*not a private key in PEM/ }),
    'a reload that fails says why');
is(signs_of('/pay'), 200, 'and goes on with the old');
$t->allow_alert(qr/not a private key in PEM/);

# no secret is in memory that a worker keeps lying about: the passphrase

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

is($found, 0, 'the passphrase is wiped');

$t->done;
