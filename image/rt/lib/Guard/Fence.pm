package Guard::Fence;

# The guard asks before RT starts; this goes on asking while RT serves. An upgrade may begin under a running instance
# (a command typed by hand, a sibling that nobody stopped, a restored dump), and RT would go on with the new schema as
# if it were its own.
#
# Only the history is asked: rt-setup-database writes into it before each step, so the fence closes as an upgrade
# begins. It is a function of the database: where the history is this release's again, RT is served again.
use strict;
use warnings;
use Guard::History;
use Guard::Release qw(steps_of);
use Guard::Verdict;

our $EVERY = 2;    # seconds between two looks of one process
my $NO_SUCH_TABLE = 1146;

sub new {
    my ($class, $release, $upgrade_directory) = @_;
    return bless {release => $release, steps => [steps_of($upgrade_directory)], looked => 0, reason => ''}, $class;
}

# Why the database must not be served, '' when it may. $connect returns a connection; where it dies or does not
# answer, what was known before stands: RT says by itself that it has no database.
sub objection {
    my ($self, $connect) = @_;
    my $now = time;
    return $self->{reason} if abs($now - $self->{looked}) < $EVERY;
    $self->{looked} = $now;

    local $@;
    local $SIG{__DIE__};
    local $SIG{__WARN__} = sub { };
    my $reason = eval { $self->_look($connect->()) };
    return $self->{reason} if !defined $reason || $reason eq $self->{reason};
    print STDERR $reason eq '' ? "run: serving again, the database is that of RT $self->{release}.\n"
        : "run: serving no longer: $reason.\n";
    return $self->{reason} = $reason;
}

sub _look {
    my ($self, $dbh) = @_;
    local $dbh->{RaiseError} = 1;
    local $dbh->{PrintError} = 0;
    my $mark = eval { Guard::History::mark($dbh) } // (($dbh->err // 0) == $NO_SUCH_TABLE ? '' : die $@);
    return $self->{reason} if defined $self->{mark} && $mark eq $self->{mark};
    my $history = $mark eq '' ? undef : (Guard::History::stored($dbh))[0];
    # The guard let the tables decide where there was no history at the start; there still is none.
    $self->{began_with_history} //= defined $history ? 1 : 0;
    $self->{mark} = $mark;
    return $self->{began_with_history} ? 'the database has lost its upgrade history' : '' unless $history;
    my ($verdict, $reason) = Guard::Verdict::from_history($history, $self->{release}, @{ $self->{steps} });
    return $verdict eq 'ok' ? '' : "the database is of RT $history->{level}, $reason";
}

1;
