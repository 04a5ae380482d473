package Guard::Release;

# Release numbers, and the upgrade steps that an RT installation carries.
use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(upstream compare newest steps_of %IDLE %UNRECORDED);

# Debian's packages upgrade a database by dbconfig-common: a script for each of their own versions, in
# /usr/share/dbconfig-common/scripts/request-tracker*/upgrade/mysql/. Those leave out steps that change nothing on
# MySQL and MariaDB, so no history of such a site tells of them:
#   4.2.8   its one function returns at once unless the type is Oracle; the scripts go 4.2.6 -> 4.2.7, 4.2.9 -> 4.2.10
#   5.0.6   all of its file `indexes` is in a condition on the type Pg; they go 5.0.4 -> 5.0.5, 5.0.6 -> 5.0.8
our %IDLE = map { $_ => 1 } qw(4.2.8 5.0.6);

# The scripts of their 4.0 call `--action schema` and `--action insert` for one file after the other, and only an
# insertion is written into the history. These steps have no data to insert, and their scripts come before the one
# that inserts that of 4.0.18.
our %UNRECORDED = map { $_ => 1 } qw(4.0.12 4.0.13);

# "5.0.3+dfsg-3~deb12u6" -> "5.0.3"; '' where there is no number.
sub upstream {
    my ($text) = @_;
    my ($number) = ($text // '') =~ /^\s*(\d+(?:\.\d+)*(?:(?:alpha|beta|pre|rc)\d+)?)/;
    return $number // '';
}

# Three-way comparison; a test release comes before the release it leads to (4.0.0rc2 < 4.0.0).
sub compare {
    my ($left, $right) = map { [_parts($_)] } @_;
    for my $index (0 .. ($#$left > $#$right ? $#$left : $#$right)) {
        my $order = ($left->[$index] // 0) <=> ($right->[$index] // 0);
        return $order if $order;
    }
    return 0;
}

sub _parts {
    my ($text) = @_;
    my %rank = (alpha => -4, beta => -3, pre => -2, rc => -1);
    return map { $rank{$_} // $_ } upstream($text) =~ /(\d+|alpha|beta|pre|rc)/g;
}

sub newest { my @sorted = sort { compare($a, $b) } @_; return $sorted[-1] // '' }

# The step directories in an etc/upgrade directory, oldest first. (What is not named like a release
# there is a script or an extension's own upgrade.)
sub steps_of {
    my ($directory) = @_;
    opendir my $handle, $directory or die "The upgrade steps in $directory cannot be read: $!.\n";
    my @steps = grep { /^\d+\.\d+\.\d+(?:(?:alpha|beta|pre|rc)\d+)?\z/ && -d "$directory/$_" } readdir $handle;
    closedir $handle;
    @steps or die "There are no upgrade steps in $directory.\n";
    return sort { compare($a, $b) } @steps;
}

1;
