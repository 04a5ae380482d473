# Everything that is not a ticket: people, groups, queues, fields, scrips, templates, articles, assets.

# Objects of a class, one entry each: plain fields, texts, and what extra($object) returns. ids: returns which; all of
# the class without.
sub objects {
    my ($section, $class, $plain, $texts, $extra, $ids) = @_;
    my $tell = sub {
        my ($object) = @_;
        attempt($section, $object->id, sub {
            my $fields = fields($object, [grep { $object->_Accessible($_ => 'read') || $object->can($_) } @$plain], $texts);
            say_of($section => $object->id, { %$fields, $extra ? $extra->($object) : () });
        });
    };
    push @SUBJECTS, [$section => sub {
        known_class($class) or die "RT has no $class\n";
        $ids ? each_of($class, [$ids->()], $tell) : $tell->($_) for $ids ? 1 : all_of($class);
    }];
    return;
}

sub sampled { my ($kind, $table) = @_; return identifiers("SELECT id FROM $table WHERE MOD(CRC32(id), ?) = 0 ORDER BY id", every($kind)) }

# Staff: few, and it matters who they are.
sub privileged {
    return identifiers(q{SELECT DISTINCT m.MemberId FROM GroupMembers m JOIN `Groups` g ON g.id = m.GroupId
        JOIN Users u ON u.id = m.MemberId WHERE g.Domain = 'SystemInternal' AND g.Name = 'Privileged' ORDER BY 1});
}

sub users { my %ids = map { ($_ => 1) } privileged(), sampled(users => 'Users'); return sort { $a <=> $b } keys %ids }

sub with_prefix { my ($prefix, $hash) = @_; return map { ("$prefix $_" => $hash->{$_}) } keys %$hash }

sub values_and_people {
    my ($object) = @_;
    return (with_prefix(value => values_of($object)), %{ people_of($object) });
}

objects(users => 'RT::Users', [qw(Lang Timezone)],
    [qw(Name RealName NickName EmailAddress Organization Comments Signature FreeformContactInfo Gecos
        HomePhone WorkPhone MobilePhone PagerPhone Address1 Address2 City State Zip Country)], sub {
        my ($user) = @_;
        return (disabled => $user->PrincipalObj->Disabled, privileged => $user->Privileged ? 1 : 0,
            password => $user->HasPassword ? 1 : 0, with_prefix(value => values_of($user)));
    }, \&users);

push @SUBJECTS, [groups => sub {
    my $groups = RT::Groups->new(RT->SystemUser);
    $groups->FindAllRows;
    $groups->LimitToUserDefinedGroups;
    my $internal = RT::Groups->new(RT->SystemUser);
    $internal->Limit(FIELD => 'Domain', VALUE => 'SystemInternal', CASESENSITIVE => 0);
    for my $group (rows($groups), rows($internal)) {
        attempt(groups => $group->id, sub { say_of(groups => $group->id, group_fields($group)) });
    }
}];

sub group_fields {
    my ($group) = @_;
    my $members = $group->MembersObj;
    my $users = $group->UserMembersObj;
    $users->FindAllRows if $users->can('FindAllRows');
    return {
        %{ fields($group, [qw(Domain)], [qw(Name Description)]) },
        disabled => $group->PrincipalObj->Disabled,
        members => join(' ', sort { $a <=> $b } ids_of($members, 'MemberId')),
        everyone => join(' ', sort { $a <=> $b } ids_of($users)),
        with_prefix(value => values_of($group)),
    };
}

objects(queues => 'RT::Queues', [qw(Lifecycle SubjectTag SortOrder Disabled SLADisabled)],
    [qw(Name Description CorrespondAddress CommentAddress)], sub {
        my ($queue) = @_;
        return (values_and_people($queue), statuses => join ' ', $queue->LifecycleObj->Valid);
    });

