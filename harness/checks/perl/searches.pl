# Saved searches with the tickets they find, dashboards, subscriptions, and each user's homepage.

sub owner_of {
    my ($attribute) = @_;
    return RT->SystemUser unless $attribute->ObjectType eq 'RT::User';
    my $user = RT::CurrentUser->new;
    $user->Load($attribute->ObjectId);
    return $user->id ? $user : RT->SystemUser;
}

# What a query finds as this user sees it: ids in its order. Of many, those that are looked at by themselves, and a digest
# of all. Tickets that steps are known to give to searches or to take from them (reminders and approvals; of a search by
# watcher what somebody, or only $watcher, has to do with by a disabled role) are told besides. That it is refused is told
# without the words for it: releases say otherwise why, and at which line of their code.
sub found_by {
    my ($user, $content, $watcher) = @_;
    my $class = ($content->{SearchType} // 'Ticket') eq 'Asset' || ($content->{Class} // '') eq 'RT::Assets' ? 'RT::Assets'
        : ($content->{Class} // '') eq 'RT::Transactions' ? 'RT::Transactions' : 'RT::Tickets';
    my $collection = $class->new($user);
    my $complained = @complaints;
    my ($good) = $collection->FromSQL($content->{Query} // '');
    if (!$good) {
        splice @complaints, $complained;  # the same words once more
        return (finds => 'refused');
    }
    my @fields = split /\|/, $content->{OrderBy} // '';
    my @orders = split /\|/, $content->{Order} // '';
    my @order = map { { FIELD => $fields[$_], ORDER => $orders[$_] // 'ASC' } } grep { length $fields[$_] } 0 .. $#fields;
    # The last word belongs to the id: without it rows that are equal come in any order.
    $collection->OrderByCols(@order, { FIELD => 'id', ORDER => 'ASC' }) if $class ne 'RT::Transactions';
    my @ids = ids_of($collection);
    my ($kind) = $class =~ /(\w+)$/;
    my $every = every(lc $kind);
    my $by_watcher = $kind eq 'Tickets' && by_watcher($content->{Query});
    my @hidden = $by_watcher ? hidden_from($watcher) : ();
    my %odd = $kind eq 'Tickets' ? (%{ odd_tickets() }, map { ($_ => 1) } @hidden) : ();
    my @all = grep { !$odd{$_} } @ids;
    my @known = (by_text(@fields) ? ('by text' => 1) : (), @hidden ? ('by watcher' => 1) : ());
    return (finds => "@ids", @known) if $every == 1 && $kind ne 'Transactions';
    my @others = grep { $odd{$_} } @ids;
    push @known, ('finds besides' => @others . ' ' . digest("@others")) if @others;
    # What decides how they are told is what both sides find: else one told in full would be held against a digest.
    return (finds => "@all", @known) if @all <= 500;
    my @some = $kind eq 'Transactions' ? @ids[0 .. 19] : grep { is_sampled($_, $every) } @ids;
    my @sorted = sort { $a <=> $b } @all;
    return (finds => "@some", 'finds in all' => @all . ' ' . digest("@sorted"), 'in the order' => digest("@all"), @known);
}

# Whether the order depends on how the server sorts letters.
sub by_text { return scalar grep { length && !/^(?:id|Created|Starts|Started|Due|Resolved|Told|LastUpdated|\w*Priority|Time\w+)$/ } @_ }

# Whether the query asks for people of any role, or of a custom one; what it asks them for may hold any word.
sub by_watcher {
    my ($query) = @_;
    return ($query // '') =~ s/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"//gsr =~ /\b(?:Watcher|WatcherGroup|CustomRole)\b/i;
}

# Whether the query means one day, and its owner's days begin at other times than the server's.
sub by_another_day {
    my ($user, $content) = @_;
    return 0 if ($content->{SearchType} // 'Ticket') ne 'Ticket' || ($content->{Class} // 'RT::Tickets') ne 'RT::Tickets';
    my $dates = qr/Created|Starts|Started|Due|Resolved|Told|LastUpdated|Updated|TransactionDate/;
    return 0 unless ($content->{Query} // '') =~ /\b$dates\s*=/i;
    my $zone = $user->UserObj->Timezone;
    return $zone && $zone ne (RT->Config->Get('Timezone') // '');
}

# What such a query finds where a day is its owner's. Up to some release it is the server's: asked so as well, an old
# release tells what a later one must find.
sub found_by_owners_day {
    my ($user, $content) = @_;
    return () unless by_another_day($user, $content);
    my $midnight = RT::Date->can('SetToMidnight');
    no warnings 'redefine';
    local *RT::Date::SetToMidnight = sub { my ($date, %arguments) = @_; return $midnight->($date, %arguments, Timezone => 'user') };
    my %found = found_by($user, $content);
    return map { ("$_ by another day" => $found{$_}) } grep { !/^by / } keys %found;
}

sub odd_tickets {
    state $odd = { map { ($_ => 1) } identifiers("SELECT id FROM Tickets WHERE Type <> 'ticket'") };
    return $odd;
}

# Tickets in which this person, or anybody, has a disabled role.
sub hidden_from {
    my ($watcher) = @_;
    return () unless known_class('RT::CustomRole');
    my $hidden = q{SELECT DISTINCT g.Instance FROM CustomRoles r
        JOIN `Groups` g ON g.Name = CONCAT('RT::CustomRole-', r.id) AND g.Domain = 'RT::Ticket-Role'};
    return identifiers("$hidden JOIN CachedGroupMembers m ON m.GroupId = g.id AND m.MemberId = ? WHERE r.Disabled <> 0", $watcher)
        if $watcher;
    state $everybodys = [identifiers("$hidden JOIN GroupMembers m ON m.GroupId = g.id WHERE r.Disabled <> 0")];
    return @$everybodys;
}

sub named { my ($like) = @_; return identifiers('SELECT id FROM Attributes WHERE Name LIKE ? ORDER BY id', $like) }

push @SUBJECTS, [searches => sub {
    each_of('RT::Attributes', [sort { $a <=> $b } named('SavedSearch'), named('Search - %')], sub {
        my ($attribute) = @_;
        my $content = $attribute->Content;
        my $fields = { name => text($attribute->Description), owner => join '-', $attribute->ObjectType, $attribute->ObjectId };
        if (ref $content eq 'HASH') {
            $fields->{type} = $content->{SearchType} // 'Ticket';
            # Of a class, perhaps, that cannot be searched so before a later release: that one is left out, not all.
            my @asked = (owner_of($attribute), $content);
            my $found = eval { +{ found_by(@asked), found_by_owners_day(@asked) } };
            return push @complaints, '[died] searches ' . $attribute->id . ": $@" unless $found;
            @$fields{ keys %$found } = values %$found;
            $fields->{"setting $_"} = text(ref $content->{$_} ? JSON->new->canonical->encode($content->{$_}) : $content->{$_})
                for grep { !/^(?:Query|OrderBy|Order|SearchType)$/ } keys %$content;
        }
        else { $fields->{finds} = 'unreadable' }
        say_of(searches => $attribute->id, $fields);
    });
}];

# Questions that nobody saved but everybody asks; built from what is there.
push @SUBJECTS, [queries => sub {
    my @queries = ("Status = '__Active__'", "Status = '__Inactive__'", 'Owner = 6', 'id > 0 AND Linked IS NOT NULL', "Created > '2000-01-01'");
    push @queries, map { 'Queue = ' . $_->id } all_of('RT::Queues');
    push @queries, map { "Status = '" . s/([\\'])/\\$1/gr . "'" } identifiers('SELECT DISTINCT Status FROM Tickets ORDER BY 1');
    push @queries, map { "CF.$_ IS NOT NULL" } identifiers(
        "SELECT DISTINCT CustomField FROM ObjectCustomFieldValues WHERE ObjectType = 'RT::Ticket' ORDER BY 1");
    push @queries, map { "Watcher.id = $_" } identifiers('SELECT id FROM Users ORDER BY id LIMIT 10');
    for my $query (@queries) {
        my ($watcher) = $query =~ /^Watcher\.id = (\d+)/;
        my %found;
        eval { %found = found_by(RT->SystemUser, { Query => $query, OrderBy => 'id' }, $watcher); 1 } or %found = (finds => 'died');
        say_of(queries => $query, \%found);
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

# Whether RT finds a component where it looks for one, and lets it onto a homepage. One that it may not show is a line
# of text there; of one that is nowhere the whole page dies.
sub shows_component {
    my ($name) = @_;
    my $known = RT->Config->Get('HomepageComponents');
    return 0 unless grep { $_ eq $name } ref $known eq 'ARRAY' ? @$known : ();
    my $path = $name =~ m{^/} ? $name : "/Elements/$name";
    my @roots = ($RT::MasonLocalComponentRoot, (map { $_->ComponentRoot } @{ RT->Plugins }), $RT::MasonComponentRoot);
    return scalar grep { defined && length && -f "$_$path" } @roots;
}

# The components of the two panes that RT shows which are not shown all the same.
sub hidden_components {
    my ($panes) = @_;
    my @components = grep { ($_->{portlet_type} // $_->{type} // '') eq 'component' } map { @{ $panes->{$_} || [] } } qw(body sidebar);
    return map { ("component $_" => 'not shown') } grep { !shows_component($_) } map { $_->{component} // $_->{name} // '?' } @components;
}

sub panes {
    my ($panes) = @_;
    my %shown = hidden_components($panes);
    for my $pane (keys %{ $panes || {} }) {
        my @portlets = map { portlet($_) } @{ $panes->{$pane} || [] } or next;
        # A step leaves out a pane in which nothing was left to show.
        my @seen = grep { $_ ne 'nothing' } @portlets;
        $shown{"pane $pane"} = join ', ', @seen if @seen;
        $shown{"gone from $pane"} = grep { $_ eq 'nothing' } @portlets;
    }
    return \%shown;
}

push @SUBJECTS, [dashboards => sub {
    each_of('RT::Attributes', [named('Dashboard')], sub {
        my ($attribute) = @_;
        my $owner = join '-', $attribute->ObjectType, $attribute->ObjectId;
        attempt(dashboards => $attribute->id, sub {
            my $panes = panes($attribute->Content->{Panes});
            say_of(dashboards => $attribute->id, { name => text($attribute->Description), owner => $owner, %$panes });
        });
    });
    each_of('RT::Attributes', [named('Subscription')], sub {
        my ($attribute) = @_;
        attempt(subscriptions => $attribute->id, sub {
            my $content = $attribute->Content;
            say_of(subscriptions => $attribute->id, { owner => $attribute->ObjectId,
                map { ($_ => text(ref $content->{$_} ? JSON->new->canonical->encode($content->{$_}) : $content->{$_})) } keys %$content });
        });
    });
}];

# Whether this release's own page shows a dashboard first, or the preference of its own that a homepage was before.
# Where there are only such preferences, no step has made dashboards of them yet: this release is asked in the place of
# an earlier one, which shows them.
sub shows_a_dashboard_first {
    state $shows = do {
        open my $page, '<', "$RT::MasonComponentRoot/Elements/MyRT" or die "no component MyRT: $!";
        join('', <$page>) =~ /\bDefaultDashboard\b/
            && (has_attribute('DefaultDashboard') || !has_attribute('HomepageSettings'));
    };
    return $shows;
}

sub has_attribute {
    my ($name) = @_;
    return $RT::Handle->dbh->selectrow_array(
        'SELECT 1 FROM Attributes WHERE Name IN (?, ?) LIMIT 1', undef, $name, "Pref-$name");
}

# What a user sees first, by the page of this release: a site may lack the system's own, and users have theirs.
sub homepage {
    my ($user) = @_;
    if (shows_a_dashboard_first()) {
        my ($default) = RT->System->Attributes->Named('DefaultDashboard');
        my $systems = $default ? $default->Content : 0;
        my $id = $user->Preferences(DefaultDashboard => $systems) or return {};  # an empty page
        my $dashboard = RT::Dashboard->new($id == $systems ? RT->SystemUser : RT::CurrentUser->new($user->id));
        my ($good) = $dashboard->LoadById($id);
        return $good ? panes($dashboard->Panes) : { shows => 'a dashboard that its owner may not see' };
    }
    my ($settings) = RT->System->Attributes->Named('HomepageSettings');
    return panes($user->Preferences(HomepageSettings => $settings ? $settings->Content : {}));
}

push @SUBJECTS, [homepages => sub {
    each_of('RT::Users', [privileged()], sub {
        my ($user) = @_;
        attempt(homepages => $user->id, sub {
            say_of(homepages => $user->id, homepage($user)) if $user->Privileged && !$user->PrincipalObj->Disabled;
        });
    });
}];
