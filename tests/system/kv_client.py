#!/usr/bin/env python3
"""A client of rkv in plain Python, made from kv.x, RFC 5531 (RPC) and RFC 4506 (XDR) alone.

It is an example for those who write a client in another language, and a test that kv.x says all
that one has to know. It has three layers: Encoder and Decoder for XDR, TcpTransport and
UdpTransport for the bytes of a call and of its reply, and KvClient for the procedures of kv.x.

    kv_client.py [--udp] HOST PORT put KEY VALUE | get KEY | del KEY | replicas | status
"""

import secrets
import socket
import struct
import sys
import time
from typing import NamedTuple

# ---- kv.x ----------------------------------------------------------------------------------------

KV_PROG = 0x20006B76
KV_V1 = 1
NULL, PUT, GET, DEL, REPLICAS, STATUS, TXN, RANGE, SESSION = range(9)

KV_KEY_MAX = 1024
KV_VALUE_MAX = 1048576
KV_REASON_MAX = 511
KV_HOST_MAX = 255
KV_NAME_MAX = 63
KV_REPLICAS_MAX = 16
KV_COUNTERS_MAX = 64
KV_CLUSTER_ID_SIZE = 16
KV_STATE_HASH_SIZE = 16

KV_OK = 0
KV_NOT_FOUND = 1
KV_INVALID = 2
KV_PARTLY_APPLIED = 8
KV_USE_TCP = 13
KV_EXPIRED = 14

KV_REPLICATION_PAXOS = 2
KV_REPLICATION_2PC = 3
KV_IN_DOUBT_MAX = 16
STATUS_NAMES = (
    "KV_OK KV_NOT_FOUND KV_INVALID KV_UNAVAILABLE KV_UNKNOWN KV_DENIED KV_OVER_LIMIT KV_ERROR "
    "KV_PARTLY_APPLIED KV_BUSY KV_WRONG_CLUSTER KV_WRONG_REPLICA KV_WRONG_REPLICATION KV_USE_TCP "
    "KV_EXPIRED KV_REVISION_GONE"
).split()

# ---- RFC 5531, sections 9 and 11 -----------------------------------------------------------------

RPC_VERSION = 2
CALL, REPLY = 0, 1
MSG_ACCEPTED, MSG_DENIED = 0, 1
SUCCESS, PROG_UNAVAIL, PROG_MISMATCH, PROC_UNAVAIL, GARBAGE_ARGS, SYSTEM_ERR = range(6)
ACCEPT_NAMES = "SUCCESS PROG_UNAVAIL PROG_MISMATCH PROC_UNAVAIL GARBAGE_ARGS SYSTEM_ERR".split()
RPC_MISMATCH, AUTH_ERROR = 0, 1
AUTH_NONE = 0
AUTH_BODY_MAX = 400

LAST_FRAGMENT = 0x80000000
RECORD_MAX = KV_VALUE_MAX + 65536  # bytes of a reply that is taken
DATAGRAM_MAX = 65507  # bytes of a reply over UDP; rkvd sends fewer


class WireError(Exception):
    """The bytes that came are not what kv.x or RFC 5531 says."""


class RpcError(Exception):
    """The server's RPC layer refused the call: it was not run, but after SYSTEM_ERR it may have."""

    def __init__(self, name, low=None, high=None):
        super().__init__(name if low is None else f"{name}, {low} to {high} would do")
        self.name, self.low, self.high = name, low, high


class KvError(Exception):
    """The result has another status than KV_OK."""

    def __init__(self, status, reason="", replica=0, missing=()):
        name = STATUS_NAMES[status] if 0 <= status < len(STATUS_NAMES) else f"status {status}"
        super().__init__(f"{name}: {reason}")
        self.status, self.reason, self.replica, self.missing = status, reason, replica, missing


# ---- XDR -----------------------------------------------------------------------------------------


class Encoder:
    """Puts XDR items behind one another: big-endian, each a multiple of 4 bytes long."""

    def __init__(self):
        self.parts = []

    def uint(self, number):
        self.parts.append(struct.pack(">I", number))
        return self

    def uhyper(self, number):
        self.parts.append(struct.pack(">Q", number))
        return self

    def opaque(self, data):
        """Bytes of a variable number: the number, the bytes, zeros up to a multiple of 4."""
        self.parts.append(struct.pack(">I", len(data)) + data + bytes(-len(data) % 4))
        return self

    def extension(self):
        """kv_extension in this version: revision 0, and nothing behind it."""
        return self.uint(0)

    def bytes(self):
        return b"".join(self.parts)


