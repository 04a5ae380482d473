#!/bin/sh
# The bare minimum of an upgrade, by hand: server from prepared data, rt-setup-database, Apache, one request, and the
# removal of all that. Nothing is checked. Prints a moment of time for each stage.
# Arguments: server image, prepared volume, RT image, from, to, database password.
set -eu
server=$1 prepared=$2 rt=$3 from=$4 to=$5 password=$6
name=rt-bare-$$
secrets=$(mktemp -d)
mark() { echo "$1 $(date +%s.%N)"; }
finish() {
    docker rm -fv "$name-site" "$name-db" >/dev/null 2>&1 || :
    docker volume rm "$name" >/dev/null 2>&1 || :
    docker network rm "$name" >/dev/null 2>&1 || :
    rm -rf "$secrets"
    mark removed
}
trap finish EXIT
trap 'exit 2' INT TERM HUP # else not every shell takes being ended for an end
mark begin
docker network create "$name" >/dev/null
docker volume create "$name" >/dev/null
docker run -d --name "$name-db" --network "$name" -v "$prepared:/prepared:ro" -v "$name:/var/lib/mysql" \
    --entrypoint sh "$server" -c 'cp -a /prepared/. /var/lib/mysql/ && rm -f /var/lib/mysql/auto.cnf && exec docker-entrypoint.sh server' >/dev/null
until docker exec -e MYSQL_PWD="$password" "$name-db" sh -c \
    '$(command -v mariadb || command -v mysql) --no-defaults --protocol=TCP -h127.0.0.1 -urt rt -e "SELECT 1"' >/dev/null 2>&1
do :; done
mark server
printf 'RT_DB_HOST=%s\nRT_DB_NAME=rt\nRT_DB_USER=rt\nRT_DB_PASSWORD=%s\n' "$name-db" "$password" >"$secrets/rt-db"
docker run --rm --network "$name" -v "$secrets:/opt/share/docker/secrets/rt:ro" "$rt" \
    rt-setup-database --action upgrade --force --skip-create --upgrade-from "$from" --upgrade-to "$to" >/dev/null
mark upgraded
docker run -d --name "$name-site" --network "$name" -p 127.0.0.1::80 \
    -v "$secrets:/opt/share/docker/secrets/rt:ro" "$rt" >/dev/null
address=$(docker port "$name-site" 80 | head -1)
until curl -fsS -H 'Host: localhost' "http://$address/" 2>/dev/null | grep -q 'name="user"'; do :; done
mark served
