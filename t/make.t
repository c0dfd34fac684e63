#!/usr/bin/env perl

# Tests of the Makefile: "make help", the compiler, dependencies.  "make -n"
# prints what make would build.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Helpers qw(read_file);
use Test::More;

# If make runs this test, its variables must not reach the makes that this test
# runs.

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CC)};

sub make (@arguments) {
    open(my $pipe, '-|', 'sh', '-c', 'exec make "$@" 2>&1', 'make',
        @arguments) or die "make: $!";
    local $/;
    my $text = <$pipe>;
    close $pipe or die "make @arguments: $text";
    return $text;
}

# Returns the compilers by which make would build the core.

sub compilers (@arguments) {
    my %name = map { $_ => 1 }
        make('-n', '-B', @arguments, 'core') =~ /^(\S+) -std=c11/mg;
    return join ' ', sort keys %name;
}

is(compilers(), 'gcc', 'compiler: gcc by default');
is(compilers('CC=clang'), 'clang', 'compiler: from the command line');

{
    local $ENV{CC} = 'clang';
    is(compilers(), 'clang', 'compiler: from the environment');
    is(compilers('CC=gcc-12'), 'gcc-12',
        'compiler: the command line counts before the environment');
    like(make('-n', 'sanitized', 'MAKE=echo'), qr/ CC=clang module/,
        'compiler: from the environment, for the sanitized module too');
}

# make builds the core again with another compiler, other flags or a changed
# header.

SKIP: {
    -e 'build/libalikassa.a' or skip 'make core was not run', 5;
    make('core');

    unlike(make('-n', 'core'), qr/-std=c11/, 'core: built once');
    like(make('-n', 'core', 'CC=clang'), qr/^clang -std=c11/m,
        'core: built anew by another compiler');
    like(make('-n', 'core', 'CFLAGS=-O0'), qr/-std=c11 -O0/,
        'core: built anew with other flags');

    my $source = 'ngx_http_alikassa_module/core';
    my @built = make('-n', '-W', "$source/alikassa_key.h", 'core')
        =~ m{-c $source/(\S+)\.c}g;

    ok((grep { $_ eq 'alikassa_key' } @built),
        'dependencies: a header builds what includes it');
    ok(!(grep { $_ eq 'alikassa_utf8' } @built),
        'dependencies: a header builds nothing else');
}

# one test

my $no_test = qx(make test-one T=t/nosuch.t 2>&1);
isnt($?, 0, 'test-one, no such file: make fails');
like($no_test, qr/^no such test: t\/nosuch\.t$/m,
    'test-one, no such file: it is named');

# help

my $makefile = read_file('Makefile');

my %phony = map { map { $_ => 1 } split }
    $makefile =~ s/\\\n//gr =~ /^\.PHONY:(.*)/mg;
delete $phony{FORCE};

my $help = make('help');
my %told = map { $_ => 1 } $help =~ /^make (\S+) +\S/mg;

is(join(' ', sort keys %told), join(' ', sort keys %phony),
    'help: has each target that is no file, and no other');
is(join("\n", grep { length > 80 } split /\n/, $help), '',
    'help: 80 columns');

done_testing();
