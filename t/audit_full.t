#!/usr/bin/env perl

# A full disk or a limit of a file's size cuts a line of the audit log.  The
# next line of a worker never follows the remainder without a newline, and no
# line is empty.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Fcntl qw(F_SETLK F_RDLCK SEEK_SET);
use Test::Alikassa qw(json_decode read_file wait_for);
use Test::Build qw(need_build);
use Test::Helpers qw($TOP);
use Test::More;

# A worker that reaches its limit gets an error, not a signal.

$SIG{XFSZ} = 'IGNORE';

# The audit log is longer than the error log, as the limit applies to both.

my $BEFORE = 1024 * 1024;

my $conf = <<'EOC';
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    alikassa_audit_log AUDIT;

    server {
        listen 127.0.0.1:%%PORT_0%% reuseport;
        location = /pay {
            alikassa_payment;
            add_header X-Pid $pid always;
        }
        %%API%%
    }
}
EOC

my $n = 0;

my $mounted;
END { local $?; system('umount', $mounted) if $mounted }

# Pays until each of @pids has made $count payments.  Returns the worker's pid
# by order.

sub pay_by ($t, $count, @pids) {
    my (%of, %made);

    for (1 .. 500) {
        my $id = 'F-' . ++$n;
        my $r  = $t->post('/pay', form => [$t->payment(order_id => $id)]);
        $r->{status} == 200 or die "$r->{status} $r->{body}";
        $of{$id} = $r->{header}->('X-Pid');
        $made{ $of{$id} }++;
        last if @pids <= grep { ($made{$_} // 0) >= $count } @pids;
    }

    return %of;
}

# Returns the number of whole lines by order_id.  Any other line fails the test.

sub orders ($text, $name) {
    my (%seen, @bad);

    like($text, qr/\}\n\z/, "$name: the last line is whole");
    chomp $text;

    for my $line (split /\n/, $text, -1) {
        my $json = eval { json_decode($line) };
        $json ? $seen{ $json->{order_id} }++ : push @bad, $line;
    }

    is(join('|', @bad), '', "$name: no line is torn, glued or empty");

    return %seen;
}

sub rlimit ($size, $pid) {
    # The worker's own user may set the limit without capabilities.

    system(qw(setpriv --reuid=www-data --regid=www-data --clear-groups),
        'prlimit', "--pid=$pid", "--fsize=$size:unlimited") == 0 or die;
}

# Two workers, one of which has a limit that cuts its line.

{
    my $t = Test::Alikassa->new(workers => 2)->sandbox;
    my $log = "$t->{dir}/audit.log";
    my $pad = '{"order_id":"pad","x":"' . 'x' x $BEFORE . "\"}\n";

    $t->write('audit.log', $pad);
    chmod 0666, $log;
    $t->conf($conf =~ s/AUDIT/$log/r)->run;

    my ($full, $free) = $t->workers;
    my %of   = pay_by($t, 2, $full, $free);

    # Set the limit in the middle of a line, wherever the log ends.

    for my $round (1 .. 5) {
        my %now;

        do {
            rlimit((-s $log) + 100, $full);
            %now = (%now, pay_by($t, 1));
        } until grep { $_ == $full } values %now;

        %now = (%now, pay_by($t, 2, $full, $free));
        my @lost = grep { $now{$_} == $full } keys %now;
        %of = (%of, map { $_ => $now{$_} } grep { $now{$_} != $full }
            keys %now);

        my %seen = orders(read_file($log), "limit, round $round");
        delete $seen{pad};
        is_deeply(\%seen, { map { $_ => 1 } keys %of },
            "limit, round $round: the other worker's lines are there");
        cmp_ok(scalar @lost, '>=', 1, "limit, round $round: a line is lost");
    }

    like($t->log, qr/\[alert\] .*write\(\) to "\S+audit\.log" failed or was incomplete: \d+ of \d+/,
        'limit: error log');

    # Both workers write at the same time.

    rlimit((-s $log) + 100, $full);
    my @r = $t->parallel([map { ['/pay', method => 'POST',
        form => [$t->payment(order_id => 'F-' . ++$n)]] } 1 .. 200], 20);
    is(scalar(grep { $_->{status} == 200 } @r), 200,
        'limit, 200 at once: all are paid');
    orders(read_file($log), 'limit, 200 at once');

    # The limit is lifted.

    rlimit('unlimited', $full);
    my %more = pay_by($t, 2, $full, $free);
    my %seen = orders(read_file($log), 'limit lifted');
    is(scalar(grep { ($seen{$_} // 0) != 1 } keys %more), 0,
        'limit lifted: each payment has its line');

    # Another process that locks the file delays no payment for long.

    open(my $fh, '<', $log) or die;
    my $lock = pack 's s x!8 q q i x!8', F_RDLCK, SEEK_SET, 0, 0, 0;
    fcntl($fh, F_SETLK, $lock) or die "F_SETLK: $!";
    %more = pay_by($t, 2, $full, $free);
    %seen = orders(read_file($log), 'locked by another');
    is(scalar(grep { ($seen{$_} // 0) != 1 } keys %more), 0,
        'locked by another: each payment has its line');
    is(scalar(() = $t->log =~ /another process keeps "\S+audit\.log" locked/g),
        2, 'locked by another: each worker logs it once');
    close $fh;

    $t->allow_alert(qr/audit\.log" failed or was incomplete/);
    $t->done_quietly;
}

# a worker that is killed within write(), and files that cannot be locked:
# what is left of a line is nobody's beginning

{
    need_build('preload');

    my $t = Test::Alikassa->new(workers => 2, sign => 1,
        preload => "$TOP/build/preload/audit_write.so")->sandbox;
    my $log = "$t->{dir}/audit.log";

    $t->conf($conf =~ s/AUDIT/$log/r)->run;

    # whole lines by themselves, the others torn, none empty

    my $check = sub ($name, $torn, %of) {
        my @lines = split /\n/, read_file($log), -1;
        my @bad   = grep { !eval { json_decode($_) } } @lines[0 .. $#lines - 1];
        is($lines[-1], '', "$name: the last line has its end");
        is(scalar @bad, $torn, "$name: lines that are torn");
        is(join('|', grep { /\{.*\{|\}|^$/ } @bad), '',
            "$name: nothing is glued to them, and none is empty");
        my %seen;
        $seen{ json_decode($_)->{order_id} }++
            for grep { eval { json_decode($_) } } @lines;
        is(join(' ', grep { ($seen{$_} // 0) != 1 } sort keys %of), '',
            "$name: each other has its line");
    };

    my $torn = 0;

    for my $lock ('locked', 'not locked', 'another file') {
        my $name = "killed, $lock";

        $t->write('no_lock', '') if $lock eq 'not locked';

        if ($lock eq 'another file') {
            unlink "$t->{dir}/no_lock";
            rename $log, "$log.1" or die;
            $t->signal('USR1');
            ok(wait_for(sub { -e $log
                && ($t->log =~ tr/\n//) && 2 == grep {
                    my $pid = $_;
                    grep { readlink($_) eq $log } glob "/proc/$pid/fd/*"
                } $t->workers }), "$name: reopened");
            $torn = 0;
        }

        my ($victim, $other) = $t->workers;
        my %of = pay_by($t, 2, $victim, $other);
        $check->("$name, before", $torn, %of);

        $t->write('kill', $victim);
        $t->expect_dead;

        # until a connection comes to the victim

        for (1 .. 100) {
            my $r = $t->post('/pay',
                form => [$t->payment(order_id => 'F-' . ++$n)]);
            last if $r->{status} == 0;
            $of{"F-$n"} = $other;
        }

        unlink "$t->{dir}/kill";
        ok(read_file($log) !~ /\n\z/, "$name: half a line is left")
            if read_file($log) !~ /\}\n\z/;
        ok(wait_for(sub { 2 == grep { $_ != $victim } $t->workers }),
            "$name: another worker");
        %of = (%of, pay_by($t, 2, $t->workers));
        $check->($name, ++$torn, %of);
    }

    # no lock, and room for half of a worker's line: nobody cuts it off

    $t->write('no_lock', '');
    my ($full, $free) = $t->workers;
    $t->write('cut', $full);
    my %now = pay_by($t, 3, $full, $free);
    unlink "$t->{dir}/cut";
    %now = (%now, pay_by($t, 2, $full, $free));
    $torn += () = read_file($log) =~ /^\{[^}]*$/mg;
    my @lines = split /\n/, read_file($log), -1;
    my @bad   = grep { !eval { json_decode($_) } } @lines[0 .. $#lines - 1];
    cmp_ok(scalar @bad, '>=', 4, 'no lock: lines are cut');
    is(join('|', grep { /\{.*\{|\}|^$/ } @bad), '',
        'no lock: no line is glued to another, and none is empty');
    my %seen;
    $seen{ json_decode($_)->{order_id} }++
        for grep { eval { json_decode($_) } } @lines;
    is(join(' ', grep { $now{$_} == $free && ($seen{$_} // 0) != 1 }
        sort keys %now), '', 'no lock: the other worker has its lines');
    unlike($t->log, qr/another process keeps/, 'no lock: nobody is blamed');

    $t->allow_alert(qr/audit\.log" failed or was incomplete/);
    $t->{no_fds} = 1;
    $t->done_quietly;
}

# A file system that is full.

SKIP: {
    my $t = Test::Alikassa->new(workers => 2)->sandbox;
    my $fs = "$t->{dir}/fs";
    mkdir $fs;

    skip 'no file system can be mounted', 1
        if system("mount -t tmpfs -o size=64k,mode=0777 none $fs 2>/dev/null");

    $mounted = $fs;

    $t->conf($conf =~ s/AUDIT/$fs\/audit.log/r)->run;

    my @pids = $t->workers;
    my %of;

    for my $round (1 .. 4) {

        # Leave some bytes of the last page free, which the kernel fills with
        # the beginning of a line.

        open(my $fh, '>', "$fs/fill") or die;
        while (syswrite $fh, 'x' x 4096) { }

        my %now = pay_by($t, 12, @pids);
        my $kept = read_file("$fs/audit.log");
        orders($kept, "full, round $round") if $kept ne '';
        my %seen = map { $_ => 1 } $kept =~ /"order_id":"(F-\d+)"/g;
        cmp_ok(scalar(grep { !$seen{$_} } keys %now), '>=', 1,
            "full disk, round $round: lines are lost");

        unlink "$fs/fill";
        close $fh;

        my %more = pay_by($t, 2, @pids);
        %seen = orders(read_file("$fs/audit.log"), "room again, round $round");
        is(scalar(grep { ($seen{$_} // 0) != 1 } keys %more), 0,
            "room again, round $round: each payment has its line");
    }

    $t->allow_alert(qr/audit\.log" failed|incomplete/);
    $t->done_quietly;
}

done_testing();
