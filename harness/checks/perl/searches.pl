# Saved searches with the tickets they find, dashboards, subscriptions, and each user's homepage.

sub owner_of {
    my ($attribute) = @_;
    return RT->SystemUser unless $attribute->ObjectType eq 'RT::User';
    my $user = RT::CurrentUser->new;
    $user->Load($attribute->ObjectId);
    return $user->id ? $user : RT->SystemUser;
}

# The ids that a query finds, in its order, as this user sees them.
sub found_by {
    my ($user, $content) = @_;
    my $class = ($content->{SearchType} // 'Ticket') eq 'Asset' || ($content->{Class} // '') eq 'RT::Assets' ? 'RT::Assets'
        : ($content->{Class} // '') eq 'RT::Transactions' ? 'RT::Transactions' : 'RT::Tickets';
    my $collection = $class->new($user);
    my ($good, $message) = $collection->FromSQL($content->{Query} // '');
    return 'refused: ' . text($message) unless $good;
    my @fields = split /\|/, $content->{OrderBy} // '';
    my @orders = split /\|/, $content->{Order} // '';
    my @order = map { { FIELD => $fields[$_], ORDER => $orders[$_] // 'ASC' } } grep { length $fields[$_] } 0 .. $#fields;
    # The last word belongs to the id: without it rows that are equal come in any order.
    $collection->OrderByCols(@order, { FIELD => 'id', ORDER => 'ASC' }) if $class ne 'RT::Transactions';
    return join ' ', map { $_->id } rows($collection);
}

push @SUBJECTS, [searches => sub {
    for my $attribute (all_of('RT::Attributes')) {
        next unless $attribute->Name eq 'SavedSearch' || $attribute->Name =~ /^Search - /;
        my $content = $attribute->Content;
        my $fields = { name => text($attribute->Description), owner => join '-', $attribute->ObjectType, $attribute->ObjectId };
        if (ref $content eq 'HASH') {
            $fields->{type} = $content->{SearchType} // 'Ticket';
            $fields->{finds} = found_by(owner_of($attribute), $content);
            $fields->{"setting $_"} = text(ref $content->{$_} ? JSON->new->canonical->encode($content->{$_}) : $content->{$_})
                for grep { !/^(?:Query|OrderBy|Order|SearchType)$/ } keys %$content;
        }
        else { $fields->{finds} = 'unreadable' }
        say_of(searches => $attribute->id, $fields);
    }
}];

# Questions that nobody saved but everybody asks; built from what is there.
push @SUBJECTS, [queries => sub {
    my @queries = ("Status = '__Active__'", "Status = '__Inactive__'", 'Owner = 6', 'id > 0 AND Linked IS NOT NULL', "Created > '2000-01-01'");
    push @queries, map { 'Queue = ' . $_->id } all_of('RT::Queues');
    push @queries, map { "Status = '$_'" } identifiers('SELECT DISTINCT Status FROM Tickets ORDER BY 1');
    push @queries, map { "CF.$_ IS NOT NULL" } identifiers(
        "SELECT DISTINCT CustomField FROM ObjectCustomFieldValues WHERE ObjectType = 'RT::Ticket' ORDER BY 1");
    push @queries, map { "Watcher.id = $_" } identifiers('SELECT id FROM Users ORDER BY id LIMIT 10');
    for my $query (@queries) {
        my $found = eval { found_by(RT->SystemUser, { Query => $query, OrderBy => 'id' }) } // 'died';
        say_of(queries => $query, { finds => $wanted{every} > 1 ? digest($found) : $found });
    }
}];

# A portlet by what it shows: old homepages name things, new ones hold ids.
sub portlet {
    my ($entry) = @_;
    my $type = $entry->{portlet_type} // $entry->{type} // '?';
    return "component " . ($entry->{component} // $entry->{name} // '?') if $type eq 'component';
    return "dashboard $entry->{id}" if $type eq 'dashboard';
    my $id = $entry->{id};
    my $name = $entry->{name} // '';
    if (!$id && $type eq 'system') {
        my ($search) = RT->System->Attributes->Named("Search - $name");
        ($search) = grep { $_->Description eq $name } RT->System->Attributes->Named('SavedSearch') unless $search;
        $id = $search && $search->id;
    }
    ($id) = $name =~ /-SavedSearch-(\d+)/ if !$id && $type eq 'saved';
    return 'nothing' unless $id;
    my $search = RT::Attribute->new(RT->SystemUser);
    $search->Load($id);
    return $search->id ? "search $id" : 'nothing';
}

sub panes {
    my ($panes) = @_;
    my %shown;
    for my $pane (keys %{ $panes || {} }) {
        my @portlets = map { portlet($_) } @{ $panes->{$pane} || [] } or next;
        $shown{"pane $pane"} = join ', ', grep { $_ ne 'nothing' } @portlets;
        $shown{"gone from $pane"} = grep { $_ eq 'nothing' } @portlets;
    }
    return \%shown;
}

push @SUBJECTS, [dashboards => sub {
    for my $attribute (all_of('RT::Attributes', Name => 'Dashboard')) {
        my $content = $attribute->Content;
        my $owner = join '-', $attribute->ObjectType, $attribute->ObjectId;
        say_of(dashboards => $attribute->id, { name => text($attribute->Description), owner => $owner, %{ panes($content->{Panes}) } });
    }
    for my $attribute (all_of('RT::Attributes', Name => 'Subscription')) {
        my $content = $attribute->Content;
        say_of(subscriptions => $attribute->id, { owner => $attribute->ObjectId,
            map { ($_ => text(ref $content->{$_} ? JSON->new->canonical->encode($content->{$_}) : $content->{$_})) } keys %$content });
    }
}];

# What a user sees first: a preference of its own up to some release, a dashboard that must be visible after.
sub homepage {
    my ($user) = @_;
    my ($default) = RT->System->Attributes->Named('DefaultDashboard');
    if ($default) {
        my $id = $user->Preferences(DefaultDashboard => $default->Content) or return { shows => 'nothing' };
        my $dashboard = RT::Dashboard->new($id == $default->Content ? RT->SystemUser : RT::CurrentUser->new($user->id));
        my ($good) = $dashboard->LoadById($id);
        return $good ? panes($dashboard->Panes) : { shows => 'a dashboard that its owner may not see' };
    }
    my ($settings) = RT->System->Attributes->Named('HomepageSettings');
    return panes($user->Preferences(HomepageSettings => $settings ? $settings->Content : {}));
}

push @SUBJECTS, [homepages => sub {
    for my $user (all_of('RT::Users')) {
        next unless $user->Privileged && !$user->PrincipalObj->Disabled;
        say_of(homepages => $user->id, homepage($user));
    }
}];
