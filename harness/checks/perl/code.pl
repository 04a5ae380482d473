# Code that lives in the data: RT compiles it, and loads the modules that it names, only when it is needed, and then a
# line in the log is all that tells of its end. Told of each is one word; what it is, and what Perl says of it, stays
# here. Last of the subjects: what modules do as they are loaded must not change what others say.
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
}];
