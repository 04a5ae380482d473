# Read after all of the site's own files, on every copy that the harness makes of a site. Whatever the site's
# configuration says, a copy writes to nobody, works on its own database, answers at its own address, logs where it
# can be read, and asks no directory for accounts and no storage for attachments: none of these can be reached, or
# may be.
# (No `use strict`: RT's options are variables that nobody declares.)
Set($MailCommand, 'sendmailpipe');
Set($SendmailPath, $ENV{RT_MAIL_COMMAND} || '/opt/rt/mail-sink');
Set($SendmailArguments, '-oi -t');
Set($SendmailBounceArguments, '-oi -t');

# The database is the one of the mounted secret. Site files name the one in production.
{
    my %database;
    if (open my $secret, '<', '/opt/share/docker/secrets/rt/rt-db') {
        while (my $line = <$secret>) {
            $database{$1} = $2 if $line =~ /^\s*RT_DB_([A-Z]+)=(.*?)[\r\n]*\z/;
        }
    }
    Set($DatabaseType,     $database{TYPE} || 'mysql');
    Set($DatabaseHost,     $database{HOST} || '127.0.0.1');
    Set($DatabasePort,     $database{PORT} || '3306');
    Set($DatabaseName,     $database{NAME} || 'rt');
    Set($DatabaseUser,     $database{USER} || 'rt');
    Set($DatabasePassword, $database{PASSWORD} // '');
    Set($DatabaseAdmin,    $database{USER} || 'rt');
    RT->Config->Set('DatabaseExtraDSN');
}

{
    my $tls = $ENV{RT_TLS} // 0;
    my ($domain, $usual) = ($ENV{SERVER_NAME} || 'localhost', $tls ? 443 : 80);
    my $port = $ENV{SERVER_PORT} || $usual;
    my $base = ($tls ? 'https' : 'http') . "://$domain" . ($port == $usual ? '' : ":$port");
    Set($WebDomain, $domain);
    Set($WebPort, $port);
    # The guard refuses to serve below another path; what the site sets is kept for who says so before the deploy.
    $Harness::WebPath = RT->Config->Get('WebPath') // '';
    Set($WebPath, '');
    Set($WebBaseURL, $base);
    Set($WebURL, "$base/");
    Set($WebSecureCookies, $tls ? 1 : 0);
    Set($WebRemoteUserAuth, 0);
    Set($WebFallbackToRTLogin, 1);
}
Set($ExternalAuthPriority, []);
Set($ExternalInfoPriority, []);
# Not Set(%...), which adds to a hash. Of a storage that is not there RT complains at every start. What kind it would
# be is kept for who asks whether this release has what that needs (harness/checks/perl/probe.pl).
{
    my $storage = RT->Config->Get('ExternalStorage');
    $Harness::Storage = $storage->{Type} if ref $storage eq 'HASH' && $storage->{Type};
}
RT->Config->Set('ExternalStorage');

Set($LogToSTDERR, $ENV{RT_LOG_LEVEL} || 'warning');
Set($LogToSyslog, undef);
Set($LogToFile, undef);

# From RT 5 on options may stand in the database as well, where they win over every file.
unless (defined &RT::Config::HarnessSetFromAnywhere) {
    no warnings 'redefine';
    *RT::Config::HarnessSetFromAnywhere = \&RT::Config::SetFromConfig;
    *RT::Config::SetFromConfig = sub {
        my ($self, %args) = @_;
        if ($args{Database} && ${ $args{Option} } eq 'ExternalStorage') {
            my %storage = @{ $args{Value} };
            $Harness::Storage = $storage{Type} if $storage{Type};
        }
        return 1 if $args{Database} && ${ $args{Option} } =~ /^(?:
            MailCommand | Sendmail\w* | MailParams | Database\w+ | LogTo\w+ | External(?:AuthPriority | InfoPriority | Storage)
            | Web(?:Domain | Port | Path | BaseURL | URL | SecureCookies | RemoteUserAuth | FallbackToRTLogin) )\z/x;
        return $self->RT::Config::HarnessSetFromAnywhere(%args);
    };
}
1;
