# What a release's own pages consist of, and where they call the site's callbacks. No arguments, nothing of RT is
# loaded. Out: one JSON object: files, components by path with their SHA-256; hooks, [page, hook], "*" for what is
# only known at run time.
use strict;
use warnings;
use Digest::SHA ();
use File::Find ();
use JSON ();

my ($html, $lib) = ('/opt/rt/share/html', '/opt/rt/share/lib');
my (%files, %hooks);

# The value of an argument: a string, '*' for other code, undef where it is not given.
sub value {
    my ($call, $name) = @_;
    return $call =~ /\b$name['"]?\s*=>\s*(?:(['"])([^'"\$\@]*)\1|)/ ? $2 // '*' : undef;
}

sub look {
    my $path = $File::Find::name;
    return unless -f $path;
    open my $file, '<:raw', $path or die "$path: $!\n";
    my $text = do { local $/; <$file> } // '';
    my $own;
    if ($path =~ m{^\Q$html\E(/.*)}s) {
        $own = $1;
        $files{$own} = Digest::SHA::sha256_hex($text);
    }
    while ($text =~ /->\s*callback\s*(\((?:[^()]++|(?1))*\))/g) {
        my $call = $1;
        my $page = value($call, 'CallbackPage') // $own // '*';
        $hooks{"$page\0" . (value($call, 'CallbackName') || 'Default')} = 1;
    }
}

File::Find::find({ wanted => \&look, no_chdir => 1 }, $html, $lib);
print JSON->new->canonical->utf8->encode({ files => \%files, hooks => [map { [split /\0/] } sort keys %hooks] });
