#!/bin/bash
# Start MariaDB or MySQL. At first start (empty data directory) make the database, the user and the time zone
# tables, then run what lies in /docker-entrypoint-initdb.d, as the official images do.
#
#   MARIADB_ or MYSQL_ ROOT_PASSWORD, ALLOW_EMPTY_ROOT_PASSWORD, RANDOM_ROOT_PASSWORD   one of them is needed
#   ... DATABASE, USER, PASSWORD                                                        optional
# Each password and name may come from a file instead: MARIADB_ROOT_PASSWORD_FILE and so on.
set -euo pipefail
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
defaults=/etc/mysql/container.cnf

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
        mysql_install_db --defaults-file="$defaults" --user=mysql --datadir="$data" \
            --auth-root-authentication-method=normal --skip-test-db >/dev/null
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

accounts() {
    local database user password
    database=$(setting DATABASE); user=$(setting USER); password=$(setting PASSWORD)
    [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS $(name "$database");"
    if [ -n "$user" ]; then
        echo "CREATE USER $(quote "$user")@'%' IDENTIFIED BY $(quote "$password");"
        [ -z "$database" ] || echo "GRANT ALL ON $(name "${database//_/\\_}").* TO $(quote "$user")@'%';"
    fi
    echo "CREATE USER 'root'@'%' IDENTIFIED BY $(quote "$root_password");"
    echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
    echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quote "$root_password");"
}

run_scripts() {
    local file client=("$(client_program)" --no-defaults --protocol=socket -uroot -hlocalhost --socket="$socket")
    export MYSQL_PWD="$root_password"
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) say "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) say "loading $file"; "${client[@]}" "$(setting DATABASE)" <"$file" ;;
            *.sql.gz) say "loading $file"; gzip -dc "$file" | "${client[@]}" "$(setting DATABASE)" ;;
            *.sql.xz) say "loading $file"; xz -dc "$file" | "${client[@]}" "$(setting DATABASE)" ;;
            *.sql.zst) say "loading $file"; zstd -dcq "$file" | "${client[@]}" "$(setting DATABASE)" ;;
            *"/*") ;; # the folder is empty
            *) say "passing over $file" ;;
        esac
    done
    unset MYSQL_PWD
}

initialise() {
    root_password=$(setting ROOT_PASSWORD)
    if [ -n "$(setting RANDOM_ROOT_PASSWORD)" ]; then
        root_password=$(head -c 18 /dev/urandom | base64)
        say "random root password: $root_password"
    elif [ -z "$root_password" ] && [ -z "$(setting ALLOW_EMPTY_ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)" ]; then
        fail "the data directory is empty and no root password is given: set $(server_program | sed 's/d$//' | tr a-z A-Z)_ROOT_PASSWORD"
    fi
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
    run_scripts
    kill -TERM $server
    wait $server
}

if [ "${1:-server}" = server ] || [ "${1#-}" != "$1" ]; then
    [ "${1:-}" != server ] || shift
    chown mysql:mysql "$data" /run/mysqld
    if [ ! -d "$data/mysql" ]; then initialise "$@"; fi
    exec "$(server_program)" --defaults-file="$defaults" "$@"
fi
exec "$@"
