# RT as a PSGI application, without the door to its installer, without a success or an empty answer that is none, without
# a wait for a database that no longer answers, without a way to the mail gateway that Apache does not see, and without
# requests that are too large to be read.
use strict;
use warnings;
use lib '/opt/rt/lib', '/opt/rt/share/lib';
use Guard::Fence;

require APR::Socket;
require Apache2::Connection;
require Plack::Util;
require RT;
my $guarded = ($ENV{RT_GUARD} // 'on') ne 'off';

# RT's server goes into install mode when the database does not answer while it starts, and stays there
# until a restart: anyone could then set RT up anew. Root can write every file, so the file's mode does
# not prevent it; here it ends the start instead.
if ($guarded) {
    no warnings 'redefine';
    *RT::InstallMode = sub {
        my ($class, $wanted) = @_;
        die "the database went away while RT was starting.\n" if $wanted;
        return 0;
    };
}

# RT does not look at why a statement failed, nor at what a commit answers. Of a user or of tickets that it could not ask
# for it says that there are none. A ticket is written in one transaction, in which its mail is sent too: when the
# database dies meanwhile nothing is kept, and when the server has taken all of it back for one statement (a deadlock) RT
# commits what it writes after that; it says "Ticket 40 created" all the same. So from the first such error on a request
# gets nothing more from the database, and ends with an error: people, programs and mail servers then know to try again.
# What a statement alone is to blame for (its syntax, a name that is taken) is left to RT.
my %OF_NO_STATEMENT = map { ($_ => 1) } (
    1020, 1205, 1206, 1213, 1614, 3058, 3101,                 # a lock was not to be had: the transaction is gone, or a part
    1047, 1053, 1180, 1226, 1317, 1927, 4031,                 # not in the cluster, shutting down, a quota, ended by somebody
    3, 1021, 1030, 1037, 1038, 1041, 1114, 1290, 1792, 1836,  # no room on the disk or in memory; it takes no writes
);
my %OF_TIME = (1969 => 1, 3024 => 1);    # a bound that the site has set, which later releases tell people of themselves
my $lost;

sub lose { $lost = 1; die "The database went away in the middle of a request, or took back what was written.\n" }

# For DBI, which calls it for whatever fails on a connection: also for sessions and rights, which go past RT's own handle.
sub note_error {
    my ($message, $handle) = @_;
    my $number    = $handle->err // 0;
    my $of_time   = $OF_TIME{$number} && ($RT::Handle->TransactionDepth || !defined &RT::Handle::SimpleQuery);
    my $of_driver = $number >= 2000 && $number < 3000;
    $lost = 1 if $OF_NO_STATEMENT{$number} || $of_time || $of_driver;
    return 0;    # all else as it would be
}

{
    require DBIx::SearchBuilder::Handle;
    no warnings 'redefine';
    my $end = \&DBIx::SearchBuilder::Handle::EndTransaction;
    *DBIx::SearchBuilder::Handle::EndTransaction = sub {
        my ($handle, %arguments) = @_;
        my $commits = lc($arguments{Action} // 'commit') eq 'commit';
        lose() if $commits && $lost;
        my $done = $end->(@_);
        lose() if $commits && !$done;
        return $done;
    };
    my $ask = \&DBIx::SearchBuilder::Handle::SimpleQuery;
    *DBIx::SearchBuilder::Handle::SimpleQuery = sub {
        lose() if $lost;    # RT may have caught it, as it does with a scrip's
        my @answer = wantarray ? $ask->(@_) : scalar $ask->(@_);
        lose() if $lost;
        return wantarray ? @answer : $answer[0];
    };
}

# A server that falls silent behind an open connection (its machine is frozen, its address moved to another one) is
# waited for without end by the driver, and by Linux for a quarter of an hour where it is gone: each worker would hang,
# long after another server has taken over. So a statement may keep silent for some time only, then RT connects anew.
# What the site's own DatabaseExtraDSN says comes later, and the driver takes the last word. RT's tools and upgrades,
# whose statements may take hours, do not come here. `run` has seen that the bound is a number; 0 is none.
#
# The server does not notice that nobody waits any more: who reloads a slow search would leave it one statement more
# each time. So it has a bound of its own (MySQL for queries only), in a comment that only the product reads that knows
# the variable. It is a later one: the driver has to be the first. Its connection is lost, and with it the transaction;
# where the server ends one statement, RT would commit the rest.
#
# Nor may the driver, which does so under mod_perl, connect anew by itself and send a statement again that the first
# server may still be at.
{
    my $CONNECT = 5;    # seconds, to connect
    my $SILENCE = $ENV{RT_DB_TIMEOUT};
    my $BOUND_OF_SERVER = sprintf 'SET @rt_bounded = 1 /*M!100101 , SESSION max_statement_time = %d */'
        . ' /*!50708 , SESSION max_execution_time = %d */', 2 * $SILENCE, 2000 * $SILENCE;
    no warnings 'redefine';
    my $build = \&DBIx::SearchBuilder::Handle::BuildDSN;
    *DBIx::SearchBuilder::Handle::BuildDSN = sub {
        my ($handle, %arguments) = @_;
        $build->(@_);
        my $option = lc($arguments{Driver} // 'mysql');
        my %limit = (connect => $CONNECT, $SILENCE ? (read => $SILENCE, write => $SILENCE) : ());
        $handle->{dsn} .= ";${option}_${_}_timeout=$limit{$_}" for sort keys %limit;
        return $handle->{dsn};
    };
    my $connect = \&DBIx::SearchBuilder::Handle::Connect;
    *DBIx::SearchBuilder::Handle::Connect = sub {
        my ($handle) = @_;
        my $made = $connect->(@_);
        return $made unless $made && $handle->dbh->{Driver}{Name} eq 'mysql';
        $handle->dbh->{mysql_auto_reconnect} = 0;
        $handle->dbh->{HandleError} = \&note_error;
        $handle->dbh->do($BOUND_OF_SERVER) if $SILENCE;
        return $made;
    };
}

my $application = do '/opt/rt/share/libexec/rt-server';
die $@ if $@;
die "run: cannot read RT's server script: $!\n" unless ref $application;

sub refusal { my ($status, $why) = @_; return [$status, ['Content-Type' => 'text/plain'], ["$why\n"]] }

# Apache decides who may reach the mail gateway, by the path as it reads it. What RT serves is the path that Plack reads
# anew from what was sent, without the slashes and dots that mean nothing to Mason ("/../" RT refuses by itself). A
# request that is at the gateway for RT and was not for Apache, nobody has judged.
my $GATEWAY = qr{\A/*REST/1\.0/NoAuth(?:/|\z)};

sub unjudged {
    my ($environment) = @_;
    (my $path = $environment->{PATH_INFO}) =~ s{/(?:\.?/)+}{/}g;
    my $request = $environment->{'psgi.input'};    # Plack::Handler::Apache2 gives Apache's own request here
    return $path =~ $GATEWAY && $request->uri !~ $GATEWAY;
}

# Whoever posts something is read before RT asks who that is. Files go to disk then, all else into memory: a form of
# nothing but fields, or a body that CGI.pm does not know. REST 2 reads a body that is no form after the login. Of a
# body that comes in chunks RT reads nothing, or its chunks a second time, unless it is multipart/form-data; for those
# there is Apache's bound. `run` has seen that the bounds are numbers.
my ($LARGEST_REQUEST, $LARGEST_FORM, $MOST_FIELDS) = @ENV{qw(RT_LARGEST_REQUEST RT_LARGEST_FORM RT_MOST_FIELDS)};

sub of_no_acceptable_length {
    my ($environment) = @_;
    my $type = $environment->{CONTENT_TYPE} // '';
    my $holds_files = $type =~ m{^multipart/form-data};
    return refusal(411, 'A request has to say its length.') if $environment->{HTTP_TRANSFER_ENCODING} && !$holds_files;
    my $is_read_later = $environment->{PATH_INFO} =~ m{^/REST/2\.0/} && $type !~ m{^application/x-www-form-urlencoded};
    my $bound = $holds_files || $is_read_later ? $LARGEST_REQUEST : $LARGEST_FORM;
    return refusal(413, "More than $bound bytes in such a request.") if ($environment->{CONTENT_LENGTH} // 0) > $bound;
    return;
}

# A field without content is a few bytes of a request and some 2 kB in RT: 1 MB of them took a worker 430 MB and 18 s.
# RT's own largest form is a custom field's, which sends three fields for each of its values, or four with categories.
my $TOO_MANY_FIELDS = "More than $MOST_FIELDS fields in one request.";
require CGI::PSGI;
{
    no warnings 'once';
    *CGI::PSGI::add_parameter = sub {
        my ($query) = @_;
        die "$TOO_MANY_FIELDS\n" if ++$query->{'.number of fields'} > $MOST_FIELDS;
        goto &CGI::add_parameter;
    };
}

# REST 2 reads forms of parts by another library, and before the login as well. RT 4.4 is without both.
if (eval { require HTTP::MultiPartParser }) {
    my $parser = \&HTTP::MultiPartParser::new;
    no warnings 'redefine';
    *HTTP::MultiPartParser::new = sub {
        my ($class, %arguments) = @_;
        my ($on_header, $fields) = ($arguments{on_header}, 0);
        $arguments{on_header} = sub {
            die "$TOO_MANY_FIELDS\n" if ++$fields > $MOST_FIELDS;
            goto &$on_header;
        };
        return $parser->($class, %arguments);
    };
}

# RT makes a page of an error that counts as a good one. It gets the status of an error, and no new session in place of
# one that could not be read. If its head is on its way, the connection to the client is cut instead: half a table must
# not look like a whole one. Linux resets a connection that is to lead nowhere (connect(2), AF_UNSPEC); the usual end is
# for an HTTP/1.0 client that of a whole page.
sub cut_off {
    my ($request) = @_;
    open my $client, '+<&', $request->connection->client_socket->fileno or return;
    connect $client, pack 'S x14', 0;
    return;
}

sub with_status_of_lost {
    my ($request, $answer) = @_;
    my $change = sub {
        my ($head) = @_;
        return $head unless $lost;
        $head->[0] = 503;
        Plack::Util::header_remove($head->[1], 'Set-Cookie');
        return $head;
    };
    return $change->($answer) if ref $answer eq 'ARRAY';
    return sub {    # RT runs when it is told where its answer goes (a delayed response in PSGI)
        my ($respond) = @_;
        my $good;
        my $whole = eval { $answer->(sub { $good = !$lost; return $respond->($change->($_[0])) }); 1 };
        my $error = $@;
        cut_off($request) if $lost && $good;
        die $error unless $whole;
    };
}

sub answer {
    my ($environment) = @_;
    undef $lost;    # the look before this one's may have found a connection that was idle for too long
    my $request = $environment->{'psgi.input'};    # who parses a body may put something else there
    my $answer  = eval { $application->($environment) };
    return with_status_of_lost($request, $answer) if $answer;
    my $error = $@;    # Apache's own are objects that cannot be compared
    return refusal(413, $TOO_MANY_FIELDS) if !ref $error && $error eq "$TOO_MANY_FIELDS\n";
    die $error;
}

# RT looks at its database's schema never, the guard only before the start. RT connects at the beginning of each
# request; so does the fence, a moment earlier and by the same connection, when it is time to look.
my $release = do { open my $file, '<', '/opt/rt/release' or die "run: /opt/rt/release cannot be read: $!\n"; <$file> };
chomp $release;
my $fence = Guard::Fence->new($release, '/opt/rt/upgrade');
my $connect = sub { RT::ConnectToDatabase(); return $RT::Handle->dbh };

# The first look is the parent's, so that all workers know the same beginning; no connection may outlive the fork.
if ($guarded) {
    $fence->objection($connect);
    $RT::Handle->dbh->disconnect if $RT::Handle && $RT::Handle->dbh;
    undef $RT::Handle;
}

sub {
    my ($environment) = @_;
    undef $lost;
    return refusal(403, 'Not by this path.') if unjudged($environment);
    if (my $refused = of_no_acceptable_length($environment)) { return $refused }
    my $reason = !$guarded || $environment->{PATH_INFO} =~ m{^/static/} ? '' : $fence->objection($connect);
    return refusal(503, "RT $release no longer serves this database: $reason.") if $reason ne '';
    return answer($environment);
};
