# Who may do what: every right that RT grants each user on each object that rights can be given on.
#
# RT's answer depends on nothing of the user but the groups that hold it, so it is asked once for all users in the
# same groups. On tickets their own roles count too: there it is asked for people with a role.

sub groups_of_users {
    state $groups = do {
        my (%groups, %seen);
        my $query = $RT::Handle->dbh->prepare(q{
            SELECT DISTINCT m.MemberId, m.GroupId FROM CachedGroupMembers m
            JOIN Principals g ON g.id = m.GroupId AND g.Disabled = 0
            JOIN `Groups` n ON n.id = m.GroupId
            JOIN Users u ON u.id = m.MemberId
            WHERE m.Disabled = 0 AND n.Domain NOT IN ('RT::Ticket-Role', 'RT::Asset-Role')
            AND (n.Domain <> 'ACLEquivalence' OR m.GroupId IN (SELECT PrincipalId FROM ACL))
            ORDER BY m.MemberId, m.GroupId});
        $query->execute;
        while (my $row = $query->fetchrow_arrayref) { $groups{ $row->[0] } .= " $row->[1]" }
        \%groups;
    };
    return $groups;
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

# Users of whom only half was deleted: RT finds no principal for them, and dies of whatever it asks it.
sub without_principal {
    state $ids = { map { ($_ => 1) } identifiers(
        q{SELECT u.id FROM Users u LEFT JOIN Principals p ON p.id = u.id AND p.PrincipalType = 'User' WHERE p.id IS NULL}) };
    return $ids;
}

# HasRights hands out names as the table holds them; HasRight, which every page asks, refuses one that nothing registers
# in this release, as those of an extension that is gone.
sub registered_right {
    my ($name) = @_;
    state %names;
    return $names{$name} //= RT::ACE->CanonicalizeRightName($name) // '';
}

sub rights_on {
    my ($user, $object) = @_;
    my %rights = map { (registered_right($_) => 1) } keys %{ $user->PrincipalObj->HasRights(Object => $object) };
    return join ' ', grep { length } sort keys %rights;
}

# One entry for all who have the same rights everywhere: what they have, and their ids as "holders".
push @SUBJECTS, [rights => sub {
    my ($groups, $objects) = (groups_of_users(), objects_with_rights());
    my (%alike, %holders);
    push @complaints, "[died] rights $_: no principal" for sort keys %{ without_principal() };
    my $users = $RT::Handle->dbh->selectall_arrayref(
        q{SELECT u.id, p.Disabled FROM Users u JOIN Principals p ON p.id = u.id AND p.PrincipalType = 'User' ORDER BY u.id});
    for my $row (@$users) {
        my ($id, $disabled) = @$row;
        push @{ $alike{ $disabled ? 'disabled' : $groups->{$id} // '' } }, $id if $id != RT->SystemUser->id;
    }
    for my $ids (values %alike) {
        my $user = RT::User->new(RT->SystemUser);
        $user->LoadById($ids->[0]);
        my %rights = map { ($_ => rights_on($user, $objects->{$_})) } keys %$objects;
        my $key = Digest::SHA::sha256_hex(join "\n", map { "$_=$rights{$_}" } sort keys %rights);
        push @{ $holders{$key} }, @$ids;
        say_of(rights => $key, \%rights);
    }
    $said{rights}{$_}{holders} = join ' ', sort { $a <=> $b } @{ $holders{$_} } for keys %holders;
}];

# object -> person -> what of the person's part in it can matter to a right: the roles, and whether they count.
# Disabled ones are told too: both sides must ask the same people, though a step may enable their group.
sub parts_in {
    my ($class, $every) = @_;
    my %parts;
    my $rows = $RT::Handle->dbh->selectall_arrayref(q{
        SELECT g.Instance, m.MemberId, g.Name, m.Disabled, p.Disabled, p.PrincipalType,
            CASE WHEN m.GroupId IN (SELECT PrincipalId FROM ACL) THEN m.GroupId ELSE 0 END
        FROM `Groups` g JOIN CachedGroupMembers m ON m.GroupId = g.id
        JOIN Users u ON u.id = m.MemberId
        LEFT JOIN Principals p ON p.id = g.id
        WHERE g.Domain = ? AND MOD(CRC32(g.Instance), ?) = 0 AND u.Name NOT IN ('Nobody', 'RT_System')},
        undef, "$class-Role", $every);
    push @{ $parts{ $_->[0] }{ $_->[1] } }, join ' ', map { $_ // '' } @$_[2 .. 6] for @$rows;
    return \%parts;
}

# RT's answer depends on nothing of a ticket but its queue and type, the person's part in it, and rights given on it
# alone; so it is asked once for all who are alike in that. With assets and their catalogs it is the same.
sub rights_by_role {
    my ($class, $kind, $every, @ids) = @_;
    my ($parts, $groups) = (parts_in($class, $every), groups_of_users());
    my %own = map { ($_ => 1) } identifiers('SELECT ObjectId FROM ACL WHERE ObjectType = ?', $class);
    my (%alike, %people);
    for my $id (grep { $parts->{$_} } @ids) {
        my $object = $class->new(RT->SystemUser);
        $object->LoadById($id);
        my $where = join ' ', (map { $object->_Accessible($_ => 'read') ? $object->__Value($_) // '' : '' } qw(Queue Type Catalog)),
            $own{$id} ? $id : '';
        my %rights;
        for my $person (grep { !without_principal()->{$_} } keys %{ $parts->{$id} }) {
            my $user = $people{$person} ||= do { my $one = RT::User->new(RT->SystemUser); $one->Load($person); $one };
            my $like = join '/', $where, $user->PrincipalObj->Disabled, $groups->{$person} // '',
                sort @{ $parts->{$id}{$person} };
            $rights{$person} = $alike{$like} //= rights_on($user, $object);
        }
        say_of('rights by role' => "$kind$id", \%rights);
    }
    return;
}

push @SUBJECTS, ['rights by role' => sub {
    rights_by_role('RT::Ticket', '', every('tickets'),
        identifiers('SELECT id FROM Tickets WHERE MOD(CRC32(id), ?) = 0 AND EffectiveId = id ORDER BY id', every('tickets')));
    rights_by_role('RT::Asset', 'asset ', every('assets'), sampled(assets => 'Assets')) if known_class('RT::Asset');
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
