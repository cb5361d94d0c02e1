#!/usr/bin/env bash
# Installs the named command-line tools by the system's package manager where that is allowed; else says what to type.
set -euo pipefail
# Debian keeps PostgreSQL's programs off the PATH.
has() { command -v "$1" > /dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" > /dev/null; }
package_of() { case "$1" in initdb) echo postgresql ;; pip3) echo python3-pip ;; *) echo "$1" ;; esac }
missing=()
for tool in "$@"; do has "$tool" || missing+=("$(package_of "$tool")"); done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo > /dev/null && sudo -n true 2> /dev/null; then as_root=(sudo -n); else as_root=(false); fi
fi

if command -v apt-get > /dev/null; then install='apt-get install -y'
elif command -v dnf > /dev/null; then install='dnf install -y'
elif command -v apk > /dev/null; then install='apk add'
elif command -v brew > /dev/null; then install='brew install'; as_root=()
else install=''; fi

if [ -n "$install" ] && [ "${as_root[0]:-}" != false ]; then
  echo "Installing ${missing[*]} …" >&2
  if [ "${install%% *}" = apt-get ]; then ${as_root[@]+"${as_root[@]}"} apt-get update -qq; fi
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive ${as_root[@]+"${as_root[@]}"} $install "${missing[@]}" > /dev/null
fi

for tool in "$@"; do
  if ! has "$tool"; then
    echo "Tessera needs ${tool}. Install it, then run this again${install:+:   sudo $install ${missing[*]}}" >&2
    exit 1
  fi
done
