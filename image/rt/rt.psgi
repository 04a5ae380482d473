# RT as a PSGI application, without the door to its installer, without a success that is none, and without a way to the
# mail gateway that Apache does not see.
use strict;
use warnings;
use lib '/opt/rt/lib', '/opt/rt/share/lib';
use Guard::Fence;

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

# RT does not look at what a commit answers. A ticket is written in one transaction, in which its mail is sent too;
# when the database dies meanwhile nothing is kept, and RT says "Ticket 40 created" all the same. Here a commit that
# fails, or that finds its transaction rolled back, ends the request with an error: people, programs and mail
# servers then know to try again.
{
    require DBIx::SearchBuilder::Handle;
    no warnings 'redefine';
    my $end = \&DBIx::SearchBuilder::Handle::EndTransaction;
    *DBIx::SearchBuilder::Handle::EndTransaction = sub {
        my ($handle, %arguments) = @_;
        my $done = $end->(@_);
        die "The database has lost what was to be committed.\n"
            if !$done && lc($arguments{Action} // 'commit') eq 'commit';
        return $done;
    };
}

my $application = do '/opt/rt/share/libexec/rt-server';
die $@ if $@;
die "run: cannot read RT's server script: $!\n" unless ref $application;

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

sub refusal { my ($status, $why) = @_; return [$status, ['Content-Type' => 'text/plain'], ["$why\n"]] }

sub {
    my ($environment) = @_;
    return refusal(403, 'Not by this path.') if unjudged($environment);
    my $reason = !$guarded || $environment->{PATH_INFO} =~ m{^/static/} ? '' : $fence->objection($connect);
    return refusal(503, "RT $release no longer serves this database: $reason.") if $reason ne '';
    return $application->($environment);
};
