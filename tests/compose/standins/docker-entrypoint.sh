#!/bin/sh
# What the official images' entrypoints do, as far as docker-compose.yml relies on it: a new database with the user,
# password and name of POSTGRES_*, and no server that runs as root.
set -eu

as() { user=$1; shift; exec setpriv --reuid="$user" --regid="$user" --init-groups "$@"; }

case "${1:-postgres}" in
postgres)
    bin=$(echo /usr/lib/postgresql/*/bin)
    data=/var/lib/postgresql/data
    mkdir -p "$data"
    chown postgres: "$data" /run/postgresql
    chmod 700 "$data"
    if [ ! -s "$data/PG_VERSION" ]; then
        (
            printf %s "$POSTGRES_PASSWORD" >/tmp/password
            chown postgres: /tmp/password
            as postgres "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 \
                --auth-local=trust --encoding=UTF8 --locale=C.UTF-8
        )
        rm /tmp/password
        echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
        echo "CREATE DATABASE \"$POSTGRES_DB\"" |
            (as postgres "$bin/postgres" --single -D "$data" postgres) >/dev/null
    fi
    as postgres "$bin/postgres" -D "$data" -c listen_addresses='*'
    ;;
valkey-server | redis-server)
    chown -R valkey: /data
    cd /data
    as valkey "$@"
    ;;
*)
    exec "$@"
    ;;
esac
