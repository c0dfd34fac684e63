#!/usr/bin/env perl

# A page that includes a status location, and a client that is still sending
# its body: nginx discards that body while the status call is under way.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";

use IO::Select;
use Test::Alikassa qw(read_all wait_for $LIMIT);
use Test::More;

my $t = Test::Alikassa->new->sandbox;

$t->conf(<<'EOC')->run;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    %%CREDENTIALS%%

    # nginx keeps a connection so long that was reset while it discarded
    keepalive_timeout 3s;
    lingering_timeout 60s;

    server {
        listen 127.0.0.1:%%PORT_0%%;
        default_type text/html;

        location = /pay    { alikassa_payment; }
        location = /status { alikassa_payment_status; }
        location = /inline {
            alikassa_payment_status;
            alikassa_thread_pool off;
        }
        location = /page {
            ssi on;
            return 200 'a <!--# include virtual="/status?order_id=S-1" --> b';
        }
        location = /page-inline {
            ssi on;
            return 200 'a <!--# include virtual="/inline?order_id=S-1" --> b';
        }
        location = /page-two {
            ssi on;
            return 200 'a <!--# include virtual="/inline?order_id=S-1" --> b
                        <!--# include virtual="/status?order_id=S-1" --> b';
        }
        location = /page-refused {
            ssi on;
            return 200 'a <!--# include virtual="/status" --> b';
        }
        %%API%%
    }
}
EOC

is($t->post('/pay', form => [$t->payment(order_id => 'S-1')])->{status}, 200,
    'setup: the order is paid');

my $n = 0;

sub head ($uri, $length) {
    return "POST $uri HTTP/1.1\r\nHost: localhost\r\n"
        . "Content-Length: $length\r\n\r\n";
}

# without the frames of chunks

sub plain ($raw) { return $raw =~ s/\r\n[0-9a-f]+\r\n//gr }

my $last = "GET /status?order_id=S-1 HTTP/1.1\r\nHost: localhost\r\n"
    . "Connection: close\r\n\r\n";

# when the rest of the body is sent: before the status call is answered, after
# the client has the page; how long the rest is: shorter and longer than the
# body of the call

for my $page (qw(page page-inline page-two)) {
    for my $rest (1, 10, 22, 90, 3000, 100_000) {
        for my $when ('while it is asked', 'later') {
            my $later = $when eq 'later';
            my $raw   = '';

            $t->faults($later ? ()
                : $t->held_response(call => 'payment_status'));

            my $before = $t->requests('S-1');
            my $s = $t->send_request('/', pieces => [
                head("/$page", $rest + 5) . 'first' ]);

            ok(wait_for(sub { $t->requests('S-1') > $before }),
                "$page, $rest bytes, $when: the status query is sent");
            while ($later && $raw !~ /\r\n0\r\n\r\n\z/) {
                IO::Select->new($s)->can_read($LIMIT)
                    && sysread $s, $raw, 65536, length $raw or last;
            }

            syswrite $s, 'x' x $rest;
            syswrite $s, $last;
            $t->respond if !$later;

            $raw = plain($raw . read_all($s));
            my @answers = $raw =~ m{HTTP/1\.1 (\d+) }g;

            is("@answers", '200 200',
                "$page, $rest bytes, $when: two requests, two responses");
            like($raw, qr/a \{.*"payment_status".*\} b/s,
                "$page, $rest bytes, $when: the page includes the status");
            is(scalar(() = $raw =~ /"payment_status"/g),
                $page eq 'page-two' ? 3 : 2,
                "$page, $rest bytes, $when: number of statuses");
        }
    }
}

# The client leaves when half of the body is sent.

for my $page (qw(page page-inline page-two page-refused)) {
    my $before = $t->requests('S-1');
    $t->faults($t->held_response(call => 'payment_status'));
    my $s = $t->send_request('/', pieces => [head("/$page", 100) . 'first']);
    ok(wait_for(sub { $t->unread == 0 && ($page eq 'page-refused'
        || $t->requests('S-1') > $before) }), "$page: nginx has what it sent");
    close $s;
    $t->respond;
}

$t->faults;

# The page includes a refusal.

{
    my $s =
        $t->send_request('/', pieces => [head('/page-refused', 15) . 'first']);
    ok(IO::Select->new($s)->can_read($LIMIT), 'a refusal comes');
    syswrite $s, 'x' x 10 . $last;
    my $raw = plain(read_all($s));
    my @answers = $raw =~ m{HTTP/1\.1 (\d+) }g;
    is("@answers", '200 200', 'included refusal: two requests, two responses');
    like($raw, qr/a \{.*"order_id".*\} b/s,
        'included refusal: the page includes the error');
}

unlike($t->log, qr/count is zero/, 'the count of the request is balanced');

$t->done;
