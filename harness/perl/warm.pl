# A Perl that has RT's modules in memory and runs programs in children: loading RT takes longer than they do.
# It opens no database: each program loads and initialises RT itself, as usual; only the configuration is already
# read, because RT's modules need it when they are loaded (RT::Record reads its base class from it).
#
# Input, one JSON object a line: {"id", "program", "arguments", "limit", "input": base64 of its standard input, if
# any}, or {"id", "end"} to end a program. Output, one JSON object a line:
# {"ready"}, then {"id", "stream": 1 or 2, "data": base64} as it arrives, and {"id", "code"} at a program's end; 124
# if its limit (seconds) ended it.
sub Warm::program { eval $_[0]; die $@ if $@ }    # here, so that a program begins without pragmas
# Compiled first, so this block runs last at the end of a process. Perl would now destroy a million values one by one,
# which takes as long as a program; _exit skips that. The exec, of a program that does not exist, is there because Perl
# flushes all its buffers before it.
END {
    if ($Warm::own && $Warm::own == $$) {
        my $code = $?;
        eval { $RT::Handle->dbh->disconnect if $RT::Handle && $RT::Handle->dbh };
        { no warnings 'exec'; exec { '/nowhere/at/all' } 'nothing' }
        POSIX::_exit($code);
    }
}
# A program may set its time in $Clock::now; time() must be replaced before RT's modules are compiled.
BEGIN { *CORE::GLOBAL::time = sub () { $Clock::now // CORE::time() } }
use strict;
use warnings;
use lib '/opt/rt/share/lib';
use IO::Select;
use MIME::Base64 ();
use POSIX ();
use RT;

RT::LoadConfig();
require RT::Handle;
require RT::CurrentUser;
RT::InitClasses();
require RT::I18N;
require RT::Lifecycle;
# Further modules that RT::Init and most programs load, if the release and the site have them.
for my $module (
    qw(DBD::mysql Log::Dispatch::Screen IPC::Run HTML::FormatText::W3m GD GraphViz RT::Lifecycle::Ticket
    RT::Lifecycle::Asset RT::Authen::ExternalAuth RT::Interface::Email::Action::Defaults RT::Action::SendEmail)
    )
{
    local $@;
    eval "require $module";
}
# Options and translations do not change between programs: reading both takes a quarter of a second, and reading
# translations twice takes two. A separate process begins without both.
RT::I18N->Init;
{
    no warnings 'redefine';
    *RT::LoadConfig = sub { return RT->Config };
    *RT::I18N::Init = sub { return 1 };
}

my ($encoder) = grep { eval "require $_" } qw(Cpanel::JSON::XS JSON::PP);
my $json = $encoder->new->utf8->canonical;
my (%child, %stream);    # pid -> {id, deadline, open}; file number of a pipe -> [handle, pid, stream]
my $input = IO::Select->new(\*STDIN);
my $rest  = '';

sub say_it {
    my $line = $json->encode({@_}) . "\n";
    while (length $line) { substr $line, 0, syswrite(STDOUT, $line) // POSIX::_exit(1), '' }
    return;
}

# Return an anonymous file with a program's standard input.
sub told {
    open my $file, '+>', undef or die "no file: $!";
    print {$file} $_[0];
    seek $file, 0, 0;
    return $file;
}

sub begin {
    my $asked = $json->decode($_[0]);
    if ($asked->{end}) { $_->{id} != $asked->{id} || ($_->{deadline} = 0) for values %child; return }
    utf8::encode($_) for $asked->{program}, @{ $asked->{arguments} };    # bytes, as in a separate process
    my @pipes;
    pipe($pipes[$_]{in}, $pipes[$_]{out}) or die "no pipe: $!" for 1, 2;
    my $pid = fork // die "no process: $!";
    if (!$pid) {
        open STDIN, '<&', told(MIME::Base64::decode($asked->{input} // ''));
        open STDOUT, '>&', $pipes[1]{out};
        open STDERR, '>&', $pipes[2]{out};
        STDERR->autoflush(1);
        $^T = time;
        srand;
        $Warm::own = $$;
        ($0, @ARGV) = ('-', @{ $asked->{arguments} });
        Warm::program($asked->{program});
        exit 0;
    }
    $child{$pid} = { id => $asked->{id}, deadline => time + $asked->{limit}, open => 2 };
    for my $number (1, 2) {
        close $pipes[$number]{out};
        $stream{ fileno $pipes[$number]{in} } = [$pipes[$number]{in}, $pid, $number];
        $input->add($pipes[$number]{in});
    }
    return;
}

# A program is over when it has ended and no process holds its output open any more.
sub finish {
    my ($pid) = @_;
    my $one = delete $child{$pid};
    waitpid $pid, 0;
    say_it(id => $one->{id}, code => $one->{late} ? 124 : $? & 127 ? 128 + ($? & 127) : $? >> 8);
    return;
}

sub hear {
    my ($handle) = @_;
    my (undef, $pid, $number) = @{ $stream{ fileno $handle } };
    if (sysread $handle, my $data, 65536) {
        return say_it(id => $child{$pid}{id}, stream => $number, data => MIME::Base64::encode($data, ''));
    }
    $input->remove($handle);
    delete $stream{ fileno $handle };
    close $handle;
    return --$child{$pid}{open} ? undef : finish($pid);
}

say_it(ready => 1);
while (1) {
    for my $handle ($input->can_read(0.5)) {
        if ($handle == \*STDIN) {
            sysread(STDIN, $rest, 65536, length $rest) or exit 0;
            begin($1) while $rest =~ s/\A([^\n]*)\n//;
        }
        else { hear($handle) }
    }
    for my $pid (grep { time > $child{$_}{deadline} } keys %child) {
        kill $child{$pid}{late}++ ? 'KILL' : 'TERM', $pid;
        $child{$pid}{deadline} = time + 5;
    }
}
