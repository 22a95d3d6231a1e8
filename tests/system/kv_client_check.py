#!/usr/bin/env python3
"""Checks replicas of one rkv cluster through kv_client.py. Ends with "calls N": how many it made.

    kv_client_check.py procedures [--udp] HOST:PORT   every procedure, and the errors of RPC; over
                                                      TCP, and then over UDP too
    kv_client_check.py strange HOST:PORT              calls that tshark does not take for RPC
    kv_client_check.py resent HOST:PORT HOST:PORT     writes over UDP whose datagrams come twice to the
                                                      first replica; and to the other one
    kv_client_check.py expired HOST:PORT HOST:PORT    a write that is tried again and again, at both, until
                                                      its epoch is over; wants epochs of some seconds
    kv_client_check.py threads COUNT OPERATIONS HOST:PORT...
                                                      many threads, each at all replicas
"""

import random
import struct
import sys
import threading
import time

import kv_client
from kv_client import Encoder, KvClient, KvError, RpcError, TcpTransport, UdpTransport


ONLY_1 = {"low": 1, "high": 1}   # the versions in a PROG_MISMATCH


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def expect_equal(found, expected, what):
    expect(found == expected, f"{what}: {str(found)[:100]} instead of {str(expected)[:100]}")


def expect_error(kind, attributes, function, *arguments, **named):
    """The call has to raise this kind of error, with these attributes."""
    try:
        function(*arguments, **named)
    except kind as error:
        for name, expected in attributes.items():
            expect_equal(getattr(error, name), expected, f"{name} of {error}")
        return error
    raise AssertionError(f"{function.__name__} {arguments}: {kind.__name__} was expected")


def address_of(word):
    host, _, port = word.rpartition(":")
    return host, int(port)


# ---- one replica ---------------------------------------------------------------------------------


def check_values(client, largest_key, largest):
    """The procedures on keys; keys and values up to this many bytes."""
    client.null()
    key = b"python"
    first = client.put(key, b"value")
    expect_equal(client.get(key)[:2], (b"value", first.key_version), "a value and its version")
    second = client.put(key, b"")
    expect_equal(second.key_version, first.key_version + 1, "the version after another put")
    expect(second.position > first.position, "the position does not grow")
    expect_equal(client.get(key).value, b"", "an empty value")
    expect_equal(client.delete(key).key_version, second.key_version, "the version that was deleted")
    for call in client.get, client.delete:
        error = expect_error(KvError, {"status": kv_client.KV_NOT_FOUND}, call, key)
        expect(error.replica > 0, "the failure does not say of which replica")

    every_byte = bytes(range(256))
    client.put(b"a\0b", every_byte)
    client.put(b"a\0c", b"other")
    expect_equal(client.get(b"a\0b").value, every_byte, "a key and a value with NUL")
    for size in 1, 2, 3, 4, 5, largest - 1, largest:   # all kinds of padding
        value = random.Random(size).randbytes(size)
        key = b"k" * min(size, largest_key)
        client.put(key, value)
        expect_equal(client.get(key).value, value, f"a value of {size} bytes")


def check_inspection(client, port):
    self_id, replicas = client.replicas()
    by_id = {replica.id: replica for replica in replicas}
    expect_equal(by_id[self_id].client_port, port, "the port of the replica that answers")
    status = client.status()
    expect_equal(status.replica, self_id, "the replica in STATUS")
    expect_equal({peer.id for peer in status.peers}, set(by_id) - {self_id}, "the peers")
    expect(all(peer.up for peer in status.peers), f"a peer is down: {status.peers}")
    expect(status.keys > 0 and status.counters and status.state_hash is None, f"STATUS: {status}")
    expect_equal(len(client.status(state_hash=True).state_hash), 16, "bytes of the state hash")


def check_errors(client):
    """What the RPC layer has to refuse, on a connection that goes on; and wrong arguments."""
    args = Encoder().opaque(b"key").extension().bytes()
    call = client.call
    expect_error(RpcError, {"name": "PROC_UNAVAIL"}, call, 9, args)
    expect_error(RpcError, {"name": "PROC_UNAVAIL"}, call, 0xFFFFFFFF, args)
    for version in 0, 2:
        expect_error(RpcError, {"name": "PROG_MISMATCH", **ONLY_1}, call, 0, version=version)
    expect_error(RpcError, {"name": "PROG_UNAVAIL"}, call, 0, program=kv_client.KV_PROG + 2)
    expect_error(RpcError, {"name": "AUTH_ERROR 2"}, call, kv_client.GET, args, flavor=77)
    too_long = Encoder().opaque(bytes(kv_client.KV_KEY_MAX + 1)).extension().bytes()
    for wrong in b"", args[:-1], args[:6], too_long, b"\xff" * 8:
        expect_error(RpcError, {"name": "GARBAGE_ARGS"}, call, kv_client.GET, wrong)
    empty_key = Encoder().opaque(b"").extension().bytes()
    expect_error(KvError, {"status": kv_client.KV_INVALID}, get_encoded, client, empty_key)
    client.null()


