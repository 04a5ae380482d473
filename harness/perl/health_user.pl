# Checks the account and the ticket that the site's health check uses, and creates an account to deploy a copy with.
# Arguments: the check's user and ticket, name and password of the account to create. Prints one line of JSON:
# doubts (reasons why the site's own check would fail) and ticket (one that the new account can see).
use strict;
use warnings;
use JSON::PP ();
use RT;
RT::LoadConfig();
RT->Config->Set(LogToSTDERR => 'critical');
RT::Init();
RT->Config->Set(BcryptCost => 4);

my ($user_name, $number, $name, $password) = @ARGV;
my @doubts;

my $ticket = RT::Ticket->new(RT->SystemUser);
$ticket->Load($number);
push @doubts, "there is no ticket $number" unless $ticket->id;

my $user = RT::User->new(RT->SystemUser);
$user->Load($user_name);
if (!$user->id) {
    push @doubts, "there is no user '$user_name'";
} elsif ($user->PrincipalObj->Disabled) {
    push @doubts, "the user '$user_name' is disabled";
} elsif ($ticket->id && !$user->HasRight(Right => 'ShowTicket', Object => $ticket)) {
    push @doubts, "the user '$user_name' may not see ticket $number";
}

if (!$ticket->id) {
    my $tickets = RT::Tickets->new(RT->SystemUser);
    $tickets->FromSQL('id > 0');
    $tickets->RowsPerPage(1);
    $ticket = $tickets->First // die "there is no ticket that a health check could read\n";
}
my $own = RT::User->new(RT->SystemUser);
my ($made, $message) = do {
    # A site's rules for passwords are for people: this account is on a copy. As with_any_password of
    # harness/checks/perl/guest.pl does, which is not loaded here.
    no warnings qw(once redefine);
    local *RT::User::ValidatePassword = sub { return 1 };
    $own->Create(Name => $name, Password => $password, Privileged => 1);
};
die "no account: $message\n" unless $made;
for my $right (qw(SeeQueue ShowTicket)) {
    ($made, $message) = $own->PrincipalObj->GrantRight(Right => $right, Object => RT->System);
    die "no right: $message\n" unless $made;
}
print JSON::PP::encode_json({ doubts => \@doubts, ticket => $ticket->id + 0 }), "\n";
