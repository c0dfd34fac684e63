package Sandbox::Rules;

# Holds the rules of AliKassa's API page: the fields in their order, the
# services and the bank codes.

use v5.36;

use Exporter qw(import);
use Socket qw(inet_pton AF_INET AF_INET6);

our @EXPORT_OK = qw(check_fields %ACCOUNTS);

# account => the folder of the account's key archives

our %ACCOUNTS = (
    'cfa5a4bc-5a62-4f63-b7b2-0a4e32f0c1d5' => 'main',
    '9e4d7c1a-2b3f-4a5e-8c6d-7f8091a2b3c4' => 'other',
);

my %FIELDS = (
    payment => [
        [amount => 'amount', 1], [order_id => 128, 1], [service => 100, 1],
        [customer_ip => 'ip', 1], [customer_code => 100, 1],
        [customer_first_name => 0, 1], [customer_last_name => 0, 1],
        [success_redirect_id => 'int'], [fail_redirect_id => 'int'],
        [notification_endpoint_id => 'int'], [success_redirect_url => 'url'],
        [fail_redirect_url => 'url'], [notification_endpoint_url => 'url'],
    ],
    payout => [
        [amount => 'amount', 1], [order_id => 128, 1], [service => 100, 1],
        [number => 100, 1], [customer_code => 100, 1],
        [customer_first_name => 100, 1], [customer_last_name => 100, 1],
        [notification_endpoint_id => 'int'],
        [notification_endpoint_url => 'url'],
    ],
);

my %BANKS = (
    payment => {
        online_banking_idr_hpp => 'BCA BNI BRI CIMBN MDR PMTB PANIN',
        qr_code_idr_hpp =>
            'QRIS DANAQRIS GOPAYQRIS LINKAJAQRIS OVOQRIS SHOPEEQRIS',
        virtual_account_idr_hpp =>
            'BCAVA BNIVA BRIVA CIMBNVA MBBIVA MDRVA PMTBVA PANINVA BDIVA',
        local_bank_transfer_idr_hpp => 'BCALBT BNILBT BRILBT MDRLBT',
    },
    payout => {
        payment_card_idr => 'PMTB BCASB BMI BRISB BSM BTN BTPN OCBCN MDRSB '
            . 'PNBN UOBI BSI PTBC HSBCI PANIN DBSI HANAI MNC BKAL ALLOB '
            . 'SEABANK SUMUT BMLI BCAD BJB',
    },
);

sub check_fields ($call, $pairs) {
    my @pairs = @{ $pairs->{pairs} };
    my %value = map { $_->[0] => $_->[1] } @pairs;
    my %errors;

    return { body => ['A name is repeated.'] } if keys %value != @pairs;

    my @known = map { $_->[0] } @{ $FIELDS{$call} };
    my @given = map { $_->[0] } @pairs;
    my @want  = grep { exists $value{$_} } @known;

    for my $i (0 .. $#want) {
        $errors{ $want[$i] } = ['The order of the fields is wrong.']
            if $given[$i] ne $want[$i];
    }

    for my $field (@{ $FIELDS{$call} }) {
        my ($name, $kind, $required) = @$field;
        my $error = !exists $value{$name}
            ? ($required ? 'The field is required.' : undef)
            : check($kind, $value{$name});
        $errors{$name} = [$error] if $error;
    }

    my $banks = $BANKS{$call}{ $value{service} // '' };
    $errors{service} //= ['The selected service is invalid.'] if !$banks;
    $errors{customer_code} //= ['The selected customer code is invalid.']
        if $banks && !grep { $_ eq ($value{customer_code} // '') }
            split / /, $banks;

    return \%errors;
}

sub check ($kind, $v) {
    if ($kind eq 'amount' || $kind eq 'int') {
        return 'It must be a number.' if ref $v ne 'Sandbox::Number';
        return $v->{text} =~ /^[1-9]\d{0,18}$/ ? undef : 'It is no integer.'
            if $kind eq 'int';
        return $v->{text} =~ /^(?:0|[1-9]\d{0,8})(?:\.\d?[1-9])?$/
            && $v->{text} ne '0' ? undef : 'It is no amount.';
    }

    return 'It must be a string.'  if ref $v;
    return 'It is required.'       if $v !~ /\S/;
    return inet_pton(AF_INET, $v) || inet_pton(AF_INET6, $v) ? undef
        : 'It is no IP address.' if $kind eq 'ip';
    return $v =~ m{^https?://[^/\s]+\S*$}i && length $v <= 255 ? undef
        : 'It is no URL.' if $kind eq 'url';
    return $kind && length $v > $kind ? 'It is too long.' : undef;
}

1;
