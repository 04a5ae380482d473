# Whoever a site is tried with: the account and the queue of guest.pl, and a customer with a ticket in that queue.
# Writes; give it a copy. Arguments: name, password, ids of people who get that password so that their homepages can be
# opened. Out: one line, whether $NotifyActor is on (1 or 0), the customer's name, the ticket's number, the ids of those
# people who got it.
use strict;
use warnings;
use lib '/opt/rt/share/lib';
use MIME::Entity;
use RT;

my ($name, $password, @people) = @ARGV;
RT::LoadConfig();
RT->Config->Set(LogToSTDERR => 'critical');
RT::Init();
GUEST

my (undef, $queue) = guest($name, $password);

# No scrip of the site's hears of the ticket: where it would go, and who would get mail for it, is asked elsewhere.
RT->Config->Set(UseTransactionBatch => 0);
my $customer = RT::User->new(RT->SystemUser);
my ($good, $message) = with_any_password(sub { $customer->Create(
    Name => "$name-customer", Password => $password, EmailAddress => "$name-customer\@harness.example.test") });
die "no customer: $message\n" unless $good;
for my $right (qw(SeeQueue ShowTicket)) {
    ($good, $message) = $customer->PrincipalObj->GrantRight(Right => $right, Object => $queue);
    die "no right to see: $message\n" unless $good;
}
my $ticket = RT::Ticket->new(RT::CurrentUser->new($customer->id));
($good, undef, $message) = $ticket->Create(
    Queue => $queue->id, Subject => 'A question', Requestor => [$customer->id], _RecordTransaction => 0);
die "no ticket: $message\n" unless $good;
$ticket->_NewTransaction(Type => 'Create', ActivateScrips => 0,
    MIMEObj => MIME::Entity->build(Type => 'text/plain', Charset => 'UTF-8', Data => ["First words\n"]));
my @able = grep {
    my $user = RT::User->new(RT->SystemUser);
    $user->Load($_);
    # A site's own code may forbid it, or die of it.
    $user->id && $user->Privileged && eval { (with_any_password(sub { $user->SetPassword($password) }))[0] };
} @people;
print join(' ', RT->Config->Get('NotifyActor') ? 1 : 0, $customer->Name, $ticket->id, @able), "\n";
