package Test::Peer;

# Lets a test play AliKassa: the test decides when to accept a connection and
# which bytes to send:
#
#     my $listen = listener();            # or at a port
#     my ($c, $path) = accept_call($listen);
#     reply($c, 404, '{"message":"Not found."}');

use v5.36;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Test::Helpers qw($LIMIT);

our @EXPORT_OK = qw(accept_call listener reply);

sub listener ($port = 0) {
    return IO::Socket::INET->new(Listen => 128, LocalAddr => '127.0.0.1',
        LocalPort => $port, ReuseAddr => 1) // die "listen: $!";
}

# Accepts a connection and reads the request.  Returns the connection and the
# request's path, or nothing if no request came in time.

sub accept_call ($listen, $timeout = $LIMIT) {
    IO::Select->new($listen)->can_read($timeout) or return;

    my $c    = $listen->accept;
    my $data = '';

    while (sysread $c, $data, 65536, length $data) {
        my ($head, $body) = $data =~ /^(.*?)\r\n\r\n(.*)/s or next;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        last if length $body >= ($length // 0);
    }

    return ($c, $data =~ m{^\S+ (\S+)} ? $1 : '');
}

# Sends a JSON response and closes the connection.

sub reply ($c, $status, $body) {
    syswrite $c, "HTTP/1.1 $status X\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    close $c;
}

1;
