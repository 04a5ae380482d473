# What RT itself says its database means, as one JSON object: section -> key -> fields.
#
# Runs inside the old release and inside the new one; only what both know is said, by ids, so that the two can be
# compared. What people wrote leaves as a digest: nothing here can leak. Nothing is written to the database.
# In: one line of JSON {"every": {kind: N}, "accounts": {name: password}, "key": hex, "now": seconds}. every: look at
# one ticket (user, article, asset) in N; what is not named is looked at whole. key: of the digests. now: the time it
# is meant to be, or null.
# Out: "held" once all that follows is about the database as it was then; then two lines of JSON.
use strict;
use warnings;
use feature 'state';
# Before anything that asks for the time is compiled; harness/perl/warm.pl has done so already. Searches may ask
# for the last day, and the other side is asked at another time.
BEGIN { no warnings 'once'; *CORE::GLOBAL::time = sub () { $Clock::now // CORE::time() } unless defined &CORE::GLOBAL::time }
use lib '/opt/rt/share/lib';
use Compress::Zlib ();
use Digest::SHA ();
use Encode ();
use JSON ();
use RT;

our (%wanted, @complaints, %said);
# What is being read, as "section id"; and of each complaint what was being read when it came first.
our ($reading, %read_meanwhile) = ('');
sub complain { my ($text) = @_; push @complaints, $text; $read_meanwhile{$text} //= $reading; return }
{
    my $line = shift @ARGV // '{}';
    %wanted = (every => {}, accounts => {}, key => '', %{ JSON->new->utf8->decode($line) });
    no warnings 'once';
    $Clock::now = $wanted{now};
}

RT::LoadConfig();
# What no output wants, no callback hears of.
RT->Config->Set(LogToSTDERR => 'warning');
{
    local $SIG{__WARN__} = sub { push @complaints, "@_" };
    RT::Init();
}
# RT's own logger turned warnings into records when it was set up; from here they are collected.
RT->Logger->add_callback(sub {
    my %entry = @_;
    complain("[$entry{level}] $entry{message}") if $entry{level} =~ /^(?:warning|error|critical|alert|emergency)$/;
    return $entry{message};
}) if RT->Logger->can('add_callback');
$SIG{__WARN__} = sub { complain("@_") };

# digest("text"): 16 hex digits, "" for nothing at all. Characters and bytes of one text give one digest; without
# the key nobody can try guesses on it.
sub digest {
    my ($text) = @_;
    return '' if !defined $text || $text eq '';
    my $bytes = utf8::is_utf8($text) ? Encode::encode('UTF-8', $text) : $text;
    forget(length $bytes);
    return substr Digest::SHA::hmac_sha256_hex($bytes, pack 'H*', $wanted{key}), 0, 16;
}

# Characters whatever RT hands out: some methods give bytes in one release and characters in the next.
sub characters {
    my ($text) = @_;
    return $text if !defined $text || utf8::is_utf8($text);
    my $copy = $text;
    return eval { Encode::decode('UTF-8', $copy, Encode::FB_CROAK()) } // $text;
}

sub text { return digest(characters($_[0])) }

# A collection's rows as RT finds them, disabled ones too. The limit by rows keeps nothing out.
sub all_of {
    my ($class, %limit) = @_;
    my $collection = $class->new(RT->SystemUser);
    $collection->FindAllRows if $collection->can('FindAllRows');
    $collection->{find_disabled_rows} = 1;
    $collection->{allow_deleted_search} = 1;
    # RT warns of some columns where this is not said; none of ours are told apart by case.
    $collection->Limit(FIELD => $_, VALUE => $limit{$_}, CASESENSITIVE => 0, ref $limit{$_} ? (OPERATOR => 'IN') : ())
        for keys %limit;
    $collection->UnLimit unless %limit;
    $collection->OrderBy(FIELD => 'id');
    return rows($collection);
}

sub rows { return @{ $_[0]->ItemsArrayRef || [] } }

sub every { return $wanted{every}{ $_[0] } || 1 }

# One in so many by a digest of the id, for a cluster may give out each third number only. As MariaDB's CRC32 does.
sub is_sampled { my ($id, $every) = @_; return Compress::Zlib::crc32("$id") % $every == 0 }

# The objects of a collection's class with these ids, one after the other: all at once a large site's would not fit into memory.
sub each_of {
    my ($class, $ids, $code) = @_;
    for my $id (@$ids) {
        my $object = $class->new(RT->SystemUser)->NewItem;
        local $reading = "$reading $id";
        $object->LoadById($id);
        $code->($object) if $object->id;
    }
    return;
}

# The ids (or another column) that a collection finds, in its order, by RT's own query, but without an object for each
# row. Where RT looks at the objects themselves to tell who may see them, or the query cannot be had, by them.
sub ids_of {
    my ($collection, $field) = @_;
    $field //= 'id';
    return () unless $collection->_isLimited;
    my $seen = $collection->CurrentUser->id == RT->SystemUser->id || RT->Config->Get('UseSQLForACLChecks');
    my $plain = ref($collection) =~ /^RT::(?:Tickets|Users|GroupMembers)\z/;
    my $ids = $seen && $plain && eval { quick_ids($collection, $field) };
    return $ids ? @$ids : slow_ids($collection, $field);
}

sub quick_ids {
    my ($collection, $field) = @_;
    my $tickets = ref $collection eq 'RT::Tickets';
    $collection->CurrentUserCanSee if $tickets && RT->Config->Get('UseSQLForACLChecks');
    $collection->LimitToEnabled if $collection->{with_disabled_column} && !$collection->{handled_disabled_column}
        && !$collection->{find_disabled_rows};
    # By what is sorted must be read as well, for the server's sake.
    my %columns = map { ($_ => 1) } $collection->_OrderClause =~ /\bmain\.(\w+)/g;
    delete @columns{ $field, 'Status' };
    my $columns = join ', ', map { "main.$_" } $field, $tickets ? 'Status' : (), sort keys %columns;
    (my $sql = $collection->BuildSelectQuery) =~ s/\bmain\.\*/$columns/ or die "another query than expected\n";
    my $dbh = $RT::Handle->dbh;
    local ($dbh->{RaiseError}, $dbh->{PrintError}) = (1, 0);
    my $query = $dbh->prepare($sql);
    $query->execute(@{ $collection->{_bind_values} || [] });
    my @found;
    while (my $row = $query->fetchrow_arrayref) {
        push @found, $row->[0] unless $tickets && $row->[1] eq 'deleted' && !$collection->{allow_deleted_search};
    }
    return \@found;
}

sub slow_ids {
    my ($collection, $field) = @_;
    return map { $_->__Value($field) } rows($collection) if ref $collection eq 'RT::Tickets';
    my (@found, $keep);
    $keep = DBIx::SearchBuilder->can('AddRecord');
    no warnings 'redefine';
    local *DBIx::SearchBuilder::AddRecord = sub {
        return $keep->(@_) if $_[0] != $collection;
        push @found, $_[1]->__Value($field);
    };
    $collection->_DoSearch;
    return @found;
}

# Does what tells of one object; if it dies, that one is not told of, and the others are: one half-deleted record must
# not hide a whole subject.
sub attempt {
    my ($section, $id, $code) = @_;
    local $@;
    local $reading = "$section $id";
    eval { $code->(); 1 } or push @complaints, "[died] $section $id: $@";
    return;
}

sub known_class { my ($class) = @_; return $class =~ /^RT::\w+(?:::\w+)*\z/ && eval "require $class; 1" }

sub identifiers {
    my ($sql, @binds) = @_;
    return @{ $RT::Handle->dbh->selectcol_arrayref($sql, undef, @binds) };
}

sub say_of { my ($section, $key, $fields) = @_; $said{$section}{$key} = $fields; forget(1000); return }

# RT keeps every record that it has read, contents included, and throws the old ones out by a clock that stands still
# here. So they are thrown out by what they take: bytes that were digested, and a thousand for each entry.
sub forget {
    state $kept = 0;
    return if ($kept += $_[0]) < 20_000_000;
    $kept = 0;
    DBIx::SearchBuilder::Record::Cachable->FlushCache;
    return;
}

# fields($object, [names], [names of texts]): columns as RT reads them, without asking for rights each time (the
# system user has them all); other names are methods.
sub value_of {
    my ($object, $name) = @_;
    return $object->__Value($name) if $object->_Accessible($name => 'read');
    return scalar eval { $object->$name };
}

sub fields {
    my ($object, $plain, $texts) = @_;
    my %fields = map { ($_ => value_of($object, $_) // '') } @$plain;
    $fields{$_} = text(value_of($object, $_)) for @{ $texts || [] };
    return \%fields;
}

# Each file below adds a subject; a subject that dies is a complaint, not the end of the others.
our @SUBJECTS;
END_OF_SUBJECTS

# What the subjects say, as JSON.
sub told {
    my %seconds;
    for my $subject (@_) {
        my ($name, $code) = @$subject;
        my ($user, $system) = times;
        local $@;
        local $reading = $name;
        eval { $code->(); 1 } or push @complaints, "[died] $name: $@";
        $seconds{$name} = sprintf '%.2f', (times)[0] + (times)[1] - $user - $system;
    }
    $said{seconds} = \%seconds;
    $said{organization} = { is => scalar RT->Config->Get('Organization') };
    $said{complaints}{$_} = $read_meanwhile{$_} // '' for @complaints;
    my ($encoder) = grep { eval "require $_; 1" } qw(Cpanel::JSON::XS JSON::XS JSON::PP);
    return $encoder->new->utf8->encode(\%said) . "\n";
}

# From here on this connection reads what is there now, whatever others write meanwhile.
sub hold_still {
    my $dbh = $RT::Handle->dbh;
    $dbh->do('SET timestamp = ' . int $wanted{now}) if $wanted{now};
    $dbh->do($_) for 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
        'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY';
    return;
}

# What goes on beside this is one thing after the other: whoever is asked all at once may wait for a processor.
sub step_back { return setpriority 0, 0, 10 }

# Tickets are half of the work: a child tells of them on a connection of its own, and starting RT is paid for once.
pipe(my $in, my $out) or die "no pipe: $!";
my $parents = $RT::Handle->dbh;  # kept by the child too: were it destroyed there, it would end for both
my ($own) = identifiers('SELECT CONNECTION_ID()');
my $child = fork // die "no second process: $!";
if (!$child) {
    close $in;  # else it would wait for ever for a parent that has died to read on
    $RT::Handle->dbh(undef);
    RT::ConnectToDatabase();
    die "the parent's connection\n" if $own == (identifiers('SELECT CONNECTION_ID()'))[0];
    hold_still();
    syswrite $out, "held\n" or die "not told: $!";
    step_back();
    print {$out} told(grep { $_->[0] eq 'tickets' } @SUBJECTS) or die "not told: $!";
    close $out or die "not told: $!";
    exec '/bin/true' or kill 'KILL', $$;  # so that nothing of the parent's is destroyed here
}
close $out;
hold_still();
die "the second process did not begin\n" unless (<$in> // '') eq "held\n";
$| = 1;
print "held\n";
step_back();
my $rest = told(grep { $_->[0] ne 'tickets' } @SUBJECTS);
print do { local $/; <$in> }, $rest;
waitpid $child, 0;
exit($? ? 1 : 0);
