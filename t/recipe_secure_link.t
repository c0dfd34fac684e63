#!/usr/bin/env perl

# docs/recipes/secure-link.md: the shop signs the link by the PHP code of the
# page.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use Test::Alikassa qw(read_file recipe);
use Test::Build qw(need_programs);
use Test::More;

need_programs('php');

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOF' =~ s/%%RECIPE%%/recipe('secure-link')/er)->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%
    server {
        listen 127.0.0.1:%%PORT_0%%;
        %%RECIPE%%
        %%API%%
    }
}
EOF

# The PHP code of the page.

my ($sample) = read_file('docs/recipes/secure-link.md')
    =~ /^( {4}\$path = .*?;\n.*?)^\n/ms;
$sample =~ s/^ {4}<form.*//ms;

sub link_to ($path, $expires) {
    my $code = $sample;
    $code =~ s{"/pay/1001/150000"}{"$path"};
    $code =~ s{time\(\) \+ 3600}{$expires};
    open(my $php, '-|', 'php', '-r',
        $code . ' echo "$path?md5=$md5&expires=$expires";') or die;
    return scalar <$php>;
}

my @form = (service => 'virtual_account_idr_hpp', customer_code => 'BCAVA',
    customer_first_name => 'Budi', customer_last_name => 'Santoso');

$t->settings(duplicates => 'allow');

my $later = time() + 3600;
my $link = link_to('/pay/1001/150000', $later);

my $r = $t->post($link, form => \@form);
is($r->{status}, 200, 'signed link: paid') or diag($r->{raw});
my ($sent) = $t->requests('1001');
my $body = $sent->{body};
like($body, qr/^\{"amount":150000,"order_id":"1001",/,
    'signed link: its amount and order are signed');

is($t->post($link, form => [@form, amount => 1, order_id => 2])->{status}, 200,
    'signed link, amount in the form: status');
is(($t->requests)[-1]{body}, $body,
    'signed link, amount in the form: the same body is sent');
is($t->post("$link&amount=1&order_total=1", form => \@form)->{status}, 200,
    'signed link, amount in the query: status');
is(($t->requests)[-1]{body}, $body,
    'signed link, amount in the query: the same body is sent');
is($t->post($link, form => \@form, headers => ['X-Order-Total: 1',
    'X-Original-URI: /pay/1/1'])->{status}, 200,
    'signed link, amount in headers: status');
is(($t->requests)[-1]{body}, $body,
    'signed link, amount in headers: the same body is sent');

my $n = $t->requests;

for ($link =~ s/150000/1/r, $link =~ s/1001/1002/r,
    $link =~ s/expires=\d+/'expires=' . ($later + 1)/er,
    $link =~ s/md5=(.)/'md5=' . ($1 eq '_' ? 'A' : '_')/er, '/pay/1001/150000',
    $link =~ s/&expires.*//r)
{
    is($t->post($_, form => \@form)->{status}, 403, "changed link $_: refused");
}

is($t->post(link_to('/pay/1001/150000', time() - 1), form => \@form)->{status},
    410, 'expired link: 410');
is(scalar $t->requests, $n, 'refused links: nothing is sent');

$t->done;
