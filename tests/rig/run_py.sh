#!/usr/bin/env bash
# The Python tests. Without arguments: first what needs no browser, on every core; then the browsers, one test at a time,
# because two calls at once would starve each other (tried on two cores: no time is won). With arguments: just that.
set -uo pipefail
python=.venv/bin/python
seconds=${TEST_SECONDS:-2700}
if [ $# -gt 0 ]; then
  exec timeout --foreground --signal=INT --kill-after=30 "$seconds" $python -m pytest "$@"
fi
status=0
timeout --foreground --signal=INT --kill-after=30 "$seconds" $python -m pytest -q -m "not browser" -n "$(nproc)" || status=$?
seconds=$((seconds - SECONDS > 60 ? seconds - SECONDS : 60))
timeout --foreground --signal=INT --kill-after=30 "$seconds" $python -m pytest -q -m browser || status=$?
exit "$status"