class Decoder:
    """Takes XDR items from bytes. Nothing is believed: every length has a limit."""

    def __init__(self, data):
        self.data, self.offset = data, 0

    def take(self, count):
        if count > len(self.data) - self.offset:
            raise WireError(f"{count} bytes wanted at {self.offset}, of {len(self.data)}")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def uint(self):
        return struct.unpack(">I", self.take(4))[0]

    def int(self):
        """A number with a sign; an enum travels as one."""
        return struct.unpack(">i", self.take(4))[0]

    def uhyper(self):
        return struct.unpack(">Q", self.take(8))[0]

    def bool(self):
        number = self.uint()
        if number > 1:
            raise WireError(f"{number} is neither TRUE nor FALSE")
        return number == 1

    def fixed(self, count):
        """opaque NAME[count]"""
        data = self.take(count)
        if any(self.take(-count % 4)):
            raise WireError("the padding is not zero")
        return data

    def opaque(self, limit):
        count = self.uint()
        if count > limit:
            raise WireError(f"{count} bytes, where there may be {limit}")
        return self.fixed(count)

    def string(self, limit):
        return self.opaque(limit).decode("utf-8", "replace")

    def array(self, limit, item):
        count = self.uint()
        if count > limit:
            raise WireError(f"{count} items, where there may be {limit}")
        return [item() for _ in range(count)]

    def extension(self):
        if self.uint() != 0:
            raise WireError("an extension that this client has not asked for")

    def end(self):
        if self.offset != len(self.data):
            raise WireError(f"{len(self.data) - self.offset} bytes too many")


# ---- calls and replies ---------------------------------------------------------------------------


def encode_call(xid, program, version, procedure, args, rpc_version=RPC_VERSION, flavor=AUTH_NONE):
    """A call with an empty credential of this flavor and an empty verifier."""
    head = Encoder().uint(xid).uint(CALL).uint(rpc_version)
    head.uint(program).uint(version).uint(procedure)
    head.uint(flavor).opaque(b"").uint(AUTH_NONE).opaque(b"")
    return head.bytes() + args


def decode_reply(message):
    """The xid of a reply, and a Decoder at the result that is behind its head; for a call that was
    not run, an RpcError in its place."""
    reply = Decoder(message)
    xid = reply.uint()
    if reply.uint() != REPLY:
        raise WireError("this is not a reply")
    if reply.int() == MSG_DENIED:
        if reply.int() == RPC_MISMATCH:
            return xid, RpcError("RPC_MISMATCH", reply.uint(), reply.uint())
        return xid, RpcError(f"AUTH_ERROR {reply.int()}")
    reply.uint()  # the verifier's flavor
    reply.opaque(AUTH_BODY_MAX)
    how = reply.int()
    if how == SUCCESS:
        return xid, reply
    name = ACCEPT_NAMES[how] if 0 < how < len(ACCEPT_NAMES) else f"accept_stat {how}"
    if how == PROG_MISMATCH:
        return xid, RpcError(name, reply.uint(), reply.uint())
    return xid, RpcError(name)


