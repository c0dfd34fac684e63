#!/usr/bin/env perl

# Body and Sign are, byte for byte, those that PHP's json_encode() and
# openssl_sign() make of the same data.  ALIKASSA_SEED repeats a run.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Build qw(need_build need_programs);
use Test::Helpers qw(read_file temp_dir write_file);
use Test::More;

need_programs(qw(php openssl));
need_build('php');

my $payments = 2400;
my $objects = 2000;

my $seed = $ENV{ALIKASSA_SEED} || int(rand(2 ** 31));
my $dir = temp_dir();
my $program = 'build/php/payments';

diag("ALIKASSA_SEED=$seed");

# An encrypted key, as in AliKassa's archive.

my $passphrase = 'a passphrase, with / and "';

write_file("$dir/password.txt", $passphrase);

system("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 "
    . "-aes-256-cbc -pass file:$dir/password.txt -out $dir/private.pem "
    . "2>/dev/null") == 0 or BAIL_OUT('no key');

my @php = run("$dir/cases", 'php', 't/php/generate.php', "$dir/private.pem",
    $passphrase, $seed, $payments, $objects);

write_file("$dir/in", join '', map { (split /\t/)[0] . "\n" } @php);

my @our = run("$dir/our", 'sh', '-c', '"$0" "$1" "$2" < "$3"', $program,
    "$dir/private.pem", $passphrase, "$dir/in");

is(scalar @our, scalar @php, 'the program answers as many cases as PHP');

my (%seen, %differ, $lost);

for my $i (0 .. $#php) {
    my ($case, $want) = split /\t/, $php[$i];
    my $kind = pack('H*', (split / /, $case)[0]);
    my $have = $our[$i] // '';

    # The module refuses a number that PHP would round.

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
    is($differ{$kind}, undef,
        "$kind: body and signature are those of PHP") or diag($differ{$kind});
}

cmp_ok($seen{payment} + $seen{payout}, '>=', 2000,
    'at least 2000 payments and payouts are compared');
cmp_ok($seen{reencode}, '>=', 1000, 'at least 1000 objects are compared');

note("$seen{payment} payments, $seen{payout} payouts, $seen{reencode} "
    . "objects, " . ($lost // 0) . " refused for a number");

done_testing();

sub run ($out, @command) {
    open(my $save, '>&', \*STDOUT) or die;
    open(STDOUT, '>', $out) or die;
    my $rc = system(@command);
    open(STDOUT, '>&', $save) or die;

    is($rc, 0, "$command[0] runs");

    return split /\n/, read_file($out);
}

# Tells whether an object has a number that a double cannot hold, as the
# generator makes some.

sub changed ($text) {
    $text =~ s/"(?:\\.|[^"\\])*"//gs;

    return $text =~ /\d{17,}\.|\d\.\d{17,}|1\.7976931348623157e308|5e-324/;
}

sub show ($case, $want, $have) {
    return join "\n", 'case ' . join(' ', map { pack('H*', $_) }
        split / /, $case), map { my ($body, @signs) = split / /, $_;
            $body eq 'refused' ? $body : pack('H*', $body) . " @signs" }
        $want, $have;
}
