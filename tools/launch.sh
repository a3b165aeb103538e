# Shared by dist_train.sh and dist_test.sh: checks NNODES, NODE_RANK, MASTER_ADDR, PORT, and runs a tool under torchrun.
# Options by environment:
#   PYTHON (python)  GPUS of each node are the tools' argument; without an accelerator they are CPU processes (gloo).
#   NNODES (1), NODE_RANK (0), MASTER_ADDR (127.0.0.1), PORT (29500; a free one where there is one node and PORT is unset)
#   MAX_RESTARTS (0)  elastic: after a failure all processes start again, dist_train.sh then with --resume
#   NODE_WAIT (300)   seconds that the nodes wait for each other

fail() {
    echo "error: $*" >&2
    exit 1
}

whole_number() { # name, value, least
    [[ $2 =~ ^[0-9]+$ ]] && ((10#$2 >= $3)) || fail "$1=$2: expected a whole number from $3"
}

launch() { # tool, processes on this node, arguments of the tool
    local tool=$1 processes=$2
    shift 2
    local here nodes=${NNODES:-} rank=${NODE_RANK:-} address=${MASTER_ADDR:-} port=${PORT:-} restarts=${MAX_RESTARTS:-0}
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    PYTHON=${PYTHON:-python}
    whole_number GPUS "$processes" 1
    whole_number NNODES "${nodes:=1}" 1
    whole_number MAX_RESTARTS "$restarts" 0
    [[ -n $port ]] && whole_number PORT "$port" 1
    if ((nodes > 1)); then
        [[ -n $rank ]] || fail "NNODES=$nodes, but NODE_RANK is not set: give each node its own, from 0 to $((nodes - 1))"
        [[ -n $address ]] || fail "NNODES=$nodes, but MASTER_ADDR is not set: give all nodes the address of node 0"
    fi
    whole_number NODE_RANK "${rank:=0}" 0
    ((rank < nodes)) || fail "NODE_RANK=$rank: expected 0 to $((nodes - 1)) for NNODES=$nodes"
    address=${address:-127.0.0.1}
    if ((nodes > 1)) || [[ -n $port ]]; then
        # Static addresses as in MMAction2: node 0 opens PORT, and the nodes first agree on what they are about to do.
        "$PYTHON" "$here/check_nodes.py" --nodes "$nodes" --node-rank "$rank" --address "$address" \
            --port "${port:=29500}" --processes "$processes" --restarts "$restarts" --wait "${NODE_WAIT:-300}" || exit 1
    fi
    local rendezvous
    if ((nodes == 1)) && [[ -z $port ]]; then
        rendezvous=(--standalone)
    elif ((restarts > 0)); then
        rendezvous=(--rdzv-backend=c10d --rdzv-id="${RDZV_ID:-auxskd_mm}" --rdzv-endpoint="$address:$port"
            --rdzv-conf="is_host=$((rank == 0)),join_timeout=${NODE_WAIT:-300}" --local-addr="${LOCAL_ADDR:-$address}")
        ((rank > 0)) && [[ -z ${LOCAL_ADDR:-} ]] && unset 'rendezvous[4]'
    else
        rendezvous=(--node-rank="$rank" --master-addr="$address" --master-port="$port")
    fi
    # torchrun's own store still holds the addresses of the processes before a restart, and new ones would call those.
    ((restarts > 0)) && export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
    export AUXSKD_MM_PREEMPTED_FILE=${AUXSKD_MM_PREEMPTED_FILE:-$(mktemp -u)}
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
    "$PYTHON" -m torch.distributed.run --nnodes="$nodes" --nproc-per-node="$processes" --max-restarts="$restarts" \
        --shutdown-timeout="${SHUTDOWN_TIMEOUT:-300}" "${rendezvous[@]}" "$here/$tool" "$@" --launcher pytorch &
    local child=$! code=0
    # torchrun passes SIGTERM on to the processes, which save and leave.
    trap 'kill -TERM $child 2>/dev/null' TERM
    trap 'kill -INT $child 2>/dev/null' INT
    wait $child || code=$?
    while kill -0 $child 2>/dev/null; do # a trapped signal ends `wait`, not the child
        code=0
        wait $child || code=$?
    done
    if [[ -e $AUXSKD_MM_PREEMPTED_FILE ]]; then
        rm -f "$AUXSKD_MM_PREEMPTED_FILE"
        ((code == 0)) || exit 75 # EX_TEMPFAIL: start again with --resume
    fi
    exit $code
}
