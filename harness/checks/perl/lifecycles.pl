# How tickets and assets may move: of every lifecycle that RT knows, those of no queue as well. As RT answers and not as
# it is configured, for a release fills in what a configuration leaves out. No title of an action leaves RT as it is.

sub lifecycle_fields {
    my ($name, $type, @others) = @_;
    my $cycle = RT::Lifecycle->Load(Name => $name, Type => $type) or die "RT knows it and cannot load it\n";
    my @statuses = $cycle->Valid;
    my %fields = (type => $type, disabled => (grep { $_ eq $name } $cycle->ListAll($type)) ? 0 : 1);
    $fields{"$_ statuses"} = join ', ', $cycle->Valid($_) for qw(initial active inactive);
    my $defaults = $cycle->{data}{defaults} || {};
    $fields{"default $_"} = $cycle->IsValid($defaults->{$_}) ? $cycle->CanonicalCase($defaults->{$_}) : '' for keys %$defaults;
    $fields{'transitions at creation'} = join ', ', sort $cycle->Transitions('');
    for my $from (@statuses) {
        $fields{"transitions from $from"} = join ', ', sort $cycle->Transitions($from);
        $fields{"rights from $from"} = join ', ', sort map { "$_: " . $cycle->CheckRight($from, $_) } grep { $_ ne $from } @statuses;
        $fields{"actions from $from"} = join ', ', sort map { join ' ', $_->{to}, $_->{update} // '', text($_->{label}) } $cycle->Actions($from);
    }
    for my $other (@others) {
        my $map = $cycle->MoveMap($other);
        $fields{"statuses moved to $other"} = join ', ', map { "$_: " . ($map->{$_} // '') } sort keys %$map;
    }
    return { map { ($_ => $fields{$_}) } grep { length $fields{$_} } keys %fields };
}

push @SUBJECTS, [lifecycles => sub {
    RT::Lifecycle->new;  # has RT read them, if it has not yet
    my %types = map { ($_ => $RT::Lifecycle::LIFECYCLES_CACHE{$_}{type}) } grep { $_ ne '__maps__' } keys %RT::Lifecycle::LIFECYCLES_CACHE;
    for my $name (keys %types) {
        my @others = grep { $_ ne $name && $types{$_} eq $types{$name} } keys %types;
        say_of(lifecycles => $name, lifecycle_fields($name, $types{$name}, @others));
    }
}];
