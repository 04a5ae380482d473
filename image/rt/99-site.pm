# What a small university's RT needs, and nothing that belongs to one queue.
# Everything that differs between deployments comes from the environment or from mounted secrets;
# a site's own files in /opt/rt/site.d/*.pm are read after this one and win.
# (No `use strict`: RT's options are variables that nobody declares.)
use lib '/opt/rt/lib';
use SiteSecrets;

my $tls = $ENV{RT_TLS} // 0;

# Names. The organization is part of every link stored in the database: it must stay what it was there.
Set($rtname,       $ENV{RT_NAME}         || 'rt.example.org');
Set($Organization, $ENV{RT_ORGANIZATION} || 'example.org');

# Where people reach it.
Set($WebDomain,  $ENV{SERVER_NAME} || 'localhost');
Set($WebPort,    $ENV{SERVER_PORT} || ($tls ? 443 : 80));
Set($WebPath,    '');
Set($WebBaseURL, ($tls ? 'https' : 'http') . '://' . RT->Config->Get('WebDomain')
    . (RT->Config->Get('WebPort') == ($tls ? 443 : 80) ? '' : ':' . RT->Config->Get('WebPort')));
# From 5.0.4 RT marks its cookie as https only; over plain http a login would silently be forgotten.
Set($WebSecureCookies, $tls ? 1 : 0);

# The database. Without settings RT points at a name that cannot exist, never at some default server.
my $use_own_database = sub {
    my $database = SiteSecrets::database() || {};
    Set($DatabaseType,     $database->{RT_DB_TYPE} || 'mysql');
    Set($DatabaseHost,     $database->{RT_DB_HOST} || 'no-rt-db-secret.invalid');
    Set($DatabaseRTHost,   '%');
    Set($DatabasePort,     $database->{RT_DB_PORT} || '3306');
    Set($DatabaseName,     $database->{RT_DB_NAME} || 'rt');
    Set($DatabaseUser,     $database->{RT_DB_USER} || 'rt');
    Set($DatabasePassword, $database->{RT_DB_PASSWORD} // '');
    Set($DatabaseAdmin,    $database->{RT_DB_USER} || 'rt');
};
$use_own_database->();

# Sessions live in the database, so that any instance can continue what another one began.
Set($WebSessionClass, 'Apache::Session::MySQL');

# Mail goes to a program. The default appends it to a file and sends nothing to anybody: a restored copy
# of real data must never write to real people. A real site names its sendmail in RT_MAIL_COMMAND.
Set($MailCommand,       'sendmailpipe');
Set($SendmailPath,      $ENV{RT_MAIL_COMMAND} || '/opt/rt/mail-sink');
Set($SendmailArguments, '-oi -t');
Set($CorrespondAddress, 'rt@' . RT->Config->Get('Organization'));
Set($CommentAddress,    'rt-comment@' . RT->Config->Get('Organization'));
Set($OwnerEmail,        'rt-owner@' . RT->Config->Get('Organization'));
Set($UseFriendlyToLine, 1);
Set($NotifyActor,       1);
Set($LoopsToRTOwner,    0);

# Behaviour a university help desk expects.
Set($Timezone,               $ENV{TZ} || 'UTC');
Set($MaxAttachmentSize,      50 * 1024 * 1024);
Set($MaxInlineBody,          24 * 1024);
Set($OldestTransactionsFirst, 1);
Set($AutoLogoff,             0);
Set($MinimumPasswordLength,  8);

# A container's log is its standard error.
Set($LogToSyslog, undef);
Set($LogToFile,   undef);
Set($LogToSTDERR, $ENV{RT_LOG_LEVEL} || 'warning');

# The site's own word is the last.
for my $file (sort glob '/opt/rt/site.d/*.pm') {
    local ($@, $!);
    my $result = do $file;
    die "The site's configuration $file is wrong: $@" if $@;
    die "The site's configuration $file cannot be read: $!\n" if !defined $result && !-r $file;
}

# Except in a scratch deploy, which is of the definition in production and so has the site's own files. Whatever those
# name, it works on the database of the secrets that it was given, and sends nothing to anybody.
if ($ENV{RT_SCRATCH}) {
    $use_own_database->();
    RT->Config->Set('DatabaseExtraDSN');    # Set(%...) would add to it
    Set($MailCommand,             'sendmailpipe');
    Set($SendmailPath,            '/opt/rt/mail-sink');
    Set($SendmailArguments,       '-oi -t');
    Set($SendmailBounceArguments, '-oi -t');

    # From RT 5 on options may stand in the database as well, where they win over every file.
    unless (defined &RT::Config::SetUnlessScratch) {
        no warnings 'redefine';
        *RT::Config::SetUnlessScratch = \&RT::Config::SetFromConfig;
        *RT::Config::SetFromConfig = sub {
            my ($config, %option) = @_;
            return 1 if $option{Database} && ${ $option{Option} } =~ /^(?:MailCommand|MailParams|Sendmail\w*|Database\w+)\z/;
            return $config->RT::Config::SetUnlessScratch(%option);
        };
    }
}

1;
