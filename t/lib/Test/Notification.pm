package Test::Notification;

# Makes notifications for tests, which PHP signs as AliKassa does.
#
#     my $n = Test::Notification->new($t);      # $t has its sandbox
#     $n->query(order_id => 'A-1')              # "type=payment&..&sign=.."
#     $n->query(amount => 5, flags => 'o')      # see t/php/notify.php
#     $n->pairs(...)                            # names and values
#
# A field that is undef is left out; sign => .. replaces PHP's signature.
# new($t, private => .., public => ..) signs with another key pair, which is in
# these files.

use v5.36;

use IPC::Open2;
use Test::Alikassa qw(form_encode merge);
use Test::Build qw(need_programs);

sub new ($class, $t, %opt) {
    need_programs('php');

    my $keys    = "$t->{box}/notification";
    my $private = $opt{private} // "$t->{dir}/notification.pem";

    $opt{private} or system("openssl pkey -in $keys/private.pem -out $private"
        . (-e "$keys/password.txt" ? " -passin file:$keys/password.txt" : ''))
        == 0 or die;

    open2(my $out, my $in, 'php', 't/php/notify.php', $private,
        $opt{public} // "$keys/public.pem");

    return bless { out => $out, in => $in, fields => [
        type => 'payment', id => '108465371', order_id => 'A/1',
        payment_status => 'paid', amount => '150000.50',
        payment_amount => '150000.50', commission_amount => '1500.00',
        is_partial_payment => '0', account => $t->{account},
        service => 'virtual_account_idr_hpp', desc => "Kopi & teh \xc3\xa9",
    ] }, $class;
}

sub php ($self, $do, $flags, $query) {
    print { $self->{in} } "$do $flags $query\n";
    my $line = readline $self->{out};
    chomp $line;
    return $line;
}

sub pairs ($self, %opt) {
    my $flags = delete $opt{flags} // '-';
    my $given = exists $opt{sign};
    my $sign  = delete $opt{sign};
    my @pairs = merge([@{ $self->{fields} }], %opt);

    $sign = $self->php('sign', $flags, form_encode(@pairs)) unless $given;

    return defined $sign ? (@pairs, sign => $sign) : @pairs;
}

sub query ($self, %opt) { return form_encode($self->pairs(%opt)) }

1;
