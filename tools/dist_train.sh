#!/usr/bin/env bash
# Train with several processes: dist_train.sh CONFIG GPUS [arguments of train.py]
# NNODES, NODE_RANK, MASTER_ADDR, PORT as in MMAction2; MAX_RESTARTS=n starts again up to n times, see docs/multi_node.md.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/launch.sh"
(($# >= 2)) || fail "usage: dist_train.sh CONFIG GPUS [arguments of train.py]"
config=$1 gpus=$2
shift 2
resume=()
if ((${MAX_RESTARTS:-0} > 0)) && [[ " $* " != *" --resume"* ]]; then
    resume=(--resume) # what a restarted process must do; a first start without checkpoints starts afresh
fi
launch train.py "$gpus" "$config" ${resume[@]+"${resume[@]}"} "$@"
