#!/bin/sh
# What staging needs: a role that may make databases, and roles for sandboxes.
set -e
psql -q -v ON_ERROR_STOP=1 -v password="$(cat "${SECRETS:-/run/dbmimic}/staging_owner")" <<'SQL'
CREATE ROLE dbmimic_owner LOGIN CREATEDB CREATEROLE PASSWORD :'password';
SQL
