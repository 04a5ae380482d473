# Who may do what: every right that RT grants each user on each object that rights can be given on.
#
# RT's answer depends on nothing of the user but the groups that hold it, so it is asked once for all users in the
# same groups. On tickets and assets their own roles count too: there each person with a role is asked.

sub groups_of_users {
    my %groups;
    my $rows = $RT::Handle->dbh->selectall_arrayref(q{
        SELECT m.MemberId, m.GroupId FROM CachedGroupMembers m
        JOIN Principals g ON g.id = m.GroupId AND g.Disabled = 0
        JOIN `Groups` n ON n.id = m.GroupId
        JOIN Users u ON u.id = m.MemberId
        WHERE m.Disabled = 0 AND n.Domain NOT IN ('RT::Ticket-Role', 'RT::Asset-Role')
        AND (n.Domain <> 'ACLEquivalence' OR m.GroupId IN (SELECT PrincipalId FROM ACL))
        ORDER BY m.MemberId, m.GroupId});
    my %seen;
    push @{ $groups{ $_->[0] } }, $_->[1] for grep { !$seen{"@$_"}++ } @$rows;
    return \%groups;
}

sub objects_with_rights {
    my %objects = map { (ref($_) . '-' . $_->id => $_) } RT->System;
    for my $class (qw(RT::Queues RT::Classes RT::Catalogs RT::CustomFields)) {
        next unless known_class($class);
        $objects{ ref($_) . '-' . $_->id } = $_ for all_of($class);
    }
    my $granted = $RT::Handle->dbh->selectall_arrayref('SELECT DISTINCT ObjectType, ObjectId FROM ACL');
    for my $row (@$granted) {
        my ($class, $id) = @$row;
        next if $objects{"$class-$id"} || $class eq 'RT::System' || !known_class($class);
        my $object = $class->new(RT->SystemUser);
        $object->LoadById($id);
        $objects{"$class-$id"} = $object if $object->id;
    }
    return \%objects;
}

sub rights_on { my ($user, $object) = @_; return join ' ', sort keys %{ $user->PrincipalObj->HasRights(Object => $object) } }

push @SUBJECTS, [rights => sub {
    my ($groups, $objects) = (groups_of_users(), objects_with_rights());
    my %alike;
    for my $user (all_of('RT::Users')) {
        next if $user->id == RT->SystemUser->id;
        my $key = $user->PrincipalObj->Disabled ? 'disabled' : join ' ', @{ $groups->{ $user->id } || [] };
        push @{ $alike{$key} }, $user;
    }
    for my $users (values %alike) {
        my %rights = map { ($_ => rights_on($users->[0], $objects->{$_})) } keys %$objects;
        say_of(rights => $_->id, \%rights) for @$users;
    }
}];

push @SUBJECTS, ['rights by role' => sub {
    for my $id (identifiers('SELECT id FROM Tickets WHERE MOD(id, ?) = 0 AND EffectiveId = id ORDER BY id', $wanted{every})) {
        my $ticket = RT::Ticket->new(RT->SystemUser);
        $ticket->LoadById($id);
        # Disabled ones count too: both sides must ask the same people, though a step may enable their group.
        my @people = identifiers(q{
            SELECT DISTINCT m.MemberId FROM `Groups` g JOIN CachedGroupMembers m ON m.GroupId = g.id
            JOIN Users u ON u.id = m.MemberId
            WHERE g.Domain = 'RT::Ticket-Role' AND g.Instance = ? AND u.Name NOT IN ('Nobody', 'RT_System')
            ORDER BY m.MemberId LIMIT 5}, $id);
        my %rights;
        for my $person (@people) {
            my $user = RT::User->new(RT->SystemUser);
            $user->Load($person);
            $rights{$person} = rights_on($user, $ticket);
        }
        say_of('rights by role' => $id, \%rights) if %rights;
    }
}];

# Old password hashes. RT replaces an old hash by a new one after a good login; here it must not.
push @SUBJECTS, [logins => sub {
    no warnings 'redefine';
    local *RT::User::_Set = sub { return (1, 'not written') };
    local *RT::User::_GeneratePassword = sub { return '' };
    my %accounts = %{ $wanted{accounts} };
    my $tried;
    for my $name (sort keys %accounts) {
        my $user = RT::User->new(RT->SystemUser);
        $user->Load($name);
        my $good = $user->id && $user->IsPassword($accounts{$name});
        my %fields = ('right password' => $good ? 'lets in' : 'refused');
        # A hash is slow to compare on purpose: one wrong password shows whether wrong ones are refused.
        $fields{'wrong password'} = $user->IsPassword("$accounts{$name} and more") ? 'lets in' : 'refused'
            if $user->id && !$tried++;
        say_of(logins => $user->id || digest($name), \%fields);
    }
}];
