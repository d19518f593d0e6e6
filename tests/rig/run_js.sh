#!/usr/bin/env bash
# The tests of the JavaScript that needs no page (webclient/js/lib).
set -euo pipefail
compgen -G 'tests/js/*.test.mjs' >/dev/null || { echo "No tests in tests/js."; exit 0; }
command -v node >/dev/null || { echo "The tests of the JavaScript need Node.js 20 or newer." >&2; exit 1; }
exec node --test tests/js/*.test.mjs
