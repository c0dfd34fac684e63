package Test::Helpers;

# Functions for every test, with or without nginx: files, processes, JSON, a
# temporary folder.  The module changes to the top of the tree when it is
# loaded: a test may be started from any folder, and names files as "docs/..",
# "t/..", "build/..".

use v5.36;

use Cwd qw(abs_path getcwd);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Spec ();
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw($LIMIT $TOP answers connect_to form_encode free_port
    json_decode json_encode read_file read_until skip_test slurp spawn
    spawn_group temp_dir verbose wait_for write_file);

our $TOP;

# A test gives up waiting for an event that must come after this many seconds.
# The limit suits a slow and busy machine; a wait ends as soon as the event
# comes.  Time-outs of calls that must not fire are as long.

our $LIMIT = 300;

BEGIN {
    my $cwd = getcwd();
    $TOP = abs_path(dirname(__FILE__) . '/../../..');

    # A relative path in these variables starts at the caller's folder.

    for my $path (grep { defined && m{/} }
        @ENV{qw(ALIKASSA_NGINX ALIKASSA_MODULE)})
    {
        my $full = File::Spec->rel2abs($path, $cwd);
        $path = -e $full ? $full : File::Spec->rel2abs($path, $TOP);
    }

    chdir $TOP or die "$TOP: $!";
    $ENV{PATH} .= ':/usr/sbin:/sbin';
}

# files

# Returns the content of a file, or '' if the file does not exist.

sub slurp ($path) {
    open(my $fh, '<', $path) or return '';
    local $/;
    return <$fh> // '';
}

# Returns the content of a file; dies if the file does not exist.

sub read_file ($path) {
    open(my $fh, '<', $path) or die "$path: $!";
    local $/;
    return <$fh> // '';
}

sub write_file ($path, $text) {
    open(my $fh, '>', $path) or die "$path: $!";
    print $fh $text;
    close $fh or die "$path: $!";
}

# Returns a new folder that other users may enter.  The folder is removed at the
# end of the test; if the test fails, or ALIKASSA_LEAVE is set, the folder stays
# and the test prints its path.

my (@dirs, %made_at);
my $test_pid = $$;

sub temp_dir ($template = 'alikassa-XXXXXX') {
    my $dir = tempdir($template, TMPDIR => 1);
    my ($n, @at) = 0;

    do { @at = caller $n++ } while @at && $at[1] eq __FILE__
        || @at && $at[1] =~ m{/lib/Test/\w+\.pm$};

    chmod 0755, $dir;
    push @dirs, $dir;
    $made_at{$dir} = @at ? "$at[1] line $at[2]" : 'unknown';

    return $dir;
}

# The END block of Test::Alikassa, which ends nginx and the sandbox, runs before
# this one.

END {
    if ($$ == $test_pid && @dirs) {
        my $test   = Test::More->builder;
        my $passed = $? == 0 && $test->is_passing && $test->has_plan;

        local ($?, $!, $@);

        for my $dir (grep { -d } @dirs) {
            if ($ENV{ALIKASSA_LEAVE} || !$passed) {
                $test->diag("kept: $dir (made at $made_at{$dir})");
                next;
            }

            chdir $TOP;
            remove_tree($dir, { error => \my $ignored });
        }
    }
}

# processes

# Starts a command whose output is appended to a log; returns its pid.

sub spawn ($log, @command) { return start(0, $log, @command) }

# Starts a command in a new process group: kill -PID also ends the processes
# that the command started.

sub spawn_group ($log, @command) { return start(1, $log, @command) }

sub start ($group, $log, @command) {
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        setpgrp if $group;
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>>', $log);
        open(STDERR, '>&', \*STDOUT);
        exec @command or POSIX::_exit(127);
    }

    return $pid;
}

# Waits until a check is true.  Returns 0 if it is still false after $LIMIT.

sub wait_for ($check, @) {
    my $end = time() + $LIMIT;

    while (time() < $end) {
        return 1 if $check->();
        sleep 0.02;
    }

    return 0;
}

# Reads from a handle into a buffer, and calls $parse after each read, until a
# check is true.  Returns 0 if the time is over or the peer has closed the
# connection before.

sub read_until ($handle, $buffer, $parse, $check,
    $timeout = $LIMIT)
{
    my $end    = time() + $timeout;
    my $select = IO::Select->new($handle);

    until ($check->()) {
        my $left = $end - time();
        return 0 if $left <= 0 || !$select->can_read($left);
        my $n = sysread $handle, $$buffer, 65536, length $$buffer;
        return $check->() ? 1 : 0 if !$n;
        $parse->();
    }

    return 1;
}

# Returns the given port, or undef if a process listens at it.  Without a port,
# returns a free one that no other test takes until this test ends.  It is below
# the range from which the kernel takes ports for outgoing connections.  To
# reserve a port, a test binds an abstract Unix socket named after it: no other
# test in the same network namespace can bind this name.

my @kept;

sub free_port ($port = 0) {
    state $n = 0;
    my $from = 10_000;
    my ($end) = slurp('/proc/sys/net/ipv4/ip_local_port_range') =~ /^(\d+)/;
    my $range = ($end // 32768) - $from;

    return unused($port) ? $port : undef if $port;

    for (1 .. $range) {
        $port = $from + ($$ * 31 + $n++) % $range;

        my $keep = IO::Socket::UNIX->new(Listen => 1,
            Local => "\0alikassa-port-$port");

        if ($keep && unused($port)) {
            push @kept, $keep;
            return $port;
        }
    }

    return;
}

sub unused ($port) {
    return defined IO::Socket::INET->new(Listen => 1,
        LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1);
}

# Returns a connection to a port of this machine, or undef.

sub connect_to ($port) {
    return scalar IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port);
}

# Tells whether a process listens at a port.

sub answers ($port) { return defined connect_to($port) }

# texts

sub form_encode (@pairs) {
    my @out;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @out, join '=', map { s/([^A-Za-z0-9_.-])/sprintf '%%%02X',
            ord $1/ger } $name, $value;
    }
    return join '&', @out;
}

my $JSON = JSON::PP->new->allow_nonref->allow_bignum(0);

sub json_decode ($bytes) {
    my $text = $bytes;
    utf8::decode($text);
    return $JSON->decode($text);
}

sub json_encode ($value) {
    my $text = $JSON->encode($value);
    utf8::encode($text);
    return $text;
}

# the test itself

# Ends the test with the reason why it cannot run here.

sub skip_test ($reason) {
    die "$reason\n" if Test::More->builder->current_test;
    Test::More::plan(skip_all => $reason);
}

# Prints a request or a response if ALIKASSA_VERBOSE is set.

sub verbose ($what, $text) {
    return unless $ENV{ALIKASSA_VERBOSE};

    $text = substr($text, 0, 4096) . '...' if length $text > 4096;
    $text =~ s/([^\n\x20-\x7e])/$1 eq "\r" ? '' : sprintf '\\x%02x', ord $1/ge;
    Test::More->builder->diag("$what\n" . $text =~ s/^/  /gmr);
}

1;
