# What the target release makes of the site's configuration and of the database as it is now, without changing it.
# Arguments: the upgrade steps that are to be applied, oldest first. Out: one JSON object; RT's log on standard error.
use strict;
use warnings;
use lib '/opt/rt/share/lib';
use JSON ();
use RT;

my @steps = @ARGV;
my %found;

# The lifecycles as they are when RT has read the files, and the options in its database where there are any.
sub lifecycles {
    my $all = RT->Config->Get('Lifecycles') || {};
    my %known = map { my $one = $all->{$_}; ($_ => [map { @{ $one->{$_} || [] } } qw(initial active inactive)]) }
        grep { ref $all->{$_} eq 'HASH' && !/^__/ } keys %$all;
    return \%known;
}

# What the release cannot load of what reads attachments that are kept outside of the database: {module: why}. As RT
# looks for the engine, and what the engine's source then asks for; it is not begun, for it would connect. The copy
# itself has no storage (harness/perl/last.pm).
sub storage {
    my $type = $Harness::Storage;
    my @modules = grep { /^\w+(?:::\w+)*\z/ } $type, "RT::ExternalStorage::$type";
    my ($engine, $why) = (undef, '');
    for my $module (@modules) {
        $engine //= $module if eval "require RT::ExternalStorage; require $module; 1";
        $why = $@ unless $engine;
    }
    return { $type => $why } unless $engine;
    (my $file = "$engine.pm") =~ s{::}{/}g;
    open my $source, '<', $INC{$file} or return {};
    my $text = do { local $/; <$source> };
    my %missing;
    for my $module ($text =~ /\b([A-Z]\w*(?:::\w+)*)->require\b/g, $text =~ /\bRequireModule\(\s*["']([\w:]+)["']/g) {
        $missing{$module} = $@ unless eval "require $module; 1";
    }
    return \%missing;
}

# How many users have chosen a theme that this release has no folder for. Read without RT's own objects, which would
# log each preference that is broken.
sub themes {
    require MIME::Base64;
    require RT::Interface::Web;
    require Storable;
    my @roots = RT::Interface::Web->StaticRoots;
    my ($count, %there) = (0);
    my $all = $RT::Handle->dbh->selectcol_arrayref(
        "SELECT Content FROM Attributes WHERE Name = 'Pref-RT::System-1' AND ObjectType = 'RT::User'");
    for my $content (@$all) {
        my $chosen = eval { Storable::thaw(MIME::Base64::decode_base64($content // '')) };
        my $theme = ref $chosen eq 'HASH' && $chosen->{WebDefaultStylesheet} or next;
        $there{$theme} //= grep { -d "$_/css/$theme" } @roots;
        $count++ unless $there{$theme};
    }
    return $count;
}

sub finish {
    print JSON->new->canonical->utf8->encode(\%found), "\n";
    exit 0;
}

# The configuration, and the modules of the plugins that it names. RT ends itself where either is wrong.
my $settled = eval { RT::LoadConfig(); 1 };
$found{configuration} = $settled ? '' : "$@";
finish() unless $settled;
$found{web_path} = $Harness::WebPath;
RT->Config->Set(LogToSTDERR => 'warning');
# Now, for RT turns the search off where the database does not have the table.
my %search = RT->Config->Get('FullTextSearch');
$found{index} = $search{Table} if $search{Enable} && $search{Indexed};
my @named = RT->Config->Get('Plugins');
$found{plugins} = \@named;
for my $name (@named) {
    next if eval { require RT::Plugin; RT::Plugin->can('new'); (my $file = "$name.pm") =~ s{::}{/}g;
        local @INC = (@INC, glob "/opt/rt/site.d/plugins/*/lib"); require $file; 1 };
    ($found{missing}{$name}) = split /\n/, "$@";
}
finish() if $found{missing};
$found{configuration} = eval { RT::InitPluginPaths() if RT->can('InitPluginPaths'); RT::InitClasses(); 1 } ? '' : "$@";
finish() if $found{configuration};

# RT as the first step that inserts data will start it: with what later steps bring along so that RT can start at all
# on tables that are not yet its own. Where no step does, as it starts on the database as it is.
my ($first) = grep { -e "/opt/rt/upgrade/$steps[$_]/content" } 0 .. $#steps;
my $start = sub {
    require RT::Handle;
    $RT::Handle = RT::Handle->new;
    $RT::Handle->Connect;
    # Tables that RT reads as it starts, where there are none yet, are left out by rt-setup-database as well.
    my %tables = map { lc $_ => 1 } @{ $RT::Handle->dbh->selectcol_arrayref('SHOW TABLES') };
    RT::Init(map { ("Skip$_" => 1) } grep { !$tables{lc $_} } qw(CustomRoles Configurations));
};
for my $step (defined $first ? @steps[$first + 1 .. $#steps] : ()) {
    my $path = "/opt/rt/upgrade/$step/backcompat-preinit";
    open my $file, '<', $path or next;
    my $text = do { local $/; <$file> };
    my $wrapper = eval "sub {\n# line 1 $path\n$text\n}" or die $@;
    my $inner = $start;
    $start = sub { $wrapper->($inner) };
}
my $begun = eval { $start->(); 1 };
$found{start} = $begun ? '' : "$@";
$found{lifecycles} = lifecycles();
# Only a fact: where they cannot be read, all else is told nevertheless.
$found{themes} = eval { themes() } if $begun;
# Last, for the database may name it as well.
$found{storage} = storage() if $Harness::Storage;
finish();
