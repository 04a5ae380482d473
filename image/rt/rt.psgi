# RT as a PSGI application, without the door to its installer, and without a success that is none.
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
return $application unless $guarded;

# RT looks at its database's schema never, the guard only before the start. RT connects at the beginning of each
# request; so does the fence, a moment earlier and by the same connection, when it is time to look.
my $release = do { open my $file, '<', '/opt/rt/release' or die "run: /opt/rt/release cannot be read: $!\n"; <$file> };
chomp $release;
my $fence = Guard::Fence->new($release, '/opt/rt/upgrade');
my $connect = sub { RT::ConnectToDatabase(); return $RT::Handle->dbh };

# The first look is the parent's, so that all workers know the same beginning; no connection may outlive the fork.
$fence->objection($connect);
$RT::Handle->dbh->disconnect if $RT::Handle && $RT::Handle->dbh;
undef $RT::Handle;

sub {
    my ($environment) = @_;
    my $reason = $environment->{PATH_INFO} =~ m{^/static/} ? '' : $fence->objection($connect);
    return $application->($environment) if $reason eq '';
    return [503, ['Content-Type' => 'text/plain'], ["RT $release no longer serves this database: $reason.\n"]];
};
