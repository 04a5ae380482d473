# Code that lives in the data: RT compiles it, and loads the modules that it names, only when it is needed, and then a
# line in the log is all that tells of its end. Told of each is one word; what it is, and what Perl says of it, stays
# here. Last of the subjects: what modules do as they are loaded must not change what others say.
use File::Find ();
use constant { LOADS => 'loads', BROKEN => 'does not load' };

sub quietly {
    my ($code) = @_;
    local ($@, $SIG{__WARN__}, $SIG{__DIE__}) = ('', sub { }, 'DEFAULT');
    # What is loaded may print, and even end: neither may get between what is told here, or end it.
    no warnings 'once';
    local *CORE::GLOBAL::exit = sub (;$) { die "exit\n" };
    local *STDOUT;
    open STDOUT, '>', '/dev/null' or die "no /dev/null: $!";
    return eval { $code->() } ? LOADS : BROKEN;
}

# As RT does it: by name, from wherever the site's own libraries are.
sub module_loads {
    my ($class) = @_;
    return quietly(sub { $class =~ /\A\w+(?:::\w+)*\z/ && eval "require $class; 1" });
}

# CompileCheck returns nothing of interest where all is well, else a message that quotes the code.
sub compiles {
    my ($object) = @_;
    return quietly(sub { my ($good, $message) = $object->CompileCheck; $good || !defined $message });
}

# What of the site's own configuration Perl can find: its lib, and that of each plugin that it names. _Local and its like
# load with their class; Test is for a plugin's own tests, whose modules no site has.
sub own_modules {
    my %found;
    for my $folder ($RT::LocalLibPath, grep { index($_, "$RT::LocalPluginPath/") == 0 } RT->PluginDirs('lib')) {
        next unless -d $folder;
        File::Find::find({ no_chdir => 1, follow_fast => 1, wanted => sub {
            my $name = substr $_, 1 + length $folder;
            $found{$name} = 1 if $name =~ /\.pm\z/ && $name !~ m{_(?:Local|Overlay|Vendor)\.pm\z|(?:\A|/)Test(?:/|\.pm\z)} && -f;
        } }, $folder);
    }
    return sort keys %found;
}

push @SUBJECTS, [code => sub {
    my %used = map { ($_ => 1) } identifiers('SELECT DISTINCT Scrip FROM ObjectScrips');
    for my $scrip (grep { $used{ $_->id } && !$_->__Value('Disabled') } all_of('RT::Scrips')) {
        my ($action, $condition) = map { $_->ExecModule // '' } $scrip->ActionObj, $scrip->ConditionObj;
        say_of(code => 'scrip ' . $scrip->id, {
            code => compiles($scrip),
            action => module_loads("RT::Action::$action"),
            condition => module_loads("RT::Condition::$condition"),
        });
    }
    for my $template (grep { ($_->__Value('Type') // '') eq 'Perl' } all_of('RT::Templates')) {
        say_of(code => 'template ' . $template->id, { code => compiles($template) });
    }
    for my $field (grep { !$_->__Value('Disabled') } all_of('RT::CustomFields')) {
        my %modules = (values => 'ValuesClass', canonicalizer => 'CanonicalizeClass');
        my %named = map { ($_ => $field->_Accessible($modules{$_} => 'read') ? $field->__Value($modules{$_}) : '') } keys %modules;
        my %fields = map { ($_ => module_loads($named{$_})) } grep { $named{$_} } keys %named;
        say_of(code => 'custom field ' . $field->id, \%fields) if %fields;
    }
    # What no row names: jobs of the site's own name such modules, and other modules do.
    for my $name (own_modules()) {
        say_of(code => "module $name", { code => quietly(sub { require $name }) });
    }
}];
