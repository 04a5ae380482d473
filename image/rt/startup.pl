# Loads RT into the Apache parent, so that workers share its memory and the first request is quick.
# Apache's own words for a failure here are long; what RT said is what an operator needs.
use strict;
use warnings;
use POSIX ();
use Apache2::ServerUtil ();
use Plack::Handler::Apache2;

# Apache configures itself twice and throws the first result away: RT is loaded the second time only.
return 1 if Apache2::ServerUtil::restart_count() < 2;

eval { Plack::Handler::Apache2->preload('/opt/rt/rt.psgi'); 1 } or do {
    my $reason = "$@";
    my $database_gone = $reason =~ /database went away/;
    $reason =~ s/^Error while loading \S+: //;
    $reason =~ s/ \(you may need to install.*| \(\@INC.*//s;
    $reason =~ s/\s+/ /g;
    syswrite STDERR, "run: refusing to serve: $reason\n";
    POSIX::_exit($database_gone ? 70 : 78);
};
1;
