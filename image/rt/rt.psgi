# RT as a PSGI application, without the door to its installer.
use strict;
use warnings;
use lib '/opt/rt/share/lib';

require RT;

# RT's server goes into install mode when the database does not answer while it starts, and stays there
# until a restart: anyone could then set RT up anew. Root can write every file, so the file's mode does
# not prevent it; here it ends the start instead.
if (($ENV{RT_GUARD} // 'on') ne 'off') {
    no warnings 'redefine';
    *RT::InstallMode = sub {
        my ($class, $wanted) = @_;
        die "the database went away while RT was starting.\n" if $wanted;
        return 0;
    };
}

my $application = do '/opt/rt/share/libexec/rt-server';
die $@ if $@;
die "run: cannot read RT's server script: $!\n" unless ref $application;
$application;
