#!/usr/bin/env bash
# Test with several processes: dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]
# NNODES, NODE_RANK, MASTER_ADDR, PORT as in MMAction2; see docs/multi_node.md.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
(($# >= 3)) || fail "usage: dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]"
config=$1 checkpoint=$2 gpus=$3
shift 3
launch test.py "$gpus" "$config" "$checkpoint" "$@"
