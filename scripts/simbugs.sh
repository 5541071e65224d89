#!/usr/bin/env bash
# Plants every seeded bug into copies of the product's sources, builds the simulation over the copies, and counts the
# seeds until it notices each (decision 0013). YUNSHI_DEFECT picks bugs by a part of their name, YUNSHI_SEEDS bounds
# the seeds (200), YUNSHI_SAVE names a folder for the shortest script that shows each.
set -euo pipefail
cd "$(dirname "$0")/.."
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT
YUNSHI_PLANT="$copies" go test -count=1 -run TestEveryDefectHasItsPlace ./internal/sim
go test -count=1 -tags simbug -overlay "$copies/overlay.json" -timeout 60m -v -run TestEveryDefectIsCaught ./internal/sim
