#!/usr/bin/env perl

# Thousands of orders, each posted several times at once through several
# workers.  AliKassa delays, cuts and fails responses; meanwhile workers are
# killed and nginx is reloaded.  In the end no order was created twice, all
# clients that got a success got the same response, and no order is stuck.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(json_decode wait_for $LIMIT);
use Test::More;
use Time::HiRes qw(sleep time);

my $orders = $ENV{ALIKASSA_CHAOS} // 2000;
my $seed   = $ENV{ALIKASSA_SEED} // int rand 2 ** 31;

diag("ALIKASSA_SEED=$seed");
srand $seed;

my $t = Test::Alikassa->new(workers => 4)->sandbox;

# AliKassa itself would refuse a used order_id; the module must not rely on
# that.

$t->settings(duplicates => 'allow');

# A time-out fires for orders H-.. only, whose payments AliKassa does not handle
# while it hangs.  A payment that AliKassa handled after nginx has given up
# would be a "Late creation", see below.

$t->api_conf('hasty.conf', read_timeout => '1s');

$t->conf(<<'EOF' =~ s/LIMIT/$LIMIT/r)->run;
%%GLOBALS%%
worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
    %%HTTP%%
    %%MERCHANT%%
    alikassa_idempotency_zone orders 8m;
    alikassa_idempotency orders wait=LIMITs;

    server {
        listen 127.0.0.1:%%PORT_0%% reuseport;
        location = /pay    { alikassa_payment; }
        location = /inline { alikassa_payment; alikassa_thread_pool off; }
        location = /hasty  { alikassa_payment; alikassa_api /hasty; }
        location = /payout {
            %%PAYOUT%%
        }
        location /hasty/ {
            internal;
            include %%DIR%%/hasty.conf;
            proxy_pass https://%%SANDBOX%%/;
            proxy_ssl_name localhost;
        }
        %%API%%
    }
}
EOF

# first what spares the order, then the rest of the probability

my @faults = (
    map { { action => $_, probability => 0.03 } } qw(cut_before cut_after
        reset_before reset_after half chunks garbage html_500 json_500 empty
        forbidden json_429 timeout_408 gzip taken),
);

$t->faults({ action => 'hang', order_id => 'H-.*', call => 'payment' },
    { action => 'hang', order_id => 'H-.*', probability => 0.1 },
    @faults,
    { action => 'none', delay => 0.2, delay_when => 'after',
        probability => 0.3 });

# AliKassa does not delay the creation of an order.  If it created an order
# after its response to a status query said that there was none, only AliKassa
# could tell: see "Late creation" in docs/idempotency.md.

# Each order is sent three or four times at once, in one of the spellings, and
# once more later.

my @work;

for my $n (1 .. $orders) {
    my $hangs  = $n % 100 == 1;
    my $payout = !$hangs && $n % 3 == 0;
    my $id     = $hangs ? "H-$n" : "C-$n";
    my @f      = $payout ? $t->payout(order_id => $id)
        : $t->payment(order_id => $id);
    my $uri    = $hangs ? '/hasty' : $payout ? '/payout'
        : $n % 2 ? '/pay' : '/inline';

    for (1 .. 3 + int rand 2) {
        push @work, [$uri, method => 'POST', order => $id, rand() < 0.5
            ? (form => \@f) : (json => $t->json(@f))];
    }
}

# The requests of an order are near each other, but mixed with others.

for my $i (0 .. $#work) {
    my $j = $i + int rand 40;
    @work[$i, $j] = @work[$j, $i] if $j <= $#work;
}

# Kills workers and reloads nginx until all requests have ended: once for each
# fortieth of the orders in the audit log, so that a fast machine has as many as
# a slow one, and once a second if the audit log does not grow.

my $stop = "$t->{dir}/stop";
open(my $audit, '<', "$t->{dir}/audit.log") or die "audit.log: $!";
my $chaos = fork() // die;

if ($chaos == 0) {
    my ($kills, $reloads) = (0, 0);

    while (1) {
        my $end  = time + 1;
        my $done = 0;

        do {
            sleep 0.02;
            seek $audit, 0, 1;          # on, where the file has grown
            $done++ while readline $audit;
        } until $done >= @work / 40 || time > $end || -e $stop;

        last if -e $stop;

        # The master would merge this reload with one that it has not handled.

        my $heard = () = $t->log =~ /\(SIGHUP\) received/g;

        if (($kills + $reloads) % 4 != 3 || $heard < $reloads) {
            my @workers = $t->workers or next;
            my $pid = $workers[rand @workers];
            kill('KILL', $pid) && $kills++;
            wait_for(sub { Test::Alikassa::slurp("/proc/$pid/cmdline") eq '' });

        } else {
            kill 'HUP', $t->{pid};
            $reloads++;
        }
    }

    $t->write('chaos', "$kills $reloads");
    require POSIX;
    POSIX::_exit(0);
}

my $from = time;
my @answers = $t->parallel(\@work, 60);
my $took = time - $from;

open(my $f, '>', $stop);
close $f;
waitpid $chaos, 0;

