#!/usr/bin/env perl

# A store that decides and settles later, as a database does: tests of the
# flows run with the module of "make late-store", in which the store in shared
# memory does so.  Each of their checks is one of this test.

use v5.36;

use lib 't/lib';

use Test::Build qw(need_build);
use Test::More;

plan skip_all => 'another nginx' if $ENV{ALIKASSA_MODULE};

need_build('late-store');

local $ENV{ALIKASSA_MODULE} = 'build/late-store/ngx_http_alikassa_module.so';

like(`nm $ENV{ALIKASSA_MODULE}`, qr/ ngx_http_alikassa_late_store$/m,
    'the module has the late store');

for my $test (qw(idempotency resent rejection notification_once)) {
    my $n = 0;

    open(my $out, '-|', $^X, "t/$test.t") or die "t/$test.t: $!";

    while (my $line = <$out>) {
        my ($not, $label) = $line =~ /^(not )?ok \d+(?: - (.*))?/ or next;
        ok(!$not, "$test: " . ($label // 'a check'));
        $n++;
    }

    ok(close($out), "$test: passes");
    cmp_ok($n, '>', 10, "$test: ran");
}

done_testing();
