# Make the mail that this release's scrips send: in each of some queues a customer's ticket, an answer, a comment, a
# solution; and the same in a queue of the harness's own, by its own account and by the customer, as the visitor does
# who tries the site: what global scrips make of that is known then.
# Writes; give it a copy. Mail goes where the configuration says: in this image to a file. Out: JSON
# {"done": [[queue id, or "own", what], in the order in which it was done], "tickets": [ids]}. What RT logs goes to standard error.
use strict;
use warnings;
use lib '/opt/rt/share/lib';
use JSON ();
use RT;
use MIME::Entity;

# few: how many queues, those in which mail is to be expected (0: all); where nothing is sent in these, the next ones,
# up to `most` of them. -1: these queues, by id. outbox: the file that mail goes to. customer, colleague, third: addresses
# of the harness's own. Nobody whom the visitor writes as, who may be there at the same time: of two who make one
# account, one is refused.
my ($mark, $few, $most, $outbox, $customer_address, $colleague, $third, @queues) = @ARGV;
RT::LoadConfig();
RT->Config->Set(LogToSTDERR => 'warning');
RT::Init();
GUEST

my (@done, @tickets);

sub message { return MIME::Entity->build(Type => 'text/plain', Charset => 'UTF-8', Data => [$_[0]]) }

# What scrips and options have made of a ticket that nobody asked for. Whose it is and until when differs from time to time.
sub became {
    my ($id, $queue) = @_;
    my $ticket = RT::Ticket->new(RT->SystemUser);
    $ticket->Load($id);
    my ($values) = $RT::Handle->dbh->selectrow_array(
        "SELECT COUNT(*) FROM ObjectCustomFieldValues WHERE ObjectType = 'RT::Ticket' AND ObjectId = ? AND Disabled = 0", undef, $id);
    my @so = ('create');
    push @so, 'in queue ' . $ticket->Queue if $ticket->Queue != $queue->id;
    push @so, 'with an owner' if $ticket->Owner != RT->Nobody->id;
    push @so, 'with the SLA ' . $ticket->SLA if $ticket->can('SLA') && length($ticket->SLA // '');
    push @so, 'with a day that it is due' if $ticket->DueObj->IsSet;
    push @so, "with $values values of fields" if $values;
    return join ' ', @so;
}

# A ticket's life, by one who may: what could be done of it.
sub life {
    my ($who, $queue, $subject) = @_;
    my $ticket = RT::Ticket->new($who);
    my ($id) = $ticket->Create(
        Queue => $queue->id, Subject => $subject, MIMEObj => message("First words\n"),
        Requestor => [$customer_address], Cc => [$colleague],
    );
    return '' unless $id;
    push @tickets, 0 + $id;
    my @done = became($id, $queue);
    push @done, 'answer' if ($ticket->Correspond(MIMEObj => message("An answer\n"), CcMessageTo => $third))[0];
    push @done, 'comment' if ($ticket->Comment(MIMEObj => message("A remark\n")))[0];
    my ($solved) = grep { $queue->LifecycleObj->IsInactive($_) && $_ ne 'deleted' && $_ ne 'rejected' }
        $queue->LifecycleObj->Transitions($ticket->Status);
    push @done, "status $solved" if $solved && ($ticket->SetStatus($solved))[0];
    return join ', ', @done;
}

# First those in which some scrip sends mail, and of these the ones that are in use. By the newest ticket, not by the
# clock: a dump may be old.
sub likely {
    my ($newest) = $RT::Handle->dbh->selectrow_array('SELECT Created FROM Tickets ORDER BY id DESC LIMIT 1');
    return @{ $RT::Handle->dbh->selectcol_arrayref(q{
        SELECT q.id FROM Queues q JOIN Tickets t ON t.Queue = q.id
        WHERE q.Disabled = 0 AND q.Name <> '___Approvals' GROUP BY q.id
        ORDER BY EXISTS (
            SELECT 1 FROM ObjectScrips o JOIN Scrips s ON s.id = o.Scrip JOIN ScripActions a ON a.id = s.ScripAction
            WHERE o.ObjectId IN (0, q.id) AND COALESCE(s.Disabled, 0) = 0 AND s.Template <> 'Blank'
            AND (a.ExecModule LIKE 'Notify%' OR a.ExecModule LIKE 'Autoreply%' OR a.ExecModule LIKE 'Send%')
        ) DESC, SUM(COALESCE(t.Created > ? - INTERVAL 90 DAY, 0)) DESC, COUNT(*) DESC, q.id},
        undef, $newest) };
}

my ($told, $tried) = (-s $outbox // 0, 0);
for my $queue_id ($few < 0 ? @queues : likely()) {
    last if $few > 0 && ($tried >= $most || ($tried >= $few && (-s $outbox // 0) > $told));
    my $queue = RT::Queue->new(RT->SystemUser);
    $queue->Load($queue_id);
    push @done, [$queue->id, life(RT->SystemUser, $queue, "$mark queue " . $queue->id)];
    $tried++;
}

# Where the site lets nobody make these, there is nothing to learn from them.
my ($host, $own) = eval { guest('harness-0', join '', map { chr 97 + rand 26 } 1 .. 40) } or warn $@;
if ($own) {
    push @done, [own => life(RT::CurrentUser->new($host->id), $own, "$mark queue own")];
    my $customer = RT::User->new(RT->SystemUser);
    $customer->LoadOrCreateByEmail($customer_address);
    my $ticket = RT::Ticket->new(RT::CurrentUser->new($customer->id));
    my ($id) = $ticket->Create(
        Queue => $own->id, Subject => "$mark by mail", MIMEObj => message("First words\n"), Requestor => [$customer->id]);
    if ($id) {
        push @tickets, 0 + $id;
        my $seen = RT::Ticket->new(RT::CurrentUser->new($host->id));
        $seen->Load($id);
        $seen->Correspond(MIMEObj => message("An answer\n"));
    }
}
print JSON->new->canonical->utf8->encode({ done => \@done, tickets => \@tickets }), "\n";