def get_encoded(client, args):
    return kv_client.decode_result(client.call(kv_client.GET, args), kv_client.decode_value)


def send_fragments(client, message, first_size):
    """Sends a call as a record of many fragments: the first of this size, the others of 7 bytes."""
    rest = message[first_size:]
    fragments = [message[:first_size]]
    fragments += [rest[place : place + 7] for place in range(0, len(rest), 7)]
    marks = [len(fragment) for fragment in fragments]
    marks[-1] |= kv_client.LAST_FRAGMENT
    for mark, fragment in zip(marks, fragments):
        client.transport.socket.sendall(struct.pack(">I", mark) + fragment)


def check_records(client):
    """A call in many fragments, and many calls before the first reply is read."""
    client.put(b"pipelined", b"value")
    args = Encoder().opaque(b"pipelined").extension().bytes()
    messages = {
        xid: kv_client.encode_call(xid, kv_client.KV_PROG, 1, kv_client.GET, args)
        for xid in range(1, 101)
    }
    send_fragments(client, messages[1], first_size=40)   # the head of the call
    for xid in range(2, 101):
        client.transport.send(messages[xid])
    client.calls += len(messages)
    while messages:
        xid, result = kv_client.decode_reply(client.transport.receive())
        del messages[xid]
        value = kv_client.decode_result(result, kv_client.decode_value)
        expect_equal(value.value, b"value", f"the value in reply {xid}")


def check_strange(arguments):
    with KvClient(*address_of(arguments[0])) as client:
        mismatch = {"name": "PROG_MISMATCH", **ONLY_1}
        expect_error(RpcError, mismatch, client.call, 0, version=0xFFFFFFFF)
        mismatch = {"name": "RPC_MISMATCH", "low": 2, "high": 2}
        expect_error(RpcError, mismatch, client.call, 0, rpc_version=3)
        message = kv_client.encode_call(5, kv_client.KV_PROG, 1, kv_client.NULL, b"")
        for first_size in 0, 1, 7:
            send_fragments(client, message, first_size)
            client.calls += 1
            expect_equal(kv_client.decode_reply(client.transport.receive())[0], 5, "the xid")
        return client.calls


def check_procedures(arguments):
    host, port = address_of(arguments[-1])
    calls = 0
    with KvClient(host, port) as client:
        check_values(client, kv_client.KV_KEY_MAX, kv_client.KV_VALUE_MAX)
        check_inspection(client, port)
        check_errors(client)
        check_records(client)
        calls += client.calls
    if arguments[0] == "--udp":
        calls += check_udp(host, port)
    return calls


def check_udp(host, port):
    """The same over UDP, and what is too long for it."""
    with KvClient(host, port) as tcp, KvClient(host, port, UdpTransport) as client:
        check_values(client, 100, 1000)
        check_inspection(client, port)
        check_errors(client)
        too_long = {"status": kv_client.KV_USE_TCP}
        tcp.delete(b"k")
        expect_error(KvError, too_long, client.put, b"k", bytes(2000))
        expect_error(KvError, {"status": kv_client.KV_NOT_FOUND}, tcp.get, b"k")
        tcp.put(b"k", bytes(2000))
        expect_error(KvError, too_long, client.get, b"k")
        return client.calls + tcp.calls


# ---- a write that is tried again -----------------------------------------------------------------

EPOCH_BITS = 32   # the upper half of a sequence is the epoch
PAUSE_S = 0.05


def answers_until_expired(writer, readers, key):
    """Puts the key, and the same again and again until that is refused. The answers."""
    args = kv_client.encode_key(writer.operation(), key).opaque(b"first").extension().bytes()
    first = kv_client.decode_result(writer.call(kv_client.PUT, args), kv_client.decode_written)
    readers[-1].put(key, b"later")   # which the copies to come must not undo
    answers = [first]
    while True:
        for client in readers:
            result = client.call(kv_client.PUT, args)
            try:
                answers.append(kv_client.decode_result(result, kv_client.decode_written))
            except KvError as error:
                expect_equal(error.status, kv_client.KV_EXPIRED, f"the status of {error}")
                return answers
        time.sleep(PAUSE_S)


def check_expired(arguments):
    first, second = (KvClient(*address_of(word)) for word in arguments)
    with first, second:
        key = b"tried again"
        for _ in range(10):   # a machine that stalls for an epoch lets no copy be answered
            first.sequence = None
            epoch = first.session() >> EPOCH_BITS
            answers = answers_until_expired(first, (first, second), key)
            expect_equal(set(answers), {answers[0]}, "the answers to copies of one write")
            expect(first.session() >> EPOCH_BITS >= epoch + 2, "it is refused too early")
            second.sequence = None
            expect_equal(second.get(key).value, b"later", "the value after a late copy")
            if len(answers) > 2:
                return first.calls + second.calls
        raise AssertionError("every copy was refused: are the epochs too short?")


