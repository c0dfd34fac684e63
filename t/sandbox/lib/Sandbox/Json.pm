package Sandbox::Json;

# Reads and writes JSON as PHP does, and keeps the order of names.

use v5.36;

use Encode qw(decode encode FB_CROAK);
use Exporter qw(import);

our @EXPORT_OK = qw(parse_json php_json php_string);

sub parse_json ($bytes) {
    my $text = decode('UTF-8', my $copy = $bytes, FB_CROAK);
    my $value = value(\$text);
    $text =~ /\G\z/gc or die "more text\n";
    return $value;
}

sub value ($t) {
    return object($t) if $$t =~ /\G\{/gc;
    return array($t)  if $$t =~ /\G\[/gc;
    return string($t) if $$t =~ /\G"/gc;
    return bless { word => $1 }, 'Sandbox::Word'
        if $$t =~ /\G(true|false|null)/gc;
    return bless { text => $1 }, 'Sandbox::Number'
        if $$t =~ /\G(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)/gc;
    die "no value\n";
}

sub object ($t) {
    my @pairs;
    return bless { pairs => [] }, 'Sandbox::Object' if $$t =~ /\G\}/gc;

    while (1) {
        $$t =~ /\G"/gc or die "no name\n";
        my $name = string($t);
        $$t =~ /\G:/gc or die "no colon\n";
        push @pairs, [$name, value($t)];
        next if $$t =~ /\G,/gc;
        $$t =~ /\G\}/gc or die "no end of object\n";
        return bless { pairs => \@pairs }, 'Sandbox::Object';
    }
}

sub array ($t) {
    my @items;
    return \@items if $$t =~ /\G\]/gc;

    while (1) {
        push @items, value($t);
        next if $$t =~ /\G,/gc;
        $$t =~ /\G\]/gc or die "no end of array\n";
        return \@items;
    }
}

my %SHORT = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t",
    '"' => '"', '\\' => '\\', '/' => '/');

sub string ($t) {
    my $s = '';

    while (1) {
        if ($$t =~ /\G([^"\\\x00-\x1f]+)/gc)  { $s .= $1 }
        elsif ($$t =~ /\G"/gc)                { return $s }
        elsif ($$t =~ /\G\\(["\\\/bfnrt])/gc) { $s .= $SHORT{$1} }
        elsif ($$t =~ /\G\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)/gc) {
            $s .= chr(0x10000 + ((hex($1) - 0xd800) << 10)
                + hex($2) - 0xdc00);
        }
        elsif ($$t =~ /\G\\u([0-9a-fA-F]{4})/gc) { $s .= chr hex $1 }
        else                                     { die "bad string\n" }
    }
}

sub php_json ($v) {
    return php_text($v) if !ref $v;
    return $v->{word}   if ref $v eq 'Sandbox::Word';
    return number($v->{text}) if ref $v eq 'Sandbox::Number';
    return '[' . join(',', map { php_json($_) } @$v) . ']'
        if ref $v eq 'ARRAY';
    return '{' . join(',', map { php_text($_->[0]) . ':' . php_json($_->[1]) }
        @{ $v->{pairs} }) . '}';
}

# Returns a number as PHP prints it, for the numbers that calls have.

sub number ($n) {
    return $n if $n !~ /[.eE]/;
    $n =~ s/(\.\d*?)0+$/$1/;
    $n =~ s/\.$//;
    return $n;
}

# Returns a string in PHP's or JavaScript's spelling of JSON.  The argument may
# be bytes in UTF-8 or characters.

sub php_string ($s, $js = 0) {
    my $copy = $s;
    $copy = decode('UTF-8', $copy) unless utf8::is_utf8($copy);
    return $js ? js_text($copy) : php_text($copy);
}

my %ESCAPE = ("\b" => '\b', "\f" => '\f', "\n" => '\n', "\r" => '\r',
    "\t" => '\t', '"' => '\"', '\\' => '\\\\', '/' => '\/');

sub php_text ($s) {
    $s =~ s{(["\\/\x00-\x1f]|[^\x00-\x7f])}{
        $ESCAPE{$1} // escape(ord $1)
    }ge;
    return "\"$s\"";
}

sub js_text ($s) {
    $s =~ s{(["\\\x00-\x1f])}{ $ESCAPE{$1} // escape(ord $1) }ge;
    return encode('UTF-8', "\"$s\"");
}

sub escape ($c) {
    return sprintf '\u%04x', $c if $c < 0x10000;
    $c -= 0x10000;
    return sprintf '\u%04x\u%04x', 0xd800 + ($c >> 10),
        0xdc00 + ($c & 0x3ff);
}

package Sandbox::Object;

sub hash ($self) {
    return map { my $v = $_->[1];
        $_->[0] => ref $v eq 'Sandbox::Number' ? $v->{text}
            : ref $v eq 'Sandbox::Word' ? undef : $v } @{ $self->{pairs} };
}

1;
