#!/usr/bin/env perl

# Body and Sign, byte for byte what PHP's json_encode() and openssl_sign()
# make of the same data.  ALIKASSA_SEED repeats a run.

use strict;
use warnings;

use File::Temp qw/ tempdir /;
use Test::More;

my $payments = 2400;
my $objects = 2000;

my $seed = $ENV{ALIKASSA_SEED} || int(rand(2 ** 31));
my $dir = tempdir(CLEANUP => 1);
my $program = 'build/php/payments';

diag("ALIKASSA_SEED=$seed");

-x $program or BAIL_OUT("$program is not built: run make test-programs");

# an encrypted key, as AliKassa's archive has it

my $passphrase = 'a passphrase, with / and "';

open(my $pass, '>', "$dir/password.txt") or die;
print $pass $passphrase;
close $pass;

system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 "
    . "-aes-256-cbc -pass file:$dir/password.txt -out $dir/private.pem "
    . "2>/dev/null") == 0 or BAIL_OUT('no key');

my @php = run("$dir/cases", 'php', 't/php/generate.php', "$dir/private.pem",
    $passphrase, $seed, $payments, $objects);

open(my $in, '>', "$dir/in") or die;
print $in map { (split /\t/)[0] . "\n" } @php;
close $in;

my @our = run("$dir/our", 'sh', '-c', '"$0" "$1" "$2" < "$3"', $program,
    "$dir/private.pem", $passphrase, "$dir/in");

is(scalar @our, scalar @php, 'as many answers as cases');

my (%seen, %differ, $lost);

for my $i (0 .. $#php) {
    my ($case, $want) = split /\t/, $php[$i];
    my $kind = pack('H*', (split / /, $case)[0]);
    my $have = $our[$i] // '';

    # a number that PHP would change is refused: PHP itself rounds it

    if ($kind eq 'reencode' && $have eq 'refused') {
        $lost++;

        $differ{$kind} //= show($case, $want, $have)
            unless changed(pack('H*', (split / /, $case)[1]));
        next;
    }

    $seen{$kind}++;
    $differ{$kind} //= show($case, $want, $have) if $want ne $have;
}

for my $kind (qw/ payment payout reencode /) {
    is($differ{$kind}, undef, "$kind as PHP's") or diag($differ{$kind});
}

cmp_ok($seen{payment} + $seen{payout}, '>=', 2000, 'payments enough');
cmp_ok($seen{reencode}, '>=', 1000, 'objects enough');

note("$seen{payment} payments, $seen{payout} payouts, $seen{reencode} "
    . "objects, " . ($lost // 0) . " refused for a number");

done_testing();

###############################################################################

sub run {
    my ($out, @command) = @_;

    open(my $save, '>&', \*STDOUT) or die;
    open(STDOUT, '>', $out) or die;
    my $rc = system(@command);
    open(STDOUT, '>&', $save) or die;

    is($rc, 0, "$command[0] runs");

    open(my $fh, '<', $out) or die;
    my @lines = <$fh>;
    chomp @lines;

    return @lines;
}

# whether an object has a number that is not what a double can hold: those of
# the generator that are meant to be lost

sub changed {
    my ($text) = @_;

    $text =~ s/"(?:\\.|[^"\\])*"//gs;

    return $text =~ /\d{17,}\.|\d\.\d{17,}|1\.7976931348623157e308|5e-324/;
}

sub show {
    my ($case, $want, $have) = @_;

    return join "\n", 'case ' . join(' ', map { pack('H*', $_) }
        split / /, $case), map { my ($body, @signs) = split / /, $_;
            $body eq 'refused' ? $body : pack('H*', $body) . " @signs" }
        $want, $have;
}

###############################################################################