# ---- datagrams that come twice -------------------------------------------------------------------


def plain_write(xid, procedure, *arguments):
    """The message of a PUT or DEL without an operation id, as rpcgen's stubs make it."""
    args = Encoder().uhyper(0).uhyper(0).uhyper(0)
    for argument in arguments:
        args.opaque(argument)
    args = args.extension().bytes()
    return kv_client.encode_call(xid, kv_client.KV_PROG, kv_client.KV_V1, procedure, args)


def written_in(reply):
    return kv_client.decode_result(kv_client.decode_reply(reply)[1], kv_client.decode_written)


def check_resent(arguments):
    address, other_address = (address_of(argument) for argument in arguments)
    key = b"resent"
    put = plain_write(1, kv_client.PUT, key, b"value")
    delete = plain_write(3, kv_client.DEL, key)
    with KvClient(*address) as tcp, KvClient(*address, UdpTransport) as udp:
        transport = udp.transport
        repeated = tcp.status().counters["datagrams_repeated"]
        for _ in range(2):
            transport.socket.send(put)   # while the first one is under way, or answered just now
        reply = transport.exchange(put)
        expect_equal(written_in(reply).key_version, 1, "the version after three copies of a PUT")
        expect_equal(transport.exchange(put), reply, "the reply to one more copy")
        expect_equal(tcp.get(key).key_version, 1, "the version of the key")
        another = transport.exchange(plain_write(2, kv_client.PUT, key, b"value"))
        expect_equal(written_in(another).key_version, 2, "the version after a PUT with another xid")
        expect_equal(transport.exchange(put), reply, "the reply to a copy of the first PUT")
        expect_equal(tcp.get(key).key_version, 2, "the version of the key")

        reply = transport.exchange(delete)
        expect_equal(written_in(reply).key_version, 2, "the version that was deleted")
        expect_equal(transport.exchange(delete), reply, "the reply to a copy of a DEL")
        repeated = tcp.status().counters["datagrams_repeated"] - repeated
        expect(repeated >= 5, f"{repeated} copies were counted, of 5")

        with KvClient(*other_address, UdpTransport) as other:   # kv.x says that it does not know
            missing = {"status": kv_client.KV_NOT_FOUND}
            expect_error(KvError, missing, written_in, other.transport.exchange(delete))
            again = other.transport.exchange(put)
            expect_equal(written_in(again).key_version, 1, "the version after a PUT there")
        return tcp.calls + 8


# ---- many threads --------------------------------------------------------------------------------


class Worker(threading.Thread):
    """Writes keys of its own through all replicas in turn, and reads each back from another."""

    def __init__(self, number, operations, addresses):
        super().__init__()
        self.number, self.operations, self.addresses = number, operations, addresses
        self.random = random.Random(number)
        self.expected = {}   # of its own keys
        self.calls = 0
        self.error = None

    def run(self):
        clients = []
        try:
            for address in self.addresses:
                clients.append(KvClient(*address))
            for turn in range(self.operations):
                writer = clients[turn % len(clients)]
                reader = clients[self.random.randrange(len(clients))]
                self.write_and_read(writer, reader)
            for client in clients:
                for key in self.expected:
                    self.read(client, key)
        except Exception as error:   # for main, which ends with it
            self.error = error
        finally:
            for client in clients:
                self.calls += client.calls
                client.transport.close()

    def write_and_read(self, writer, reader):
        key = b"thread %d key %d" % (self.number, self.random.randrange(20))
        if self.expected.get(key) is not None and self.random.random() < 0.2:
            writer.delete(key)
            self.expected[key] = None
        else:
            self.expected[key] = self.random.randbytes(self.random.choice((0, 7, 100, 5000)))
            writer.put(key, self.expected[key])
        self.read(reader, key)

    def read(self, client, key):
        if self.expected[key] is None:
            expect_error(KvError, {"status": kv_client.KV_NOT_FOUND}, client.get, key)
        else:
            expect_equal(client.get(key).value, self.expected[key], f"the value of {key}")


def check_threads(arguments):
    count, operations = int(arguments[0]), int(arguments[1])
    addresses = [address_of(word) for word in arguments[2:]]
    workers = [Worker(number, operations, addresses) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for worker in workers:
        if worker.error:
            raise worker.error
    return sum(worker.calls for worker in workers)


if __name__ == "__main__":
    checks = {
        "procedures": check_procedures,
        "strange": check_strange,
        "resent": check_resent,
        "expired": check_expired,
        "threads": check_threads,
    }
    print("calls", checks[sys.argv[1]](sys.argv[2:]))
