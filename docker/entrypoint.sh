#!/bin/sh
# Run what a container of the image is there for:
#   netbox                     bring the database up to date, then serve NetBox on port 8080 (the default)
#   rqworker …, rqscheduler …  wait until the database is migrated as this image needs it, then run that command
#   hedgehog_sync watch         the same
#   anything else              run that command unchanged: python manage.py …, sh
set -eu

case "${1:-netbox}" in
netbox)
    python /opt/netbox/docker/prepare.py
    base="${BASE_PATH:-}"
    base="${base#/}"
    base="${base%/}"
    exec granian --interface wsgi --host 0.0.0.0 --port 8080 \
        --workers "${WEB_WORKERS:-2}" --blocking-threads "${WEB_THREADS:-4}" --backpressure 64 \
        --respawn-failed-workers --workers-kill-timeout 30 --log-level "${WEB_LOG_LEVEL:-info}" \
        --static-path-route "${base:+/$base}/static" --static-path-mount /opt/netbox/netbox/static \
        netbox.wsgi:application
    ;;
rqworker | rqscheduler | hedgehog_sync)
    # Left by a process that ran before a restart of the container: what waits for the database is not healthy yet.
    # Only an empty file is a life sign: anything else that the variable names, by mistake, is kept.
    [ -s "${HEDGEHOG_LIFE_SIGN:-}" ] || rm -f "${HEDGEHOG_LIFE_SIGN:-}"
    python manage.py hedgehog_sync ready --wait
    exec python manage.py "$@"
    ;;
*)
    exec "$@"
    ;;
esac
