package Test::Build;

# Runs make for files that a test needs, if they are missing or older than their
# sources.  Tests that run at the same time wait for each other.
#
#     need_build('preload');         # a target of the Makefile: see %BUILT
#     need_programs(qw(php curl));   # skips the test if one is missing
#     need_modules(qw(Mojolicious)); # Perl's
#
# With ALIKASSA_BUILD=0 a test takes the files that are built, whatever their
# age.

use v5.36;

use Exporter qw(import);
use Fcntl qw(:flock);
use File::Find qw(find);
use File::Path qw(make_path);
use Test::Helpers qw($TOP read_file skip_test slurp);
use Test::More ();
use Time::HiRes ();

our @EXPORT_OK = qw(module_path need_build need_modules need_programs);

my @SOURCES = qw(ngx_http_alikassa_module config);
my $CC      = (split ' ', $ENV{CC} // 'gcc')[0];

# For each target of the Makefile: the files that make builds, their sources,
# and the programs that make needs.

my %BUILT = (
    'module' => [[module_path('module')], \@SOURCES, $CC],
    'sanitized' => [[module_path('sanitized')], \@SOURCES, $CC],
    'without-threads' => [[module_path('without-threads')], \@SOURCES,
        'clang'],
    'late-store' => [[module_path('late-store')], [@SOURCES, 't/late_store'],
        $CC],
    'preload' => [[map { s{^t/(.*)\.c$}{build/$1.so}r }
        glob 't/preload/*.c'], ['t/preload'], $CC],
    'php' => [['build/php/payments'],
        ['t/php', 'ngx_http_alikassa_module/core'], $CC],
);

# Returns the path, from the top of the tree, of the module that a target
# builds.

sub module_path ($target) {
    return 'build/' . ($target eq 'module' ? '' : "$target/")
        . 'ngx_http_alikassa_module.so';
}

sub need_build ($target) {
    my ($files, $sources, @programs) = @{ $BUILT{$target} // die $target };

    make_path("$TOP/build");
    open(my $lock, '>', "$TOP/build/tests.lock") or die "tests.lock: $!";
    flock $lock, LOCK_EX or die "tests.lock: $!";

    my $why = why_build($files, $sources) or return;

    if (($ENV{ALIKASSA_BUILD} // 1) eq '0') {
        my ($missing) = grep { !-e "$TOP/$_" } @$files or return;
        skip_test("$missing is not built, and ALIKASSA_BUILD=0");
    }

    need_programs('make', @programs);
    skip_test("$why, and there is no nginx to build against: nginx-dev")
        if $files->[0] =~ /ngx_http/ && !-e '/usr/share/nginx/src/conf_flags'
            && !-e "$TOP/build/nginx/objs/Makefile";

    # If make runs the tests, pass its variables on, such as CC=clang, but not
    # its job server, which is not for this process.

    local %ENV = %ENV;
    my $variables = ($ENV{MAKEFLAGS} // '') =~ /(?:^| )(-- .*)/ ? $1 : '';
    delete @ENV{qw(MAKELEVEL MFLAGS)};
    $ENV{MAKEFLAGS} = $variables;

    my $log = "$TOP/build/test-$target.log";
    Test::More->builder->diag("$why: make $target > $log");

    system("make $target > '$log' 2>&1") == 0
        or die "make $target failed:\n", join('', map { "  $_\n" }
            grep { defined } (split /\n/, slurp($log))[-20 .. -1]),
        "see $log\n";

    # Files that make left as they were are up to date, too.

    utime undef, undef, map { "$TOP/$_" } @$files;
}

# Returns why files must be built, or nothing if all files exist and are newer
# than their sources.

sub why_build ($files, $sources) {
    my $newest = 0;

    find({ no_chdir => 1, wanted => sub {
        my $time = (Time::HiRes::stat($_))[9] // 0;
        $newest = $time if -f _ && $time > $newest;
    } }, map { "$TOP/$_" } @$sources);

    for my $file (@$files) {
        return "$file is not built" if !-e "$TOP/$file";
        return "$file is older than its sources"
            if (Time::HiRes::stat("$TOP/$file"))[9] < $newest;
    }

    return;
}

sub need_programs (@names) {
    for my $name (@names) {
        skip_test("$name is not installed")
            unless grep { -x } $name =~ m{/} ? $name
                : map { "$_/$name" } split /:/, $ENV{PATH};
    }
}

sub need_modules (@names) {
    for my $name (@names) {
        skip_test("Perl's $name is not installed") unless eval "require $name";
    }
}

1;
