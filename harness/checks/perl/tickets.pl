# Tickets as a person meets them: fields, people, values, links, history, attachments, merges.

# What belongs to several objects, by one search instead of one for each: "class column limits" -> value -> rows.
my %ahead;

sub shelf { my ($class, $column, %limit) = @_; return join ' ', $class, $column, map { "$_=$limit{$_}" } sort keys %limit }

sub read_ahead {
    my ($class, $column, $values, %limit) = @_;
    my %rows = map { ($_ => []) } @$values;
    push @{ $rows{ $_->__Value($column) } }, $_ for @$values ? all_of($class, $column => $values, %limit) : ();
    $ahead{ shelf($class, $column, %limit) } = \%rows;
    return map { @$_ } values %rows;
}

# As all_of, of some values of one column; without a search where these were read ahead.
sub some_of {
    my ($class, $column, $values, %limit) = @_;
    my $rows = $ahead{ shelf($class, $column, %limit) };
    return map { @$_ } @$rows{@$values} if $rows && !grep { !$rows->{$_} } @$values;
    return all_of($class, $column => $values, %limit);
}

# Raw columns where RT's accessors would ask again for every value whether the system user may see it; what asks all
# the same loads the field and the ticket each time.
sub values_of {
    my ($object) = @_;
    no warnings 'redefine';
    local *RT::ObjectCustomFieldValue::CurrentUserCanSee = sub { 1 };
    my %values;
    for my $value (some_of('RT::ObjectCustomFieldValues', ObjectId => [$object->id], ObjectType => ref $object)) {
        next if $value->__Value('Disabled');
        my $content = characters($value->LargeContent) // characters($value->Content);
        push @{ $values{ $value->__Value('CustomField') } }, join ' ', text($content), $value->__Value('ContentType') // '';
    }
    return { map { $_ => join ', ', sort @{ $values{$_} } } keys %values };
}

# Members of each role, as ids of users and groups; "hidden" of roles that RT does not name there: disabled ones,
# whose groups may count all the same. Two searches for all roles of an object.
sub people_of {
    my ($object) = @_;
    my %named = map { ($_ => 1) } $object->Roles;
    my %groups = map { ($_->id => $_->__Value('Name')) }
        some_of('RT::Groups', Instance => [$object->id], Domain => ref($object) . '-Role');
    return {} unless %groups;
    my %people = map { ($groups{$_} => []) } keys %groups;
    push @{ $people{ $groups{ $_->__Value('GroupId') } } }, $_->__Value('MemberId')
        for some_of('RT::GroupMembers', GroupId => [keys %groups]);
    return { map { (($named{$_} ? '' : 'hidden ') . "people $_" => join ' ', sort { $a <=> $b } @{ $people{$_} }) } keys %people };
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

# Reads the values of these transactions ahead and returns the ids of those that have any: few, and on most sites none.
# By the fields that transactions can have, for no index leads to all values of an object, whatever the field.
sub with_values {
    my (@transactions) = @_;
    state $fields = [identifiers("SELECT id FROM CustomFields WHERE LookupType LIKE '%-RT::Transaction'")];
    return unless @$fields && @transactions;
    my @valued = identifiers(sprintf q{SELECT DISTINCT ObjectId FROM ObjectCustomFieldValues
        WHERE CustomField IN (%s) AND ObjectType = 'RT::Transaction' AND ObjectId IN (%s)}, map { join ',', @$_ } $fields, \@transactions);
    my %limit = (ObjectType => 'RT::Transaction');
    my %values = map { ($_ => []) } @valued;
    push @{ $values{ $_->__Value('ObjectId') } }, $_ for @valued
        ? all_of('RT::ObjectCustomFieldValues', CustomField => $fields, ObjectId => \@valued, %limit) : ();
    $ahead{ shelf('RT::ObjectCustomFieldValues', 'ObjectId', %limit) } = \%values;
    return @valued;
}

# Has a section of its own, so that a death is its own as well.
sub history_of {
    my ($section, $object) = @_;
    eval {
        my $transactions = $object->Transactions;
        $transactions->OrderBy(FIELD => 'id');
        my @transactions = rows($transactions);
        my %valued = map { ($_ => 1) } with_values(map { $_->id } @transactions);
        for my $transaction (@transactions) {
            attempt($section, $transaction->id, sub {
                my $fields = fields($transaction,
                    [qw(Type Field ObjectId Creator Created TimeTaken OldReference NewReference)], [qw(OldValue NewValue Data)]);
                $fields = { %$fields, with_prefix(value => values_of($transaction)) } if $valued{ $transaction->id };
                say_of($section, $transaction->id, $fields);
            });
        }
        1;
    } or push @complaints, "[died] $section: $@";
    return;
}

# As RT's own Attachments of a ticket, but with all columns at once: RT's list of columns hides the content from
# itself, and it is fetched again for each one. A few at a time: all contents may be more than fits into memory.
# For each field of each one RT reads the transaction anew, to learn that the system user may see it.
sub attachments_of {
    my ($ticket, $code) = @_;
    no warnings 'redefine';
    local *RT::Attachment::_Value = RT::Attachment->can('__Value');
    my @left = identifiers(q{SELECT a.id FROM Attachments a JOIN Transactions t ON t.id = a.TransactionId
        JOIN Tickets k ON k.id = t.ObjectId WHERE t.ObjectType = 'RT::Ticket' AND k.EffectiveId = ? ORDER BY a.id}, $ticket->id);
    while (my @some = splice @left, 0, 10) {
        $code->($_) for all_of('RT::Attachments', id => \@some);
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

# A few at a time: their values may be large.
sub read_tickets_ahead {
    my (@ids) = @_;
    read_ahead('RT::ObjectCustomFieldValues', ObjectId => \@ids, ObjectType => 'RT::Ticket');
    my @groups = map { $_->id } read_ahead('RT::Groups', Instance => \@ids, Domain => 'RT::Ticket-Role');
    read_ahead('RT::GroupMembers', GroupId => \@groups);
    return;
}

push @SUBJECTS, [tickets => sub {
    my @fields = qw(Queue Type Status Owner EffectiveId IsMerged Priority InitialPriority FinalPriority TimeWorked
        TimeLeft TimeEstimated Created Starts Started Due Resolved Told LastUpdated Creator LastUpdatedBy SLA);
    my @ids = identifiers("SELECT id FROM Tickets WHERE MOD(CRC32(id), ?) = 0 ORDER BY id", every('tickets'));
    for my $number (0 .. $#ids) {
        my $id = $ids[$number];
        read_tickets_ahead(grep { defined } @ids[$number .. $number + 19]) if $number % 20 == 0;
        my $ticket = RT::Ticket->new(RT->SystemUser);
        $ticket->LoadById($id);
        my $followed = RT::Ticket->new(RT->SystemUser);
        $followed->Load($id);
        my $own = $followed->id == $id;
        attempt(tickets => $id, sub {
            my $fields = fields($ticket, [grep { $ticket->_Accessible($_ => 'read') } @fields], ['Subject']);
            my $values = values_of($ticket);
            say_of(tickets => $id, {
                %$fields, 'merged into' => $followed->id, with_prefix(value => $values),
                $own ? (%{ people_of($ticket) }, links => links_of($ticket)) : (),
            });
        });
        next unless $own;
        history_of(transactions => $ticket);
        attachments_of($ticket, sub {
            my ($attachment) = @_;
            attempt(attachments => $attachment->id, sub { say_of(attachments => $attachment->id, attachment_fields($attachment)) });
        });
    }
}];
