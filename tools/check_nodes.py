"""Let the nodes of a training agree before torchrun starts; dist_train.sh and dist_test.sh call this tool.

Node 0 listens at MASTER_ADDR:PORT. The other nodes send it their start settings, and all nodes get the same verdict: no
output, or one line and exit code 1. With one node, the tool only checks that the port is free. It uses the standard library
alone, so that it costs no time.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from typing import Any

from tool_start import ToolParser

_LAST_PORT = 65535
_SILENT = 10.0  # seconds after which a connection that says nothing is none of a node


class Refused(Exception):
    """The fault, in one line."""


def listen(address: str, port: int) -> socket.socket:
    """A socket at the port that torchrun is to have."""
    server = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((address, port))
        server.listen(128)  # here, too: two processes can bind a port at the same moment, and one of them can listen
    except OSError as error:
        server.close()
        raise Refused(
            f'{address}:{port} cannot be opened on node 0 ({error.strerror}): is PORT in use by another training, and '
            'MASTER_ADDR an address of node 0?'
        ) from None
    return server


def conflict(nodes: list[dict[str, Any]]) -> str | None:
    """Find the contradiction between the start settings of the nodes."""
    first = nodes[0]
    for node in nodes[1:]:
        for key in ('NNODES', 'GPUS', 'MAX_RESTARTS'):
            if node[key] != first[key] and not (key == 'GPUS' and first['MAX_RESTARTS'] == 0):
                return (
                    f'node {node["NODE_RANK"]} ({node["host"]}) was started with {key}={node[key]}, node 0 with '
                    f'{key}={first[key]}; start all nodes with the same'
                )
    ranks = [node['NODE_RANK'] for node in nodes]
    for rank in set(ranks):
        if ranks.count(rank) > 1:
            hosts = ' and '.join(node['host'] for node in nodes if node['NODE_RANK'] == rank)
            return f'NODE_RANK={rank} was given twice ({hosts}); give each node its own from 0 to {first["NNODES"] - 1}'
    return None


def hear(link: socket.socket, me: dict[str, Any]) -> dict[str, Any] | None:
    """The start settings that come over a connection. None if it is not of a node, such as that of a port scanner."""
    link.settimeout(_SILENT)
    try:
        node = json.loads(link.makefile('r').readline(4096))
    except (OSError, ValueError):  # silent, or gone; a node tries again
        return None
    return node if isinstance(node, dict) and node.keys() >= me.keys() else None


def gather(me: dict[str, Any], address: str, port: int, wait: float) -> None:
    """Node 0: hear the others, tell them the verdict."""
    server, nodes, links, end = listen(address, port), [me], [], time.monotonic() + wait
    verdict = None
    while len(nodes) < me['NNODES'] and verdict is None:
        server.settimeout(max(end - time.monotonic(), 0.01))
        try:
            link, _ = server.accept()
        except TimeoutError:
            there = sorted(node['NODE_RANK'] for node in nodes)
            missing = sorted(set(range(me['NNODES'])) - set(there))
            verdict = f'NODE_RANK {missing} did not come to {address}:{port} within {wait:g} s; there are {there}'
            break
        node = hear(link, me)
        if node is None:
            link.close()
            continue
        nodes.append(node)
        links.append(link)
        verdict = conflict(nodes)
    server.close()  # before the verdict, so that nobody takes this socket for torchrun's
    for node, link in zip(nodes[1:], links):
        try:
            link.sendall(json.dumps(verdict or '').encode() + b'\n')
        except OSError:
            verdict = verdict or f'node {node["NODE_RANK"]} ({node["host"]}) has left; start all nodes again'
        link.close()
    if verdict:
        raise Refused(verdict)


def report(me: dict[str, Any], address: str, port: int, wait: float) -> None:
    """Another node: tell node 0, hear the verdict."""
    end = time.monotonic() + wait
    while True:
        try:
            with socket.create_connection((address, port), timeout=5) as link:
                link.sendall(json.dumps(me).encode() + b'\n')
                link.settimeout(max(end - time.monotonic(), 0.01) + 5)
                answer = json.loads(link.makefile('r').readline(4096))
            if isinstance(answer, str):
                break
        except (OSError, ValueError):  # not there yet, or another program
            pass
        if time.monotonic() > end:
            raise Refused(
                f'node 0 was not found at {address}:{port} within {wait:g} s: is NODE_RANK=0 started, and are '
                'MASTER_ADDR and PORT the same on all nodes?'
            )
        time.sleep(0.2)
    if answer:
        raise Refused(answer)


def parse_args() -> argparse.Namespace:
    example = '--nodes 2 --node-rank 0 --address 10.0.0.1 --port 29500 --processes 8 --restarts 0'
    parser = ToolParser(__doc__, f'python tools/check_nodes.py {example}')
    for name, text in (
        ('nodes', 'number of nodes'),
        ('node-rank', 'number of this node, from 0'),
        ('port', 'port at which node 0 listens'),
        ('processes', 'processes on this node'),
        ('restarts', 'MAX_RESTARTS, the same on all nodes'),
    ):
        parser.add_argument(f'--{name}', type=int, required=True, help=text)
    parser.add_argument('--address', required=True, help='address of node 0')
    parser.add_argument('--wait', type=float, default=300.0, help='seconds that nodes wait for each other')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    me = dict(
        NODE_RANK=args.node_rank,
        NNODES=args.nodes,
        GPUS=args.processes,
        MAX_RESTARTS=args.restarts,
        host=socket.gethostname(),
    )
    try:
        if not 1 <= args.port <= _LAST_PORT:
            raise Refused(f'PORT={args.port}: expected a number from 1 to {_LAST_PORT}')
        if args.node_rank == 0:
            gather(me, args.address, args.port, args.wait)
        else:
            report(me, args.address, args.port, args.wait)
    except Refused as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
