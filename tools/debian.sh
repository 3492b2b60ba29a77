#!/usr/bin/env bash
# Installs the Debian packages the tests need, when they are missing and we are root.
set -eu
missing=()
command -v chromium >/dev/null || missing+=(chromium)
compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || command -v postgres >/dev/null || missing+=(postgresql)
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing+=(prometheus)
command -v softhsm2-util >/dev/null || missing+=(softhsm2)
compgen -G "/usr/lib/*/faketime/libfaketimeMT.so.1" >/dev/null || missing+=(faketime)
command -v pkcs11-tool >/dev/null || missing+=(opensc)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "the tests need these programs, which are missing: ${missing[*]}" >&2
	echo "on Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "installing for the tests: ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
