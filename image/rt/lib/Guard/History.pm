package Guard::History;

# What RT wrote down about the schema it made: the attribute UpgradeHistory of RT::System.
#
# rt-setup-database records an event before and after everything it does. An init leaves the insertion of
# initialdata, with the release that did it; it stands for every step up to that release. An upgrade leaves
# a "full upgrade" (from, to, versions) and in it an "individual upgrade" for each step. The data of a step that
# somebody inserted alone leaves the name of its file. A run that fails leaves a `before` without its `after`.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64);
use Storable ();
use Guard::Release qw(compare upstream newest);

my $ROW = q{FROM Attributes WHERE Name = 'UpgradeHistory' AND ObjectType = 'RT::System' ORDER BY id DESC LIMIT 1};

# What tells one state of the stored history from another, without reading it; '' where there is none.
sub mark {
    my ($dbh) = @_;
    my ($mark) = $dbh->selectrow_array(
        "SELECT CONCAT_WS(' ', id, LastUpdated, LENGTH(Content), CRC32(Content)) $ROW");
    return $mark // '';
}

# (the summary of the stored history, 'present'); (undef, why) where there is none that says anything.
sub stored {
    my ($dbh) = @_;
    my ($content) = $dbh->selectrow_array("SELECT Content $ROW");
    return (undef, 'absent') unless defined $content;
    my @events = eval { events($content) };
    (my $complaint = $@) =~ s/ at \S+ line \d+.*|\n//gs;
    return (undef, "unreadable: $complaint") if $complaint;
    my $history = summary(@events);
    return $history->{level} ne '' || @{ $history->{open} } ? ($history, 'present') : (undef, 'absent');
}

# The events of RT itself, in order, from the attribute's text. Dies where that cannot be read.
sub events {
    my ($content) = @_;
    my $withhold_classes_and_ties = 0;    # the data may come from anywhere
    my $history = Storable::thaw(decode_base64($content), $withhold_classes_and_ties);
    ref $history eq 'HASH' && ref($history->{RT} // []) eq 'ARRAY' or die "it is not a history\n";
    return grep { ref $_ eq 'HASH' } @{ $history->{RT} // [] };
}

# Pairs each `before` with its `after`. Returns [{kind => init|full|step|insert, to, from, versions, done, at}].
sub _runs {
    my @events = @_;
    my (@runs, %by_id);
    for my $index (0 .. $#events) {
        my $event = $events[$index];
        my $type = $event->{type} // '';
        if (($event->{stage} // '') eq 'after') {
            my $id = $event->{individual_id};
            # Releases before 4.2 wrote no ids: there an end closes the last open run of its type.
            my $run = defined $id ? $by_id{$id}
                : (grep { !$_->{done} && $_->{type} eq $type } @runs)[-1];
            next unless $run;
            my $result = $event->{return_value};
            $run->{failed} = 1 if ref $result eq 'ARRAY' && @$result && !$result->[0];
            $run->{done} = 1 unless $run->{failed};
            next;
        }
        my $kind = $type eq 'full upgrade' ? 'full'
            : $type eq 'individual upgrade' ? 'step'
            : ($event->{action} // '') ne 'insert' ? next
            : ($event->{filename} // '') =~ m{/initialdata\z} ? 'init'
            : !defined $event->{full_id} && ($event->{filename} // '') =~ m{/upgrade/([^/]+)/content\z} ? 'insert'
            : next;
        my $inserted = $kind eq 'insert' ? $1 : undef;
        my $run = {
            kind => $kind, type => $type, index => $index, done => 0,
            from => upstream($event->{from}), to => upstream($inserted // $event->{to}),
            release => upstream($event->{rt_version}),
            versions => [map { upstream($_) } @{ $event->{versions} // [] }],
        };
        push @runs, $run;
        $by_id{ $event->{individual_id} } = $run if defined $event->{individual_id};
    }
    return @runs;
}

# Reads the history as a statement about the schema:
#   install   release that made the database, '' where the history does not say
#   applied   steps that were completed one by one
#   inserted  steps whose data was inserted outside of any upgrade
#   level     release up to which every step is accounted for
#   skipped   [from, to] stretches an upgrade was told to leave out
#   open      what was begun and never completed, in words
sub summary {
    my @runs = _runs(@_);
    my ($init) = grep { $_->{kind} eq 'init' } @runs;
    my @full = grep { $_->{kind} eq 'full' } @runs;
    my %applied = map { $_->{to} => 1 } grep { $_->{kind} eq 'step' && $_->{done} } @runs;
    my %inserted = map { $_->{to} => 1 } grep { $_->{kind} eq 'insert' && $_->{done} } @runs;

    my $install = $init ? $init->{release} : '';
    my $level = $install || (@full ? $full[0]{from} : '');
    my @skipped;
    for my $run (grep { $_->{done} } @full) {
        push @skipped, [$level, $run->{from}] if compare($run->{from}, $level) > 0;
        $level = newest($level, $run->{to}, @{ $run->{versions} });
    }

    # A later upgrade that went through makes an older failure history: nobody gets past it otherwise.
    my @open;
    for my $run (grep { !$_->{done} && $_->{kind} ne 'insert' } @runs) {
        next if grep { $_->{kind} eq 'full' && $_->{done} && $_->{index} > $run->{index}
                       && compare($_->{to}, $run->{to}) >= 0 } @runs;
        next if $run->{kind} eq 'init' && grep { $_->{kind} eq 'init' && $_->{done} } @runs;
        push @open, $run->{kind} eq 'init' ? 'the initial data'
            : $run->{kind} eq 'step' ? "step $run->{to}"
            : "the upgrade from $run->{from} to $run->{to}";
    }
    return {
        install => $install, level => $level, skipped => \@skipped, open => \@open,
        applied => [sort { compare($a, $b) } keys %applied],
        inserted => [sort { compare($a, $b) } keys %inserted],
    };
}

1;
