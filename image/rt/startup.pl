# Loads RT into the Apache parent, so that workers share its memory and the first request is quick.
# Apache's own words for a failure here are long; what RT said is what an operator needs.
use strict;
use warnings;
use POSIX ();
use Apache2::ServerUtil ();
use Plack::Handler::Apache2;

# Apache configures itself twice and throws the first result away: RT is loaded the second time only.
return 1 if Apache2::ServerUtil::restart_count() < 2;

# mod_perl begins with an empty environment: a site's configuration would read other values here than in the guard
# and in RT's tools, which might mean another database. Plack takes all of %ENV for what a request brought, so names
# that a request may leave out must not come from elsewhere; HOME is root's, where no worker may look.
my $OF_A_REQUEST = qr/^(?:HTTP_.+ | HTTPS | AUTH_TYPE | CONTENT_(?:LENGTH|TYPE) | PATH_(?:INFO|TRANSLATED) | QUERY_STRING
    | REMOTE_(?:ADDR|HOST|IDENT|PORT|USER) | REQUEST_(?:METHOD|SCHEME|URI) | SCRIPT_(?:FILENAME|NAME|URI|URL)
    | psgix?\..+ | plack\..+ | MOD_PERL.* | HOME)\z/x;
my @filled;
{
    open my $environment, '<', '/proc/self/environ' or do {
        syswrite STDERR, "run: refusing to serve: /proc/self/environ cannot be read: $!\n";
        POSIX::_exit(78);
    };
    local $/ = "\0";
    while (my $entry = <$environment>) {
        chomp $entry;
        my ($name, $value) = split /=/, $entry, 2;
        next if !defined $value || $name eq '' || exists $ENV{$name} || $name =~ $OF_A_REQUEST;
        $ENV{$name} = $value;
        push @filled, $name;
    }
}

eval { Plack::Handler::Apache2->preload('/opt/rt/rt.psgi'); 1 } or do {
    my $reason = "$@";
    my $database_gone = $reason =~ /database went away/;
    $reason =~ s/^Error while loading \S+: //;
    $reason =~ s/ \(you may need to install.*| \(\@INC.*//s;
    $reason =~ s/\s+/ /g;
    syswrite STDERR, "run: refusing to serve: $reason\n";
    POSIX::_exit($database_gone ? 70 : 78);
};

# RT 5 shows its administrators the environment. The configuration has been read: passwords need not be in it any more.
delete @ENV{grep { /PASS|PWD|SECRET|TOKEN|KEY/i } @filled};
1;
