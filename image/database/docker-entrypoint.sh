#!/bin/bash
# Start MariaDB or MySQL. At first start (empty data directory) make the database, the user and the time zone
# tables, then run what lies in /docker-entrypoint-initdb.d, as the official images do.
#
#   MARIADB_ or MYSQL_ ROOT_PASSWORD, ALLOW_EMPTY_ROOT_PASSWORD, RANDOM_ROOT_PASSWORD   one of them is needed
#   ... DATABASE, ROOT_HOST (where root may come from beside localhost; % without it)   optional
#   ... USER, PASSWORD                                                                  only together
# Each password and name may come from a file instead: MARIADB_ROOT_PASSWORD_FILE and so on. No hash stands for one.
#
# A start that cannot succeed ends with 64 and a sentence in the log. So does every one after a first start that was
# interrupted, until the data directory is emptied: a restart policy would only repeat it, so limit its attempts.
set -euo pipefail
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
defaults=/etc/mysql/container.cnf
unfinished="$data/.first-start"
# Another user than root may be named with `docker run --user`; it stays that one.
as_root=$([ "$(id -u)" -ne 0 ] || echo yes)

say() { printf 'entrypoint: %s\n' "$*" >&2; }
fail() { say "$*"; exit 64; }
is_mariadb() { command -v mariadbd >/dev/null; }

# setting NAME: the value of MARIADB_NAME or MYSQL_NAME, or the content of the file named by ..._FILE.
setting() {
    local product variable file
    for product in MARIADB MYSQL; do
        variable="${product}_$1"
        file="${variable}_FILE"
        if [ -n "${!variable:-}" ]; then printf '%s' "${!variable}"; return; fi
        if [ -n "${!file:-}" ]; then cat -- "${!file}"; return; fi
    done
}

server_program() { if is_mariadb; then echo mariadbd; else echo mysqld; fi; }
client_program() { if is_mariadb; then echo mariadb; else echo mysql; fi; }

