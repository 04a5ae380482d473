# What users have chosen for themselves, as RT reads it; homepages and what is told of a search besides are elsewhere.

# Settings by name and digest. Names are code's own, save for what somebody may have put there by hand, and for parts that
# are names of queues or catalogs.
sub preferences_of {
    my ($user, @names) = @_;
    my %fields;
    for my $name (@names) {
        my $told = $name =~ /\A[\w:-]+\z/a ? $name : text($name);
        my $codes = $name =~ /\A(?:SearchDisplay|RT::System-[0-9]+)\z/;
        my $chosen = $user->Preferences($name);
        my %parts = ref $chosen eq 'HASH'
            ? map { ("$told " . ($codes && /\A\w+\z/a ? $_ : text($_)) => $chosen->{$_}) } keys %$chosen
            : ($told => $chosen);
        $fields{$_} = text(ref $parts{$_} ? JSON->new->canonical->encode($parts{$_}) : $parts{$_}) for keys %parts;
    }
    return \%fields;
}

push @SUBJECTS, [preferences => sub {
    my %asked = map { ($_ => 1) } users();
    my $chosen = $RT::Handle->dbh->selectall_arrayref(q{SELECT DISTINCT ObjectId, SUBSTRING(Name, 6) FROM Attributes
        WHERE ObjectType = 'RT::User' AND Name LIKE 'Pref-%' AND Name NOT IN ('Pref-HomepageSettings', 'Pref-DefaultDashboard')});
    my %names;
    push @{ $names{ $_->[0] } }, $_->[1] for grep { $asked{ $_->[0] } } @$chosen;
    each_of('RT::Users', [sort { $a <=> $b } keys %names], sub {
        my ($user) = @_;
        attempt(preferences => $user->id, sub { say_of(preferences => $user->id, preferences_of($user, @{ $names{ $user->id } })) });
    });
}];
