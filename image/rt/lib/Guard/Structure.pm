package Guard::Structure;

# What the tables themselves say, for databases whose history is absent or untrue: the schema that this
# RT would make (etc/schema.mysql) compared with the one that is there.
#
# Upgraded schemas differ from fresh ones in many harmless ways (text widths, index names, ASCII columns), so only
# what no upgrade leaves behind is looked at: tables, columns, integer widths, foreign keys, and the
# character set of whole tables.
use strict;
use warnings;

# The declarations in a schema file: {lower-case table => {name, charset, columns => {lower => {name, width}},
# keys => {lower => name}}}
sub declared {
    my ($path) = @_;
    my %tables;
    for my $statement (_statements($path)) {
        my ($name, $body, $rest) =
            $statement =~ /^\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?`?(\w+)`?\s*\((.*)\)(.*)\z/is or next;
        my $table = {name => $name, columns => {}, keys => {}};
        ($table->{charset}) = map { lc } $rest =~ /(?:CHARACTER\s+SET|CHARSET)\s*=?\s*(\w+)/i;
        for my $item (_items($body)) {
            if ($item =~ /FOREIGN\s+KEY\s*\(\s*`?(\w+)/i) { $table->{keys}{lc $1} = $1; next }
            next if $item =~ /^\s*(?:PRIMARY|UNIQUE|KEY|INDEX|FULLTEXT|CONSTRAINT)\b/i;
            my ($column, $type) = $item =~ /^\s*`?(\w+)`?\s+(\w+)/ or next;
            $table->{columns}{lc $column} = {name => $column, width => _width($type)};
        }
        $tables{lc $name} = $table;
    }
    # Keys may be declared on their own, after the table.
    for my $statement (_statements($path)) {
        $statement =~ /^\s*ALTER\s+TABLE\s+`?(\w+)`?.*FOREIGN\s+KEY\s*\(\s*`?(\w+)/is or next;
        $tables{lc $1}{keys}{lc $2} = $2 if $tables{lc $1};
    }
    %tables or die "No table is declared in $path.\n";
    return \%tables;
}

sub _statements {
    my ($path) = @_;
    open my $file, '<', $path or die "The schema $path cannot be read: $!.\n";
    my $text = do { local $/; <$file> };
    $text =~ s/(?:--|#).*$//mg;    # RT's schema files have no such characters outside comments
    $text =~ s{/\*.*?\*/}{}gs;
    return grep { /\S/ } split /;/, $text;
}

# Splits the inside of CREATE TABLE (...) at the commas that are not within parentheses.
sub _items {
    my ($body) = @_;
    my ($depth, @items) = (0, '');
    for my $character (split //, $body) {
        $depth += $character eq '(' ? 1 : $character eq ')' ? -1 : 0;
        if ($character eq ',' && !$depth) { push @items, '' } else { $items[-1] .= $character }
    }
    return @items;
}

# Bytes of an integer type of which RT's steps change the width, 0 for all other types.
sub _width { my ($type) = @_; return $type =~ /^bigint/i ? 8 : $type =~ /^int(?:eger)?\z/i ? 4 : 0 }

# MariaDB gives a table whose history it keeps a type of its own; to RT it is a table like any other.
my @TABLES = ('BASE TABLE', 'SYSTEM VERSIONED');

# The same shape, read from a live database. A column is also `demanded` when no row can be inserted without a value for
# it: code that does not know it cannot write to its table.
sub present {
    my ($dbh) = @_;
    my %tables;
    for my $row (@{ $dbh->selectall_arrayref(
        'SELECT table_name, table_collation FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_type IN (?, ?)', undef, @TABLES) }) {
        my ($charset) = ($row->[1] // '') =~ /^([a-z0-9]+)/;
        $tables{lc $row->[0]} = {name => $row->[0], charset => $charset, columns => {}, keys => {}};
    }
    for my $row (@{ $dbh->selectall_arrayref(
        'SELECT table_name, column_name, data_type, is_nullable, column_default, extra
         FROM information_schema.columns WHERE table_schema = DATABASE()') }) {
        my ($table, $column, $type, $nullable, $default, $extra) = @$row;
        next unless $tables{lc $table};
        $tables{lc $table}{columns}{lc $column} = {
            name => $column, width => _width($type),
            demanded => $nullable eq 'NO' && !defined $default && $extra !~ /auto_increment/i,
        };
    }
    for my $row (@{ $dbh->selectall_arrayref(
        'SELECT table_name, column_name FROM information_schema.key_column_usage
         WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL') }) {
        $tables{lc $row->[0]}{keys}{lc $row->[1]} = $row->[1] if $tables{lc $row->[0]};
    }
    return \%tables;
}

# Columns that the upgrade steps of this RT speak of, as {"table.column" => 1}: an old database may
# have kept one that a fresh schema no longer has.
sub spoken_of {
    my ($upgrade_directory) = @_;
    my %spoken;
    for my $path (glob "$upgrade_directory/*/schema.mysql*") {
        for my $statement (_statements($path)) {
            my ($table) = $statement =~ /\b(?:ALTER|CREATE)\s+TABLE\s+`?(\w+)/i or next;
            $spoken{lc "$table.$_"} = 1 for $statement =~ /(\w+)/g;
        }
    }
    return \%spoken;
}

my %SAME_CHARSET = (utf8 => 'utf8mb3');

sub _charset { my ($name) = @_; return $SAME_CHARSET{ $name // '' } // $name // '' }

# Compares. $accepted: {"table.column" => 1} in lower case, columns a site says it added itself. Returns lists of words:
#   missing   the code declares it, the database lacks it
#   strange   the database's RT tables have it, the code has never heard of it
#   wider, narrower   integers with another width than declared
#   charset   {same, older, newer} => [tables]; older: utf8mb3 where utf8mb4 is declared
sub differences {
    my ($declared, $present, $upgrade_directory, $accepted) = @_;
    my %found = (missing => [], strange => [], wider => [], narrower => [],
        charset => {same => [], older => [], newer => []});
    my $spoken;
    for my $key (sort keys %$declared) {
        my ($want, $have) = ($declared->{$key}, $present->{$key});
        if (!$have) { push @{ $found{missing} }, "table $want->{name}"; next }
        for my $column (sort keys %{ $want->{columns} }) {
            my ($wanted, $had) = ($want->{columns}{$column}, $have->{columns}{$column});
            my $words = "$want->{name}.$wanted->{name}";
            if (!$had) { push @{ $found{missing} }, "column $words"; next }
            next unless $wanted->{width} && $had->{width};
            push @{ $found{wider} },    $words if $had->{width} > $wanted->{width};
            push @{ $found{narrower} }, $words if $had->{width} < $wanted->{width};
        }
        for my $column (sort grep { !$want->{columns}{$_} } keys %{ $have->{columns} }) {
            next if $accepted->{"$key.$column"};
            $spoken //= spoken_of($upgrade_directory);
            next if $spoken->{"$key.$column"} && !$have->{columns}{$column}{demanded};
            push @{ $found{strange} }, "column $want->{name}.$have->{columns}{$column}{name}";
        }
        push @{ $found{missing} }, map { "foreign key on $want->{name}.$want->{keys}{$_}" }
            sort grep { !$have->{keys}{$_} } keys %{ $want->{keys} };
        push @{ $found{strange} }, map { "foreign key on $want->{name}.$have->{keys}{$_}" }
            sort grep { !$want->{keys}{$_} } keys %{ $have->{keys} };
        next if $key eq 'sessions';    # emptied and made anew by many sites
        my ($wanted, $had) = (_charset($want->{charset}), _charset($have->{charset}));
        my $which = $wanted eq $had ? 'same'
            : $wanted eq 'utf8mb4' && $had eq 'utf8mb3' ? 'older'
            : $wanted eq 'utf8mb3' && $had eq 'utf8mb4' ? 'newer' : next;
        push @{ $found{charset}{$which} }, $want->{name};
    }
    return \%found;
}

1;