# Quote for an SQL string literal.
quote() { local text=${1//\\/\\\\}; printf "'%s'" "${text//\'/\'\'}"; }
name() { printf '`%s`' "${1//\`/\`\`}"; }

make_data_directory() {
    if is_mariadb; then
        # The legacy name exists in every series that Debian carries.
        mysql_install_db --defaults-file="$defaults" --user="${as_root:+mysql}" --datadir="$data" \
            --auth-root-authentication-method=normal --skip-test-db "$@" >/dev/null
    else
        mysqld --defaults-file="$defaults" --initialize-insecure --datadir="$data" "$@"
    fi
}

first_client() { "$(client_program)" --no-defaults --protocol=socket -uroot -hlocalhost --socket="$socket" "$@"; }

time_zones() {
    local tool
    tool=$(command -v mariadb-tzinfo-to-sql || command -v mysql_tzinfo_to_sql) || return 0
    { if is_mariadb; then "$tool" --skip-write-binlog /usr/share/zoneinfo; else "$tool" /usr/share/zoneinfo; fi; } \
        2>/dev/null | first_client mysql
}

# All of it before anything is made: half a data directory is of no use, and its root has no password.
read_settings() {
    database=$(setting DATABASE); user=$(setting USER); password=$(setting PASSWORD)
    root_password=$(setting ROOT_PASSWORD); root_host=$(setting ROOT_HOST)
    root_host=${root_host:-%}
    if [ -n "$(setting RANDOM_ROOT_PASSWORD)" ]; then
        root_password=$(head -c 18 /dev/urandom | base64)
        say "random root password: $root_password"
    elif [ -z "$root_password" ] && [ -z "$(setting ALLOW_EMPTY_ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)" ]; then
        fail "the data directory is empty and no root password is given: set $(server_program | sed 's/d$//' | tr a-z A-Z)_ROOT_PASSWORD"
    fi
    [ "$user" != root ] || fail "USER is for another user than root: for root set ROOT_PASSWORD alone"
    [ -n "$user" ] || [ -z "$password" ] || say "PASSWORD is of no use without USER"
    [ -z "$user" ] || [ -n "$password" ] || say "the user $user is not made: set PASSWORD as well"
}

accounts() {
    # MariaDB's installer makes these, and without a password. A host may be called like the one that stays.
    echo "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';"
    [ "$HOSTNAME" = localhost ] || echo "DROP USER IF EXISTS 'root'@$(quote "$HOSTNAME");"
    [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS $(name "$database");"
    if [ -n "$user" ] && [ -n "$password" ]; then
        echo "CREATE USER $(quote "$user")@'%' IDENTIFIED BY $(quote "$password");"
        [ -z "$database" ] || echo "GRANT ALL ON $(name "${database//_/\\_}").* TO $(quote "$user")@'%';"
    fi
    if [ "$root_host" != localhost ]; then
        echo "CREATE USER 'root'@$(quote "$root_host") IDENTIFIED BY $(quote "$root_password");"
        echo "GRANT ALL ON *.* TO 'root'@$(quote "$root_host") WITH GRANT OPTION;"
    fi
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quote "$root_password");"
}

# Scripts find every setting under both names, wherever it came from; the server itself need not have them.
run_scripts() {
    local file each client=("$(client_program)" --no-defaults --protocol=socket -uroot -hlocalhost --socket="$socket")
    client+=(${database:+"$database"})
    export MYSQL_PWD="$root_password"
    for each in DATABASE USER PASSWORD ROOT_PASSWORD ROOT_HOST; do
        file=${each,,}
        export "MARIADB_$each=${!file}" "MYSQL_$each=${!file}"
    done
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) say "running $file"; if [ -x "$file" ]; then "$file"; else set +u; . "$file"; set -u; fi ;;
            *.sql) say "loading $file"; "${client[@]}" <"$file" ;;
            *.sql.gz) say "loading $file"; gzip -dc "$file" | "${client[@]}" ;;
            *.sql.xz) say "loading $file"; xz -dc "$file" | "${client[@]}" ;;
            *.sql.zst) say "loading $file"; zstd -dcq "$file" | "${client[@]}" ;;
            *"/*") ;; # the folder is empty
            *) say "passing over $file" ;;
        esac
    done
}

initialise() {
    read_settings
    touch "$unfinished"
    make_data_directory "$@"
    # This server listens on no port, so nobody takes it for the real one.
    local extra=()
    is_mariadb || extra=(--mysqlx=OFF)
    "$(server_program)" --defaults-file="$defaults" --skip-networking "${extra[@]}" "$@" &
    local server=$!
    until first_client -e 'SELECT 1' >/dev/null 2>&1; do
        kill -0 $server 2>/dev/null || { wait $server || fail "the server ended with status $? at first start"; }
        sleep 0.1
    done
    time_zones
    accounts | first_client
    (run_scripts)
    kill -TERM $server
    wait $server
    rm "$unfinished"
}

# The server's own name before its options is as good as none; any other program is run as it is.
case "${1:-server}" in
    server | mariadbd | mysqld) [ $# -eq 0 ] || shift ;;
    -*) ;;
    *) exec "$@" ;;
esac
case " $* " in
    *" --help "* | *" --version "* | *" -V "*) ;; # it serves nothing, so it needs no database
    *)
        [ -z "$as_root" ] || chown mysql:mysql "$data" /run/mysqld
        [ -w "$data" ] || fail "$data must be writable for user $(id -u)"
        # What is there may be the user's own, so it is not removed; and served it would have a root without password.
        [ ! -e "$unfinished" ] || fail "the first start in this data directory was interrupted: empty it and start again"
        if [ ! -d "$data/mysql" ]; then initialise "$@"; fi
        ;;
esac
exec "$(server_program)" --defaults-file="$defaults" "$@"
