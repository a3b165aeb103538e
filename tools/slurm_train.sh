#!/usr/bin/env bash
# Train under Slurm: slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of train.py]
# GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5), SRUN_ARGS as in MMAction2; GPUS_PER_NODE=0 takes CPUs, GPUS then counts
# processes. Add --resume and SRUN_ARGS='--signal=TERM@120' to jobs that are preempted: they save, leave with exit code 75
# and go on when they are started again.
set -u
if (($# < 3)); then
    echo "error: usage: slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of train.py]" >&2
    exit 1
fi
partition=$1 name=$2 config=$3
shift 3
gpus=${GPUS:-8} per_node=${GPUS_PER_NODE:-8}
for value in "$gpus" "$per_node"; do
    if ! [[ $value =~ ^[0-9]+$ ]]; then
        echo "error: GPUS=$gpus, GPUS_PER_NODE=$per_node: expected whole numbers" >&2
        exit 1
    fi
done
if ((per_node > 0 && gpus > per_node && gpus % per_node)); then
    echo "error: GPUS=$gpus does not divide into nodes of GPUS_PER_NODE=$per_node" >&2
    exit 1
fi
# A port of the job's own, the same on all its nodes.
export MASTER_PORT=${MASTER_PORT:-$((20000 + ${SLURM_JOB_ID:-$RANDOM} % 20000))}
resources=(--ntasks="$gpus")
((per_node > 0)) && resources+=(--gres=gpu:"$per_node" --ntasks-per-node="$((gpus < per_node ? gpus : per_node))")
# shellcheck disable=SC2086  # SRUN_ARGS is a list of words
exec srun -p "$partition" --job-name="$name" "${resources[@]}" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "${BASH_SOURCE[0]}")/train.py" "$config" --launcher slurm "$@"
