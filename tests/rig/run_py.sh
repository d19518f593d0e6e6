#!/usr/bin/env bash
# The Python tests. Without arguments: first what needs no browser, then browsers that judge no times, each on every core; then
# the calls whose frames and seconds are measured, one at a time, because two at once would starve each other. With arguments:
# just that.
set -uo pipefail
python=.venv/bin/python
seconds=${TEST_SECONDS:-1500}
if [ $# -gt 0 ]; then
  exec timeout --foreground --signal=INT --kill-after=30 "$seconds" $python -m pytest "$@"
fi
status=0
part() {
  local left=$((seconds - SECONDS > 60 ? seconds - SECONDS : 60))
  timeout --foreground --signal=INT --kill-after=30 "$left" $python -m pytest -q -m "$@" || status=$?
}
part "not browser" -n "$(nproc)"
part "browser and not alone" -n "$(nproc)"
part "browser and alone"
exit "$status"
