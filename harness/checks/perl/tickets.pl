# Tickets as a person meets them: fields, people, values, links, history, attachments, merges.

sub values_of {
    my ($object) = @_;
    my %values;
    for my $value (all_of('RT::ObjectCustomFieldValues', ObjectType => ref $object, ObjectId => $object->id)) {
        next if $value->Disabled;
        my $content = characters($value->LargeContent) // characters($value->Content);
        push @{ $values{ $value->CustomField } }, join ' ', text($content), $value->ContentType // '';
    }
    return { map { $_ => join ', ', sort @{ $values{$_} } } keys %values };
}

# Members of each role, as ids of users and groups.
sub people_of {
    my ($object) = @_;
    my %people;
    for my $role ($object->Roles) {
        my $group = $object->RoleGroup($role);
        next unless $group && $group->id;
        $people{$role} = join ' ', sort { $a <=> $b } map { $_->__Value('MemberId') } all_of('RT::GroupMembers', GroupId => $group->id);
    }
    return \%people;
}

# Who holds a custom role in which ticket, said of roles that RT itself does not name there: disabled ones. Their
# groups may count all the same. One statement for all tickets.
sub hidden_people {
    my $rows = $RT::Handle->dbh->selectall_arrayref(q{
        SELECT g.Instance, g.Name, m.MemberId FROM `Groups` g JOIN GroupMembers m ON m.GroupId = g.id
        WHERE g.Domain = 'RT::Ticket-Role' AND g.Name LIKE 'RT::CustomRole-%' ORDER BY m.MemberId});
    my %hidden;
    push @{ $hidden{ $_->[0] }{ $_->[1] } }, $_->[2] for @$rows;
    return \%hidden;
}

sub links_of {
    my ($object) = @_;
    my $uri = $object->URI;
    my @links;
    for my $end (qw(Base Target)) {
        for my $link (all_of('RT::Links', $end => $uri)) {
            my $other = $end eq 'Base' ? $link->TargetURI : $link->BaseURI;
            push @links, join ' ', $end, $link->Type, $other->IsLocal && eval { $other->Object->id } ? 'found' : 'outside',
                text($end eq 'Base' ? $link->Target : $link->Base);
        }
    }
    return join ', ', sort @links;
}

sub history_of {
    my ($section, $object) = @_;
    my $transactions = $object->Transactions;
    $transactions->OrderBy(FIELD => 'id');
    while (my $transaction = $transactions->Next) {
        my $fields = fields($transaction, [qw(Type Field ObjectId Creator Created TimeTaken OldReference NewReference)],
            [qw(OldValue NewValue Data)]);
        say_of($section, $transaction->id, $fields);
    }
    return;
}

sub attachment_fields {
    my ($attachment) = @_;
    my $fields = fields($attachment, [qw(TransactionId Parent ContentType Creator Created)],
        [qw(Filename Subject MessageId Headers)]);
    $fields->{Content} = digest($attachment->Content);
    # As it came in; only text and whole messages are kept in another form.
    $fields->{Original} = digest(scalar eval { $attachment->OriginalContent })
        if ($fields->{ContentType} // '') =~ m{^(?:text|message)/};
    return $fields;
}

push @SUBJECTS, [tickets => sub {
    my @fields = qw(Queue Type Status Owner EffectiveId IsMerged Priority InitialPriority FinalPriority TimeWorked
        TimeLeft TimeEstimated Created Starts Started Due Resolved Told LastUpdated Creator LastUpdatedBy SLA);
    my $hidden = hidden_people();
    for my $id (identifiers("SELECT id FROM Tickets WHERE MOD(id, ?) = 0 ORDER BY id", $wanted{every})) {
        my $ticket = RT::Ticket->new(RT->SystemUser);
        $ticket->LoadById($id);
        my $fields = fields($ticket, [grep { $ticket->_Accessible($_ => 'read') } @fields], ['Subject']);
        my $followed = RT::Ticket->new(RT->SystemUser);
        $followed->Load($id);
        $fields->{'merged into'} = $followed->id;
        if ($followed->id == $id) {
            my $people = people_of($ticket);
            $fields->{"people $_"} = $people->{$_} for keys %$people;
            my $unsaid = $hidden->{$id} || {};
            $fields->{"hidden people $_"} = join ' ', @{ $unsaid->{$_} } for grep { !defined $people->{$_} } keys %$unsaid;
            $fields->{links} = links_of($ticket);
            history_of(transactions => $ticket);
            my $attachments = $ticket->Attachments(WithHeaders => 1, WithContent => 1);
            while (my $attachment = $attachments->Next) {
                say_of(attachments => $attachment->id, attachment_fields($attachment));
            }
        }
        my $values = values_of($ticket);
        $fields->{"value $_"} = $values->{$_} for keys %$values;
        say_of(tickets => $id, $fields);
    }
}];