my ($kills, $reloads) = split ' ', $t->log('chaos');
diag(sprintf '%d orders, %d requests in %.1f s, %d kills, %d reloads',
    $orders, scalar @work, $took, $kills, $reloads);

cmp_ok($kills, '>', 3, 'more than three workers are killed');
cmp_ok($reloads, '>', 0, 'nginx is reloaded');

# The end: AliKassa has read all that was sent to it, the last reload is
# complete, and each worker was started after it.  An old worker that exits may
# drop a connection before it has read the request.

ok(wait_for(sub { $t->unread($t->{api}) == 0 }), 'AliKassa has read it all');

ok(wait_for(sub {
    my $log = $t->log;
    my $through = rindex $log, ": reconfiguring\n";
    return if $reloads != (() = $log =~ /\(SIGHUP\) received/g)
        || $through < rindex $log, '(SIGHUP) received';

    my %new = map { $_ => 1 } substr($log, $through)
        =~ /start worker process (\d+)$/mg;
    my @workers = $t->workers;
    return @workers == 4 && !grep { !$new{$_} } @workers;
}), 'the last reload is through');

# AliKassa responds without faults again, and each order is sent once more.

$t->faults;

my %success;

for my $i (0 .. $#work) {
    my %opt = @{ $work[$i] }[1 .. $#{ $work[$i] }];
    push @{ $success{ $opt{order} } }, $answers[$i]
        if $answers[$i]{status} == 200;
}

my %unique = map { my %o = @{ $_ }[1 .. $#$_]; ($o{order} => $_) } @work;
my @ids = sort keys %unique;

# The time until a response does not matter now.

$_->[0] =~ s{^/hasty$}{/pay} for values %unique;

my @last = $t->parallel([@unique{@ids}], 40);

my @stuck = grep { $_->{status} != 200 } @last;

is(scalar @stuck, 0, 'no order is stuck after the faults');
diag($_->{raw}) for @stuck;

my ($twice, @differ) = (0);

for my $n (0 .. $#ids) {
    my %id = map { $_->{json}{id} => 1 } @{ $success{ $ids[$n] } // [] },
        $last[$n];
    push @differ, $ids[$n] if keys %id != 1;
}

is("@differ", '', 'all responses of an order have one id');

my @ledger = $t->ledger;

is(scalar @ledger, $orders, 'every order exists');

my @lines = split /\n/, $t->log('audit.log');
my @bad   = grep { !eval { json_decode($_) } } @lines;

is(scalar @bad, 0, 'every line of the audit log is whole');

my (%taken, %audited);

for my $line (map { json_decode($_) } @lines) {
    my ($id, $outcome) = @$line{qw(order_id outcome)};
    next if $line->{call};      # of a status call
    $taken{$id}++   if $outcome eq 'accepted';
    $audited{$id}++ if $outcome ne 'unsent';
}

my @twice;

for my $id (map { $_->{fields}{order_id} } grep { $_->{created} != 1 }
    @ledger)
{
    my @calls = $t->requests($id);
    push @twice, $id unless late($id, @calls);
    diag(join ' ', $id, map { join ':', $_->{call}, $_->{fault} // 'none',
        $_->{judged} // '' } @calls);
}

is("@twice", '', 'no order is sent twice but by late creation');

# The call of a killed worker may wait in AliKassa's socket while AliKassa tells
# another worker that there is no such order: "Late creation".  A second
# creation is a late one, and no fault of the module, if
#
# - AliKassa's responses before it first created the order allowed all calls for
#   the order,
# - the audit log lacks a line for each call that was one too many: a worker
#   that lives writes its line, a killed one does not,
# - and it lacks a line for each call that came after AliKassa had said that the
#   order exists.

sub late ($id, @calls) {
    my ($sent, $allowed, $made, $known, $after) = (0, 1, 0, 0, 0);

    for my $call (@calls) {
        my $fault  = $call->{fault} // 'none';
        my $judged = $call->{judged} // 0;

        if ($call->{call} =~ /status/) {
            $allowed++ if !$made && $judged == 404 && $fault eq 'none';
            $known = 1 if $judged == 200 && $fault eq 'none';

        } else {
            $sent++;
            $after++ if $known;
            $made++  if $judged == 200;
            $allowed++ if !$made && $fault =~ /^(?:forbidden|json_429)$/;
        }
    }

    my $silent = $sent - ($audited{$id} // 0);

    return $sent <= $allowed && $made - 1 <= $silent && $after <= $silent;
}

# Each known order has one success.

is(scalar(grep { $_ > 1 } values %taken), 0,
    'audit log: no order is accepted twice');

# Workers are killed while they read or change the zone.

$t->allow_alert(qr/shared memory zone "orders" was locked by/);
$t->allow_alert(qr/a process died while it wrote to idempotency zone/);

# No worker died but those that the test killed.  Count when nginx has ended, as
# the master may be late to log the last kill.

$t->stop;
$t->expect_dead(scalar(() = $t->log =~ /exited on signal 9/g));
$t->done;
