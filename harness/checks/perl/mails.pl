# Make the mail that this release's scrips send: in each of some queues a customer's ticket, an answer, a comment, a solution.
# Writes; give it a copy. Mail goes where the configuration says: in this image to a file. Out: JSON
# {"done": {queue id: what}, "tickets": [ids]}.
use strict;
use warnings;
use lib '/opt/rt/share/lib';
use JSON ();
use RT;
use MIME::Entity;

my ($mark, $most, @queues) = @ARGV;  # most: how many queues, those with most tickets; or: these, by id
RT::LoadConfig();
RT->Config->Set(LogToSTDERR => 'critical');
RT::Init();

sub message { return MIME::Entity->build(Type => 'text/plain', Charset => 'UTF-8', Data => [$_[0]]) }

my (%done, @tickets);
@queues = @{ $RT::Handle->dbh->selectcol_arrayref(
    "SELECT q.id FROM Queues q JOIN Tickets t ON t.Queue = q.id WHERE q.Disabled = 0 AND q.Name <> '___Approvals'"
    . ' GROUP BY q.id ORDER BY COUNT(*) DESC, q.id') } unless @queues;
splice @queues, $most if $most && @queues > $most;
for my $queue_id (sort { $a <=> $b } @queues) {
    my $queue = RT::Queue->new(RT->SystemUser);
    $queue->Load($queue_id);
    my $ticket = RT::Ticket->new(RT->SystemUser);
    my ($id, undef, $said) = $ticket->Create(
        Queue => $queue->id, Subject => "$mark queue " . $queue->id, MIMEObj => message("First words\n"),
        Requestor => ['new-customer@customers.example.test'], Cc => ['colleague@customers.example.test'],
    );
    my @done = $id ? 'create' : ();
    if ($id) {
        push @tickets, 0 + $id;
        push @done, 'answer' if ($ticket->Correspond(MIMEObj => message("An answer\n"), CcMessageTo => 'third@customers.example.test'))[0];
        push @done, 'comment' if ($ticket->Comment(MIMEObj => message("A remark\n")))[0];
        my ($solved) = grep { $queue->LifecycleObj->IsInactive($_) && $_ ne 'deleted' && $_ ne 'rejected' }
            $queue->LifecycleObj->Transitions($ticket->Status);
        push @done, "status $solved" if $solved && ($ticket->SetStatus($solved))[0];
    }
    $done{ $queue->id } = join ', ', @done;
}
print JSON->new->canonical->utf8->encode({ done => \%done, tickets => \@tickets }), "\n";
