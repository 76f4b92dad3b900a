#!/bin/sh
# Write .env beside docker-compose.yml: random secrets of the deployment. Existing entries are kept, and those that a
# newer release needs are added.
set -eu
cd "$(dirname "$0")/.."
umask 077

random() { LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c "$1"; }
add() { grep -q "^$1=" .env || { echo "$1=$2" >>.env; added="$added $1"; }; }

added=
[ -e .env ] || cat >.env <<'END'
# The secrets of this deployment, created by `make env`. Keep a copy in a safe place: without SECRET_KEY the stored
# tokens of the fabrics cannot be read, and a backup of the database is worth less. Never commit this file.
END
chmod 600 .env
# A file that somebody has edited may end in the middle of a line.
[ -z "$(tail -c 1 .env)" ] || echo >>.env
add SECRET_KEY "$(random 64)"
add API_TOKEN_PEPPER "$(random 64)"
add DB_PASSWORD "$(random 32)"
add REDIS_PASSWORD "$(random 32)"
add REDIS_CACHE_PASSWORD "$(random 32)"
add SUPERUSER_NAME admin
add SUPERUSER_PASSWORD "$(random 24)"
if [ -n "$added" ]; then echo ".env: added$added."; else echo '.env: everything is there already.'; fi
