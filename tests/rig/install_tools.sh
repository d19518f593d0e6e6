#!/usr/bin/env bash
# The programs that the tests drive and that pip does not have: a browser with its fonts, a PostgreSQL server, networks, a
# TURN server.
# Installs what is missing where it may (Debian, as root); else says how, and fails.
set -euo pipefail
missing=()
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing+=(chromium fonts-liberation)
if [ -z "${PG_BIN:-}" ] && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then missing+=(postgresql); fi
if [ "$(id -u)" -eq 0 ]; then  # networks of the tests' own, which only root may make
  command -v ip >/dev/null || missing+=(iproute2)
  command -v iptables >/dev/null || missing+=(iptables)
  [ -x /usr/sbin/haproxy ] || missing+=(haproxy)
  if [ -n "${TEST_LONG:-}" ] && ! [ -x /usr/bin/firefox-esr ]; then missing+=(firefox-esr); fi
fi
command -v turnserver >/dev/null || missing+=(coturn)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]} ..."
  export DEBIAN_FRONTEND=noninteractive
  # the tests start their own; Debian's service would take the relay's port
  if [[ " ${missing[*]} " == *" coturn "* && -d /run/systemd/system ]]; then systemctl mask --quiet coturn; fi
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "The tests need ${missing[*]}: install them (Debian: sudo apt-get install ${missing[*]}), or say where they are with CHROMIUM=/path/to/chromium and PG_BIN=/path/of/initdb's/folder." >&2
  exit 1
fi
