package Statements;

# Loaded into rt-setup-database by PERL5OPT. Counts the statements that change the database as they are sent, writes
# a line for each to standard output, and stops the program before one of them until it is released from outside:
#
#   @statement NUMBER SECONDS KIND OF STATEMENT, for example "@statement 12 0.031 ALTER TABLE Tickets"
#   @hold NUMBER KIND OF STATEMENT
#
# STATEMENTS_HOLD is the number of the statement to stop before; /tmp/statements.pid holds the process id, and the
# file /tmp/statements.go releases the process. Values are never written: statements quote the data.
use strict;
use warnings;
use DBI;
use Time::HiRes qw(sleep time);

our $DEADLINE = 60;
our ($number, $inside) = (0, 0);
my $hold = $ENV{STATEMENTS_HOLD} || 0;

sub kind {
    my ($sql) = @_;
    $sql =~ s{\A(?:\s+|--[^\n]*(?:\n|\z)|\#[^\n]*(?:\n|\z)|/\*(?!!).*?\*/)+}{}s;
    return unless $sql =~ /\A(\w+)/;
    # Not counted: RT writes a stamp only if the second has changed since, so counts would differ between runs.
    return if $sql =~ /\AUPDATE\s+\S+\s+SET\s+LastUpdated\s*=/i;
    my $word = uc $1;
    return if $word =~ /\A(?:SELECT|SHOW|SET|EXPLAIN|DESCRIBE|DESC|BEGIN|START|COMMIT|ROLLBACK|USE|LOCK|UNLOCK)\z/;
    my @words = $sql =~ /\A[\s(]*((?:CREATE|ALTER|DROP|INSERT|UPDATE|DELETE|REPLACE|TRUNCATE)\b)
        (?:\s+(?:IGNORE|UNIQUE|FULLTEXT|LOW_PRIORITY))*\s+(INDEX\b|TABLE\b|INTO\b|FROM\b)?
        (?:\s+IF(?:\s+NOT)?\s+EXISTS)?\s*(?:[`"]?(\w+)[`"]?)?(?:\s+ON\s+[`"]?(\w+))?/xi or return $word;
    return join ' ', map { defined ? $_ : () } uc $words[0], defined $words[1] ? uc $words[1] : undef, @words[2, 3];
}

sub say_it { STDOUT->flush; syswrite STDOUT, join(' ', @_) . "\n" }

sub held {
    my ($kind) = @_;
    if (open my $file, '>', '/tmp/statements.pid') { print $file $$; close $file }
    say_it('@hold', $number, $kind);
    my $end = time + $DEADLINE;
    sleep 0.005 until -e '/tmp/statements.go' || time > $end;
}

sub around {
    my ($original, $text, $self, @rest) = @_;
    my $kind = $inside ? undef : kind($text // '');
    return $original->($self, @rest) unless defined $kind;
    local $inside = 1;
    held($kind) if ++$number == $hold;
    my $start = time;
    my @answer = wantarray ? $original->($self, @rest) : scalar $original->($self, @rest);
    my $seconds = time - $start;
    say_it('@statement', $number, sprintf('%.4f', $seconds), $kind);
    return wantarray ? @answer : $answer[0];
}

if ($0 =~ /rt-setup-database/) {
    no warnings 'redefine';
    my ($execute, $do) = (\&DBI::st::execute, \&DBI::db::do);
    *DBI::st::execute = sub { around($execute, $_[0]{Statement}, @_) };
    *DBI::db::do      = sub { around($do, $_[1], @_) };
}

1;
