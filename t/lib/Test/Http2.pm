package Test::Http2;

# An HTTP/2 client by which a test controls how much of a response nginx may
# send: a client opens the flow-control windows of its connection and of each
# stream (RFC 9113, section 5.2).
#
#     my $c = Test::Http2->new(port => 8080, window => 10);
#     my $s = $c->send('POST', '/pay', body => 'a=1', type => '...');
#     $c->wait(sub { $s->{end} });
#     $c->grant($s, 1000);           # WINDOW_UPDATE of the stream
#
# A stream is a hash: id, status, headers (sent), body, end, reset.

use v5.36;

use Test::Helpers qw(connect_to read_until verbose $LIMIT);

use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6,
    GOAWAY => 7, WINDOW_UPDATE => 8, CONTINUATION => 9,
    ACK => 1, END_STREAM => 1, END_HEADERS => 4,
    SETTINGS_INITIAL_WINDOW_SIZE => 4,
};

# Connects to a port.  Option window: the initial window of each stream; the
# connection's is 65,535, as in RFC 9113.

sub new ($class, %opt) {
    my $s = connect_to($opt{port}) or die "connect: $!";

    my $self = bless { socket => $s, next => 1, in => '', streams => {} },
        $class;

    syswrite $s, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        . frame(SETTINGS, 0, 0, defined $opt{window}
            ? pack('nN', SETTINGS_INITIAL_WINDOW_SIZE, $opt{window}) : '');

    return $self;
}

sub frame ($type, $flags, $id, $payload) {
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags,
        $id) . $payload;
}

# Return a string and a header field in HPACK's encoding without compression.

sub string ($text) {
    my $n = length $text;
    return chr($n) . $text if $n < 127;
    my $out = "\x7f";
    for ($n -= 127; $n >= 128; $n >>= 7) { $out .= chr($n & 127 | 128) }
    return $out . chr($n) . $text;
}

sub field ($name, $value) { return "\0" . string($name) . string($value) }

sub send ($self, $method, $path, %opt) {
    my $id = $self->{next};
    $self->{next} += 2;

    my @fields = (':method' => $method, ':scheme' => 'http',
        ':authority' => 'localhost', ':path' => $path, @{ $opt{headers} // [] },
        $opt{type} ? ('content-type' => $opt{type}) : ());
    my $block = '';

    while (my ($name, $value) = splice @fields, 0, 2) {
        $block .= field($name, $value);
    }

    my $body = $opt{body};

    verbose("HTTP/2 request: stream $id", "$method $path\n" . ($body // ''));
    syswrite $self->{socket}, frame(HEADERS,
        END_HEADERS | (defined $body ? 0 : END_STREAM), $id, $block)
        . (defined $body ? frame(DATA, END_STREAM, $id, $body) : '');

    return $self->{streams}{$id} = { id => $id, body => '' };
}

sub grant ($self, $stream, $n) {
    syswrite $self->{socket}, frame(WINDOW_UPDATE, 0,
        $stream ? $stream->{id} : 0, pack('N', $n));
}

sub cancel ($self, $stream) {
    syswrite $self->{socket}, frame(RST_STREAM, 0, $stream->{id},
        pack('N', 8));
}

# Sends a PING and waits for the answer, which nginx sends after it has handled
# all earlier frames.

sub ping ($self) {
    delete $self->{pong};
    syswrite $self->{socket}, frame(PING, 0, 0, 'alikassa');
    return $self->wait(sub { $self->{pong} });
}

sub close ($self) { close $self->{socket} }

# Reads until the check is true.  Returns 1, or 0 if the time is over or nginx
# has closed the connection.

sub wait ($self, $check, $timeout = $LIMIT) {
    return read_until($self->{socket}, \$self->{in}, sub { $self->frames },
        $check, $timeout);
}

sub frames ($self) {
    while (length $self->{in} >= 9) {
        my ($length, $type, $flags, $id) = unpack 'NCCN', "\0"
            . substr $self->{in}, 0, 9;
        return if length $self->{in} < 9 + $length;
        my $payload = substr substr($self->{in}, 0, 9 + $length, ''), 9;
        $self->took($type, $flags, $id, $payload);
    }
}

sub took ($self, $type, $flags, $id, $payload) {
    my $stream = $self->{streams}{$id};

    if ($type == SETTINGS && !($flags & ACK)) {
        syswrite $self->{socket}, frame(SETTINGS, ACK, 0, '');

    } elsif ($type == PING) {
        $self->{pong} = 1 if $flags & ACK;

    } elsif ($type == GOAWAY) {
        $self->{goaway} = 1;

    } elsif ($type == HEADERS && $stream) {

        # nginx puts the status first: an index into the static table, or an
        # indexed name and three digits.

        $payload =~ s/^(?:[\x20-\x3f])+//;
        my $c = ord $payload;
        $stream->{status} = $c >= 0x88 && $c <= 0x8e
            ? (200, 204, 206, 304, 400, 404, 500)[$c - 0x88]
            : substr $payload, 2, 3;
        $stream->{sent} .= $payload;

    } elsif ($type == DATA && $stream) {
        $stream->{body} .= $payload;

    } elsif ($type == RST_STREAM && $stream) {
        $stream->{reset} = 1;
        verbose("HTTP/2 response: stream $id", 'reset');
    }

    if ($stream && ($type == DATA || $type == HEADERS) && $flags & END_STREAM) {
        $stream->{end} = 1;
        verbose("HTTP/2 response: stream $id",
            ($stream->{status} // '') . "\n$stream->{body}");
    }
}

1;
