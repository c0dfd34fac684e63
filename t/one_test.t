#!/usr/bin/env perl

# Tests of the tests: one test alone builds what it needs, or is skipped with
# the reason; a test that fails keeps its folder; ALIKASSA_LEAVE, _CATLOG and
# _VERBOSE.  The tests that are run here stand in a tree of their own, whose
# Makefile builds an empty file.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa;
use Test::Build qw(need_programs);
use Test::Helpers qw($TOP read_file slurp spawn temp_dir write_file);
use Test::More;

need_programs('make');

# The real nginx runs once, for the error log.

my $nginx = Test::Alikassa->new;

delete @ENV{grep { /^ALIKASSA_|^MAKE|^MFLAGS$|^CC$/ } keys %ENV};

my $dir = temp_dir();

mkdir "$dir/$_" for qw(docs t t/preload ngx_http_alikassa_module build);
system('cp', '-r', "$TOP/t/lib", "$dir/t/lib") == 0 or die;
write_file("$dir/docs/alikassa-api.conf", "");
write_file("$dir/$_", '') for qw(config t/preload/a.c t/preload/b.c
    ngx_http_alikassa_module/a.c);

# The Makefile logs how make was called.

write_file("$dir/Makefile", <<'EOF' =~ s/^ {4}/\t/gmr);
preload:
    echo '$@ CC=$(CC) $(MAKEFLAGS)' >> built
    sleep 0.3
    [ ! -e broken ] || { echo 'no such header'; exit 1; }
    mkdir -p build/preload
    touch build/preload/a.so
    [ -e build/preload/b.so ] || touch build/preload/b.so
EOF

# Runs a test that has this code; returns its status and its output.

sub run_test ($code, %env) {
    local @ENV{keys %env} = values %env;

    write_file("$dir/t/x.t", <<"EOF");
use v5.36;
use FindBin qw(\$Bin);
use lib "\$Bin/lib";
use Test::Alikassa;
use Test::Build qw(need_build need_modules need_programs);
use Test::Helpers qw(temp_dir verbose);
use Test::More;
$code
EOF
    my $out = `cd / && $^X $dir/t/x.t 2>&1`;

    return ($? >> 8, $out);
}

sub builds { return scalar(() = slurp("$dir/built") =~ /\n/g) }

# Builds.

my $need = 'need_build("preload"); ok(-e "build/preload/a.so"); done_testing;';

my ($status, $out) = run_test($need);
is($status, 0, 'build: a test passes from another folder') or diag($out);
is(builds(), 1, 'build: what is missing is built');
like($out, qr/a\.so is not built: make preload/, 'build: the test says so');

run_test($need);
is(builds(), 1, 'build: what is there is not built again');

utime undef, undef, "$dir/t/preload/a.c";
run_test($need);
is(builds(), 2, 'build: what is older than its sources is built again');
run_test($need);
is(builds(), 2, 'build: once, though make had no need to build all of it');

unlink "$dir/build/preload/a.so";
my @pids = map { spawn("$dir/out$_", $^X, "$dir/t/x.t") } 1 .. 3;
my %ended;
for (@pids) { waitpid $_, 0; $ended{$?}++ }
is_deeply(\%ended, { 0 => 3 }, 'build: three tests at once pass');
is(builds(), 3, 'build: three tests at once build once');

unlink "$dir/build/preload/a.so";
($status, $out) = run_test($need, ALIKASSA_BUILD => 0);
is($status, 0, 'ALIKASSA_BUILD=0: the test is skipped');
like($out, qr/^1\.\.0 # SKIP \S+a\.so is not built, and ALIKASSA_BUILD=0$/m,
    'ALIKASSA_BUILD=0: the reason');
is(builds(), 3, 'ALIKASSA_BUILD=0: nothing is built');

run_test($need, MAKEFLAGS => ' -j3 --jobserver-auth=3,4 -- CC=other-cc');
like(read_file("$dir/built"), qr/^preload CC=other-cc (?!.*jobserver).*\n\z/m,
    'build: variables of the make that runs the tests count, not its jobs');

write_file("$dir/broken", '');
unlink "$dir/build/preload/a.so";
($status, $out) = run_test($need);
isnt($status, 0, 'build: a test whose build fails has failed');
like($out, qr/make preload failed:\n.*no such header/s,
    'build: the output of a build that failed');