class TcpTransport:
    """Messages as records of a TCP connection (RFC 5531, section 11). For one thread."""

    def __init__(self, host, port, timeout_s):
        self.socket = socket.create_connection((host, port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def exchange(self, message):
        """Sends a call and returns its reply."""
        self.send(message)
        while True:
            reply = self.receive()
            if reply[:4] == message[:4]:
                return reply

    def send(self, message):
        self.socket.sendall(struct.pack(">I", LAST_FRAGMENT | len(message)) + message)

    def receive(self):
        """The next record, from one fragment or several."""
        fragments, total, last = [], 0, False
        while not last:
            (mark,) = struct.unpack(">I", self.receive_bytes(4))
            last, size = bool(mark & LAST_FRAGMENT), mark & ~LAST_FRAGMENT
            total += size
            if total > RECORD_MAX:
                raise WireError(f"a record of more than {RECORD_MAX} bytes")
            fragments.append(self.receive_bytes(size))
        return b"".join(fragments)

    def receive_bytes(self, count):
        parts = []
        while count > 0:
            part = self.socket.recv(min(count, 65536))
            if not part:
                raise ConnectionError("the server has closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


class UdpTransport:
    """Messages as datagrams. A call is sent again until its reply comes, the same bytes from the same
    port: the replica knows it again then, within the bounds that kv.x states. For one thread."""

    FIRST_RETRY_S = 0.5

    def __init__(self, host, port, timeout_s):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        self.socket = socket.socket(*found[:3])
        self.socket.connect(found[4])
        self.timeout_s = timeout_s

    def close(self):
        self.socket.close()

    def exchange(self, message):
        """Sends a call and returns its reply. Other replies are late ones to earlier calls."""
        end = time.monotonic() + self.timeout_s
        retry_s = self.FIRST_RETRY_S
        while time.monotonic() < end:
            self.socket.send(message)
            resend = min(end, time.monotonic() + retry_s)
            retry_s *= 2
            while (left := resend - time.monotonic()) > 0:
                self.socket.settimeout(left)
                try:
                    reply = self.socket.recv(DATAGRAM_MAX)
                except TimeoutError:
                    break
                if reply[:4] == message[:4]:
                    return reply
        raise TimeoutError(f"no reply within {self.timeout_s} s")


# ---- the procedures of kv.x ----------------------------------------------------------------------


class Written(NamedTuple):
    key_version: int
    position: int


class Value(NamedTuple):
    value: bytes
    key_version: int
    position: int


class Replica(NamedTuple):
    id: int
    host: str
    client_port: int
    peer_port: int


class Peer(NamedTuple):
    id: int
    up: bool
    reason: str
    since_ms: int


class Ballot(NamedTuple):
    round: int
    replica: int


class PaxosStatus(NamedTuple):
    ballot: Ballot
    promised: Ballot
    chosen: int
    synced: int
    cut: int
    lease_ms: int
    elections: int
    election_age_ms: int
    log_bytes: int


class TransactionId(NamedTuple):
    coordinator: int
    incarnation: int
    number: int


class InDoubt(NamedTuple):
    id: TransactionId
    key: bytes
    since_ms: int


class TwoPcStatus(NamedTuple):
    coordinator: int
    waiting: int
    voting: int
    unfinished: int
    prepared: int
    in_doubt_count: int
    in_doubt: list
    conflicts: int
    aborted: int
    log_bytes: int


class Status(NamedTuple):
    cluster: bytes
    replica: int
    incarnation: int
    replication: str
    role: str
    leader: int
    applied: int
    durable: int
    protocol: NamedTuple  # PaxosStatus or TwoPcStatus; None of another replication protocol
    trouble: str
    keys: int
    software: str
    uptime_ms: int
    peers: list
    counters: dict
    state_hash: bytes  # None if it was not asked for


def encode_key(args, key):
    if not 1 <= len(key) <= KV_KEY_MAX:
        raise ValueError(f"a key has 1 to {KV_KEY_MAX} bytes, this one {len(key)}")
    return args.opaque(key)


def decode_written(result):
    written = Written(result.uhyper(), result.uhyper())
    result.extension()
    return written


def decode_session(result):
    first_sequence = result.uhyper()
    result.uint()  # which replication the cluster has
    result.extension()
    return first_sequence


def decode_value(result):
    value = Value(result.opaque(KV_VALUE_MAX), result.uhyper(), result.uhyper())
    result.extension()
    return value


def decode_replicas(result):
    """The id of the replica that answers, and all replicas."""
    self_id = result.uint()
    replicas = result.array(
        KV_REPLICAS_MAX,
        lambda: Replica(result.uint(), result.string(KV_HOST_MAX), result.uint(), result.uint()),
    )
    result.extension()
    return self_id, replicas


def decode_peer(result):
    return Peer(result.uint(), result.bool(), result.string(KV_REASON_MAX), result.uhyper())


def decode_state_hash(result):
    state_hash = result.fixed(KV_STATE_HASH_SIZE)
    result.uhyper()  # the position it stands for
    result.uhyper()  # the keys it covers
    return state_hash


def decode_in_doubt(result):
    return InDoubt(
        TransactionId(result.uint(), result.uhyper(), result.uhyper()),
        result.opaque(KV_KEY_MAX),
        result.uhyper(),
    )


def decode_protocol(result):
    replication = result.int()
    if replication == KV_REPLICATION_PAXOS:
        return PaxosStatus(
            Ballot(result.uhyper(), result.uint()),
            Ballot(result.uhyper(), result.uint()),
            *(result.uhyper() for _ in range(7)),
        )
    if replication == KV_REPLICATION_2PC:
        return TwoPcStatus(
            result.uint(),
            *(result.uhyper() for _ in range(5)),
            result.array(KV_IN_DOUBT_MAX, lambda: decode_in_doubt(result)),
            *(result.uhyper() for _ in range(3)),
        )
    return None


def decode_status(result):
    status = Status(  # in the order of the bytes
        cluster=result.fixed(KV_CLUSTER_ID_SIZE),
        replica=result.uint(),
        incarnation=result.uhyper(),
        replication=result.string(KV_NAME_MAX),
        role=result.string(KV_NAME_MAX),
        leader=result.uint(),
        applied=result.uhyper(),
        durable=result.uhyper(),
        protocol=decode_protocol(result),
        trouble=result.string(KV_REASON_MAX),
        keys=result.uhyper(),
        software=result.string(KV_NAME_MAX),
        uptime_ms=result.uhyper(),
        peers=result.array(KV_REPLICAS_MAX, lambda: decode_peer(result)),
        counters=dict(
            result.array(KV_COUNTERS_MAX, lambda: (result.string(KV_NAME_MAX), result.uhyper()))
        ),
        state_hash=decode_state_hash(result) if result.bool() else None,
    )
    result.extension()
    return status


def decode_result(result, decode_ok):
    """The arm of a result union; every status but KV_OK is raised."""
    status = result.int()
    if status == KV_OK:
        answer = decode_ok(result)
        result.end()
        return answer
    if status == KV_PARTLY_APPLIED:
        missing = result.array(KV_REPLICAS_MAX, result.uint)
        error = KvError(status, result.string(KV_REASON_MAX), missing=missing)
    else:
        error = KvError(status, result.string(KV_REASON_MAX), result.uint())
    result.extension()
    result.end()
    raise error


class KvClient:
    """The procedures of kv.x at one replica, one call at a time. For one thread: others have a
    client of their own. Raises KvError, RpcError, WireError, and OSError for what the network does.
    """

    def __init__(self, host, port, transport=TcpTransport, timeout_s=20.0):
        self.transport = transport(host, port, timeout_s)
        self.xid = secrets.randbits(32)
        self.client_id = secrets.randbits(63) | 1  # the top bit is not for clients; 0: no identity
        self.sequence = None  # of the last write; SESSION says where to begin
        self.calls = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.transport.close()

    def call(self, procedure, args=b"", program=KV_PROG, version=KV_V1, **head):
        """Calls a procedure with encoded arguments; returns a Decoder at its result."""
        self.xid = (self.xid + 1) & 0xFFFFFFFF
        self.calls += 1
        message = encode_call(self.xid, program, version, procedure, args, **head)
        _, result = decode_reply(self.transport.exchange(message))
        if isinstance(result, RpcError):
            raise result
        return result

    def operation(self):
        """The next kv_operation_id; with one call at a time, it is the first outstanding too."""
        self.sequence = self.session() if self.sequence is None else self.sequence + 1
        return Encoder().uhyper(self.client_id).uhyper(self.sequence).uhyper(self.sequence)

    def null(self):
        self.call(NULL).end()

    def put(self, key, value):
        if len(value) > KV_VALUE_MAX:
            raise ValueError(f"a value has 0 to {KV_VALUE_MAX} bytes, this one {len(value)}")
        args = encode_key(self.operation(), key).opaque(value).extension()
        return decode_result(self.call(PUT, args.bytes()), decode_written)

    def get(self, key):
        args = encode_key(Encoder(), key).extension()
        return decode_result(self.call(GET, args.bytes()), decode_value)

    def delete(self, key):
        args = encode_key(self.operation(), key).extension()
        return decode_result(self.call(DEL, args.bytes()), decode_written)

    def session(self):
        """The sequence that a client's first write has."""
        return decode_result(self.call(SESSION, Encoder().extension().bytes()), decode_session)

    def replicas(self):
        return decode_result(self.call(REPLICAS, Encoder().extension().bytes()), decode_replicas)

    def status(self, state_hash=False):
        args = Encoder().uint(int(state_hash)).extension()
        return decode_result(self.call(STATUS, args.bytes()), decode_status)


def main(arguments):
    transport = TcpTransport
    if arguments[:1] == ["--udp"]:
        transport, arguments = UdpTransport, arguments[1:]
    commands = {"put": 2, "get": 1, "del": 1, "replicas": 0, "status": 0}
    if len(arguments) < 3 or commands.get(arguments[2]) != len(arguments) - 3:
        print(__doc__.strip().splitlines()[-1].strip(), file=sys.stderr)
        return 2
    host, port, command = arguments[:3]
    words = [word.encode("utf-8", "surrogateescape") for word in arguments[3:]]
    try:
        with KvClient(host, int(port), transport) as client:
            if command == "get":
                sys.stdout.buffer.write(client.get(*words).value + b"\n")
            elif command == "replicas":
                print(*client.replicas()[1], sep="\n")
            elif command == "status":
                print(client.status())
            else:
                print(client.put(*words) if command == "put" else client.delete(*words))
    except KvError as error:
        print(f"kv_client.py: {error}", file=sys.stderr)
        return error.status if error.status <= KV_PARTLY_APPLIED else 7
    except (OSError, RpcError, WireError, ValueError) as error:
        print(f"kv_client.py: {error}", file=sys.stderr)
        return 7
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
