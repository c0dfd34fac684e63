package Test::Http3;

# Runs the HTTP/3 client t/http3/client, with the methods of Test::Http2:
#
#     my $c = Test::Http3->new(port => 8443, window => 10);
#     my $s = $c->send('POST', '/pay', body => 'a=1', type => '...');
#     $c->open;                      # the windows of all streams
#     $c->wait(sub { $s->{end} });
#
# why_not() returns why HTTP/3 is not available, or nothing if it is.

use v5.36;

use IPC::Open2 qw(open2);
use JSON::PP ();
use Test::Helpers qw(read_until verbose $LIMIT);

my $JSON = JSON::PP->new->utf8;

sub why_not ($nginx = $ENV{ALIKASSA_NGINX} // 'nginx') {
    return 'this nginx has no HTTP/3'
        if `$nginx -V 2>&1` !~ /--with-http_v3_module/;
    return 'python3-aioquic is not installed'
        if system('python3 -c "import aioquic" 2>/dev/null') != 0;
    return;
}

sub new ($class, %opt) {
    my $pid = open2(my $out, my $in, 't/http3/client', $opt{port},
        $opt{window} // ());
    my $self = bless { pid => $pid, in => $in, out => $out, data => '',
        streams => {} }, $class;

    $in->autoflush;
    $self->wait(sub { $self->{connected} }) or die 'no HTTP/3 connection';

    return $self;
}

sub tell ($self, %what) {
    print { $self->{in} } $JSON->encode(\%what) . "\n";
}

sub send ($self, $method, $path, %opt) {
    my @fields = (':method' => $method, ':scheme' => 'https',
        ':authority' => 'localhost', ':path' => $path, @{ $opt{headers} // [] },
        $opt{type} ? ('content-type' => $opt{type}) : (),
        defined $opt{body} ? ('content-length' => length $opt{body}) : ());
    my @pairs;

    verbose('HTTP/3 request', "$method $path\n" . ($opt{body} // ''));

    while (my ($name, $value) = splice @fields, 0, 2) {
        push @pairs, [$name, "$value"];
    }

    delete $self->{latest};
    $self->tell(do => 'send', headers => \@pairs, body => $opt{body});
    $self->wait(sub { $self->{latest} }) or die 'nothing was sent';

    return $self->{latest};
}

sub open ($self)  { $self->tell(do => 'open') }
sub reset ($self) { $self->tell(do => 'reset') }

sub close ($self) {
    $self->tell(do => 'close');
    close $self->{in};
    waitpid delete $self->{pid}, 0;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->close if $self->{pid};
}

sub wait ($self, $check, $timeout = $LIMIT) {
    return read_until($self->{out}, \$self->{data}, sub {
        $self->took($JSON->decode($1)) while $self->{data} =~ s/^(.*)\n//;
    }, $check, $timeout);
}

sub took ($self, $e) {
    return $self->{connected} = 1 if $e->{event} eq 'connected';
    return $self->{closed} = 1 if $e->{event} eq 'closed';

    my $s = $self->{streams}{ $e->{stream} } //= { id => $e->{stream},
        body => '' };

    $self->{latest} = $s if $e->{event} eq 'sent';
    $s->{reset} = 1 if $e->{event} eq 'reset';
    $s->{body} .= $e->{data} if $e->{event} eq 'data';

    if ($e->{event} eq 'headers') {
        my %h = map { @$_ } @{ $e->{headers} };
        $s->{status} = $h{':status'};
        $s->{headers} = \%h;
    }

    if ($e->{end}) {
        $s->{end} = 1;
        verbose('HTTP/3 response', ($s->{status} // '') . "\n$s->{body}");
    }
}

1;