# Programs and modules that are not installed.

($status, $out) = run_test('need_programs("no-such-program"); ok(1);');
is($status, 0, 'missing program: the test is skipped');
like($out, qr/^1\.\.0 # SKIP no-such-program is not installed$/m,
    'missing program: the reason');

($status, $out) = run_test('need_modules("No::Such"); ok(1);');
is($status, 0, 'missing Perl module: the test is skipped');
like($out, qr/^1\.\.0 # SKIP Perl's No::Such is not installed$/m,
    'missing Perl module: the reason');

($status, $out) = run_test('Test::Alikassa->new; ok(1);',
    ALIKASSA_NGINX => 'no-such-nginx', ALIKASSA_MODULE => 'any.so');
like($out, qr/^1\.\.0 # SKIP no-such-nginx is not installed$/m,
    'missing nginx: the reason');

# Folders.

my %test = (
    passes        => 'ok(1); done_testing;',
    fails         => 'ok(0); done_testing;',
    dies          => 'ok(1); die "here";',
    'has no plan' => 'ok(1);',
);

for my $name (sort keys %test) {
    for my $leave ('', 1) {
        ($status, $out) = run_test('my $d = temp_dir(); diag("at $d"); '
            . $test{$name}, $leave ? (ALIKASSA_LEAVE => 1) : ());

        my ($made) = $out =~ /^# at (\S+)/m or die $out;
        my $kept = $leave || $name ne 'passes';
        my $what = $leave ? "ALIKASSA_LEAVE, $name" : $name;

        is(-d $made ? 'kept' : 'removed', $kept ? 'kept' : 'removed',
            "folder: $what");
        is($out =~ m{^# kept: \Q$made\E \(made at \S*/t/x\.t line 8\)$}m
            ? 'told' : 'not told', $kept ? 'told' : 'not told',
            "folder: $what: its place");
        is($status == 0 ? 'passed' : 'failed',
            $name eq 'passes' ? 'passed' : 'failed', "folder: $what: status");

        system('rm', '-rf', $made);
    }
}

# The output of a test.

my $verbose = 'verbose("request", "GET /\r\nX: \x01\n"); ok(1); done_testing;';

unlike((run_test($verbose))[1], qr/GET/, 'not verbose: no request');
like((run_test($verbose, ALIKASSA_VERBOSE => 1))[1],
    qr{^# request\n#   GET /\n#   X: \\x01$}m, 'ALIKASSA_VERBOSE: a request');

my @nginx = (ALIKASSA_NGINX => $nginx->{nginx},
    ALIKASSA_MODULE => "$TOP/$nginx->{module}");
my $run = <<'EOF';
my $t = Test::Alikassa->new->conf(<<'END')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    server { listen 127.0.0.1:%%PORT_0%%; location / { return 200 hello; } }
}
END
like($t->get("/x")->{body}, qr/hello/);
my $pid = $t->{pid};
print "# nginx $pid\n";
EOF

($status, $out) = run_test("$run \$t->done;", @nginx);
is($status, 0, 'nginx: passes') or diag($out);
unlike($out, qr/start worker process|GET/, 'nginx: no error log, no request');

($status, $out) = run_test("$run \$t->done;", @nginx, ALIKASSA_CATLOG => 1,
    ALIKASSA_VERBOSE => 1);
like($out, qr{^# \S+/error\.log:\n(?:#   .*\n)*#   .*start worker process}m,
    'ALIKASSA_CATLOG: the error log');
like($out, qr{^# request to port \d+\n#   GET /x HTTP/1\.1$}m,
    'ALIKASSA_VERBOSE: what the test requests');
like($out, qr{^# response\n#   HTTP/1\.1 200 OK(?:\n#.*)+\n#   hello}m,
    'ALIKASSA_VERBOSE: what nginx answers');

($status, $out) = run_test("$run die 'here';", @nginx);
isnt($status, 0, 'nginx, the test dies: status');
my ($pid) = $out =~ /^# nginx (\d+)$/m or die $out;
ok(!-e "/proc/$pid", 'nginx, the test dies: nginx has ended');
my ($kept) = $out =~ /^# kept: (\S+)/m;
like(slurp("$kept/error.log"), qr/start worker process/,
    'nginx, the test dies: the error log is kept');
system('rm', '-rf', $kept);

done_testing();