objects('custom fields' => 'RT::CustomFields', [qw(Type MaxValues LookupType SortOrder Disabled BasedOn ValuesClass RenderType)],
    [qw(Name Description Pattern)], sub {
        my ($field) = @_;
        my $applied = $field->AddedTo;
        my @values = $field->IsSelectionType && ($field->ValuesClass // '') =~ /^(?:RT::CustomFieldValues)?$/
            ? all_of('RT::CustomFieldValues', CustomField => $field->id) : ();
        return (
            'added to' => join(' ', sort { $a <=> $b } map { $_->id } $applied ? rows($applied) : ()),
            'for all' => $field->IsGlobal ? 1 : 0,
            'by name' => join(' ', map { $_->id } all_of('RT::CustomFields', Name => $field->Name, LookupType => $field->LookupType)),
            values => join(', ', map { join ' ', $_->id, text($_->Name), text($_->Category), $_->SortOrder // 0 } @values),
        );
    });

# The fields that people see on each kind of thing, in RT's order, wherever a queue (class, catalog) has some of its own;
# "RT::Queue-RT::Ticket 0" is of all others. Fields with the same place come in any order.
push @SUBJECTS, ['order of fields' => sub {
    my $added = $RT::Handle->dbh->selectall_arrayref(q{SELECT f.LookupType, o.ObjectId, o.CustomField, o.SortOrder
        FROM ObjectCustomFields o JOIN CustomFields f ON f.id = o.CustomField});
    my %place;
    $place{"$_->[0] $_->[1]"}{ $_->[2] } = $_->[3] for @$added;
    for my $key (keys %place) {
        my ($type, $id) = split / /, $key;
        my %of = (%{ $place{"$type 0"} || {} }, %{ $place{$key} });
        my $fields = RT::CustomFields->new(RT->SystemUser);
        $fields->LimitToGlobalOrObjectId($id);
        $fields->LimitToLookupType($type);
        $fields->ApplySortOrder;
        my @places;
        for my $field (map { $_->id } rows($fields)) {
            push @places, [] unless @places && $of{ $places[-1][0] } == $of{$field};
            push @{ $places[-1] }, $field;
        }
        say_of('order of fields' => $key, { fields => join ', ', map { join ' ', sort { $a <=> $b } @$_ } @places });
    }
}];

objects('custom roles' => 'RT::CustomRoles', [qw(MaxValues Disabled)], [qw(Name Description EntryHint)], sub {
    my ($role) = @_;
    my $applied = $role->AddedTo;
    return (
        'added to' => join(' ', sort { $a <=> $b } map { $_->id } $applied ? rows($applied) : ()),
        'of objects' => $role->_Accessible(LookupType => 'read') ? $role->__Value('LookupType') : 'RT::Queue-RT::Ticket',
    );
}) if eval { require RT::CustomRole };

# A condition or an action: its module by name, its argument as a digest. Addresses or a password may be in that.
sub of_module { my ($part) = @_; return join ' ', $part->ExecModule // '', text($part->Argument) }

# The template that a scrip gets in each queue: of its name there, or of all queues. Another collation finds another one.
sub templates_of {
    my ($scrip, @places) = @_;
    return '' if ($scrip->Template // '') eq '';
    push @places, map { $_->Queue } all_of('RT::Templates', Name => $scrip->Template) if grep { !$_ } @places;
    my %places = map { ($_ => 1) } @places;
    return join ', ', map { "queue $_: " . ($scrip->TemplateObj($_)->id // 'none') } sort { $a <=> $b } keys %places;
}

objects(scrips => 'RT::Scrips', [qw(Disabled Template)], [qw(Description CustomPrepareCode CustomCommitCode CustomIsApplicableCode)], sub {
    my ($scrip) = @_;
    my $applied = RT::ObjectScrips->new(RT->SystemUser);
    $applied->LimitToScrip($scrip->id);
    return (
        condition => of_module($scrip->ConditionObj), action => of_module($scrip->ActionObj),
        on => join(', ', sort map { join ' ', $_->ObjectId, $_->Stage, $_->SortOrder } rows($applied)),
        templates => templates_of($scrip, map { $_->ObjectId } rows($applied)),
    );
});
objects(templates => 'RT::Templates', [qw(Queue Type)], [qw(Name Description Content)]);
objects(classes => 'RT::Classes', [qw(Disabled SortOrder)], [qw(Name Description)], sub {
    return ('offered in' => join ', ', sort map { join ' ', $_->ObjectType, $_->ObjectId } all_of('RT::ObjectClasses', Class => $_[0]->id));
});
objects(topics => 'RT::Topics', [qw(Parent ObjectType ObjectId)], [qw(Name Description)]);
objects(articles => 'RT::Articles', [qw(Class SortOrder Disabled Creator Created)], [qw(Name Summary)], sub {
    my ($article) = @_;
    history_of('article transactions' => $article);
    my $topics = RT::ObjectTopics->new(RT->SystemUser);
    $topics->LimitToObject($article);
    return (
        with_prefix(value => values_of($article)), links => links_of($article),
        topics => join(' ', sort { $a <=> $b } map { $_->Topic } rows($topics)),
    );
}, sub { sampled(articles => 'Articles') });
objects(catalogs => 'RT::Catalogs', [qw(Lifecycle Disabled)], [qw(Name Description)], sub { %{ people_of($_[0]) } });
objects(assets => 'RT::Assets', [qw(Catalog Status Creator Created)], [qw(Name Description)], sub {
    my ($asset) = @_;
    history_of('asset transactions' => $asset);
    return (values_and_people($asset), links => links_of($asset));
}, sub { sampled(assets => 'Assets') });
