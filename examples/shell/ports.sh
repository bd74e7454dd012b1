#!/bin/sh
# All ports of a project by one request, all or none, as lines of NAME_PORT=12345. In a script:
#   vars=$(./ports.sh myapp) || exit 1
#   eval "$vars"
# PORTLEASE_SOCKET=FILE goes over the daemon's Unix socket (`portlease status` says where it is), which wants no token.
# ../README.md says what to set when the daemon answers elsewhere or wants its token. Needs curl 7.76 and python3.
set -eu

project=${1:-shell-example}
services='{"services": {"api": {}, "db": {"protocol": "tcp"}, "web": {}}}'

# A token is not for the list of processes: curl reads it from its standard input.
authorization() {
  if [ -n "${PORTLEASE_TOKEN:-}" ]; then printf 'Authorization: Bearer %s\n' "$PORTLEASE_TOKEN"; fi
}

url=${PORTLEASE_URL:-http://127.0.0.1:62893}
set -- --silent --show-error --fail-with-body --max-time 10 --noproxy '*'
if [ -n "${PORTLEASE_SOCKET:-}" ]; then
  url=http://localhost
  set -- "$@" --unix-socket "$PORTLEASE_SOCKET"
fi

answer=$(authorization | curl "$@" --request PUT --header @- --header 'Content-Type: application/json' \
  --data "$services" "$url/v1/projects/$project") || {
  failure=$?
  # Curl has said what failed. 7: nobody is there. 22: the daemon refuses, and its answer says why.
  case $failure in
    7) echo "error: no portlease daemon at ${PORTLEASE_SOCKET:-$url}" >&2 ;;
    22) printf '%s' "$answer" | python3 -c '
import json, sys
problem = json.load(sys.stdin)
print("error:", problem["detail"])
if problem.get("hint"): print("hint:", problem["hint"])' >&2 ;;
  esac
  exit "$failure"
}

printf '%s' "$answer" | python3 -c '
import json, re, sys
for lease in json.load(sys.stdin)["leases"]:
    name = re.sub("[^A-Z0-9]", "_", lease["service"].upper())
    print("%s_PORT=%d" % (name, lease["port"]))'
