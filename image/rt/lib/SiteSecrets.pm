package SiteSecrets;

# Reads the secrets a deployment mounts. They are data: no shell ever sees them.
use strict;
use warnings;

our $DIRECTORY = '/opt/share/docker/secrets/rt';

my %KNOWN = map { $_ => 1 } qw(
    RT_DB_TYPE RT_DB_HOST RT_DB_PORT RT_DB_NAME RT_DB_USER RT_DB_PASSWORD
);

# The settings in the file `rt-db` as a hash reference; undef where there is no such file.
# One KEY=VALUE a line, the value taken as it stands up to the end of the line; blank lines and lines
# that begin with # are skipped. Dies with one sentence, never showing a value, when it cannot be used.
sub database {
    my $path = "$DIRECTORY/rt-db";
    return undef unless -e $path;
    open my $file, '<', $path or die "The database settings $path cannot be read: $!.\n";
    my %settings;
    while (my $line = <$file>) {
        $line =~ s/[\r\n]+\z//;
        next if $line =~ /^\s*(?:#|\z)/;
        my ($key, $value) = $line =~ /^\s*([A-Z_]+)=(.*)\z/
            or die "The database settings $path have no KEY=VALUE on line $.\n";
        die "The database settings $path have an unknown key $key on line $.\n" unless $KNOWN{$key};
        $settings{$key} = $value;
    }
    close $file;
    for my $key (qw(RT_DB_HOST RT_DB_NAME RT_DB_USER RT_DB_PASSWORD)) {
        die "The database settings $path lack $key.\n" unless length($settings{$key} // '');
    }
    return \%settings;
}

# First line of a secret file; undef where there is none.
sub first_line {
    my ($name) = @_;
    open my $file, '<', "$DIRECTORY/$name" or return undef;
    my $line = <$file> // '';
    close $file;
    $line =~ s/[\r\n]+\z//;
    return $line;
}

1;
