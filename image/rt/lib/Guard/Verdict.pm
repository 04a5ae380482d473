package Guard::Verdict;

# From what the history and the tables say to one word: is this database's schema this release's?
use strict;
use warnings;
use Guard::Release qw(compare %IDLE %UNRECORDED);

our %EXIT_CODE = (
    ok => 0, unreachable => 70, older => 71, newer => 72, half => 73, empty => 74, misconfigured => 78,
);

# The history alone. Returns (verdict, reason, missing steps, unknown steps).
sub from_history {
    my ($history, $release, @steps) = @_;
    my %known   = map { $_ => 1 } @steps;
    my %applied = map { $_ => 1 } @{ $history->{applied} };
    my $level = $history->{level};

    my @missing = grep {
        my $step = $_;
        !$applied{$step} && !$IDLE{$step} && (compare($step, $level) > 0
            || grep { _within($step, $_) && !_by_hand($step, $_, $history->{inserted}) } @{ $history->{skipped} })
    } @steps;
    my @unknown = grep { !$known{$_} && compare($_, $steps[-1]) > 0 } @{ $history->{applied} };

    return ('half', 'an upgrade was begun and is not completed: ' . _some(@{ $history->{open} }), \@missing, \@unknown)
        if @{ $history->{open} };
    return ('half', 'it has ' . _steps(@unknown) . ', which RT ' . $release . ' does not know, and lacks '
        . _steps(@missing), \@missing, \@unknown) if @missing && @unknown;
    return ('newer', 'it has ' . _steps(@unknown) . ", which RT $release does not know", \@missing, \@unknown)
        if @unknown;
    return ('older', 'it lacks ' . _steps(@missing), \@missing, \@unknown) if @missing;
    # A fresh database of a newer release has no steps to recognise, and what its schema
    # or its data have more cannot be known here.
    return ('newer', "RT $history->{install} made it", \@missing, \@unknown)
        if $history->{install} && compare($history->{install}, $release) > 0;
    return ('ok', "every step up to $steps[-1] is accounted for", \@missing, \@unknown);
}

# Whether a step is in a stretch [from, to] that an upgrade was told to leave out.
sub _within {
    my ($step, $stretch) = @_;
    return compare($step, $stretch->[0]) > 0 && compare($step, $stretch->[1]) <= 0;
}

# Whether a step of such a stretch was applied on its own: its data was inserted or, where it has none and so leaves
# no record, that of a later step of the stretch.
sub _by_hand {
    my ($step, $stretch, $inserted) = @_;
    return grep {
        my $order = compare($_, $step);
        $order == 0 || ($UNRECORDED{$step} && $order > 0 && _within($_, $stretch))
    } @$inserted;
}

# The tables alone; $trusted: whether there is a history that says they are this release's. Returns
# (verdict, reason); 'ok' means that they show nothing against it.
sub from_structure {
    my ($found, $release, $trusted) = @_;
    my $charset = $found->{charset};
    my @newer = @{ $found->{strange} };
    # A site may have widened or converted something itself: alone that is no proof against a history.
    push @newer, map { "a wider $_" } @{ $found->{wider} } unless $trusted;
    push @newer, 'utf8mb4 tables' if !$trusted && @{ $charset->{newer} } && !@{ $charset->{same} };

    my @older = (@{ $found->{missing} }, map { "the width of $_" } @{ $found->{narrower} });
    push @older, 'utf8mb4 tables' if @{ $charset->{older} } && !@{ $charset->{same} };

    return ('half', 'of its tables ' . @{ $charset->{older} } . ' are still utf8mb3 (' . _some(@{ $charset->{older} })
        . ') and ' . @{ $charset->{same} } . ' are utf8mb4') if @{ $charset->{older} } && @{ $charset->{same} };
    # A newer release may have dropped what this one declares, so what is too much weighs more.
    return ('newer', 'it has ' . _some(@newer) . ", which RT $release does not know") if @newer;
    return ('older', 'it lacks ' . _some(@older)) if @older;
    return ('ok', 'its tables are those of this release');
}

sub _steps { return (@_ == 1 ? 'step ' : 'steps ') . _some(@_) }

# "a, b, c and 4 more"
sub _some {
    my @words = @_;
    my @shown = splice @words, 0, 3;
    my $more = @words;
    return join(', ', @shown) . ($more ? " and $more more" : '');
}

1;
