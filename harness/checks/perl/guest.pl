# Gives a password of the harness's own, whatever the site's rules for passwords are: $MinimumPasswordLength, or code of
# User_Local.pm. Both ways to a password, Create and SetPassword, ask this method. harness/perl/health_user.pl does the
# same.
sub with_any_password {
    my ($code) = @_;
    no warnings qw(once redefine);
    local *RT::User::ValidatePassword = sub { return 1 };
    return $code->();
}

# Somebody to try a site with: an account that may do everything, and a queue that takes everybody's mail. They have
# one name, for both are the same on both sides. Needs RT's modules, initialised. Writes.
sub guest {
    my ($name, $password) = @_;
    RT->Config->Set(BcryptCost => 4);
    my $user = RT::User->new(RT->SystemUser);
    my ($good, $message) = with_any_password(sub { $user->Create(
        Name => $name, Password => $password, EmailAddress => "$name\@harness.example.test", Privileged => 1) });
    die "no account: $message\n" unless $good;
    ($good, $message) = $user->PrincipalObj->GrantRight(Right => 'SuperUser', Object => RT->System);
    die "no rights: $message\n" unless $good;
    my $queue = RT::Queue->new(RT->SystemUser);
    ($good, $message) = $queue->Create(Name => $name, CorrespondAddress => "$name\@harness.example.test");
    die "no queue: $message\n" unless $good;
    my $everyone = RT::Group->new(RT->SystemUser);
    $everyone->LoadSystemInternalGroup('Everyone');
    for my $right (qw(CreateTicket ReplyToTicket)) {
        ($good, $message) = $everyone->PrincipalObj->GrantRight(Right => $right, Object => $queue);
        die "no right to write: $message\n" unless $good;
    }
    return ($user, $queue);
}
