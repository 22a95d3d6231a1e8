/*
 * A client of rkv as a user of kv.x would write it: plain C, the stubs that rpcgen -M made, and
 * libtirpc as it is.
 *
 *   stock_client HOST PORT            calls every procedure and checks what it answers
 *   stock_client HOST PORT udp        the same over UDP, after it was done over TCP
 *   stock_client HOST PORT get HEX    prints the value of the key with these bytes
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kv.h"

static int failures;
static int over_udp;

static void check(int holds, const char *what)
{
    printf("%s %s\n", holds ? "ok    " : "FAILED", what);
    failures += !holds;
}

/* A handle on a socket of our own, so that no rpcbind is asked for the port. */
static CLIENT *connect_to(const char *host, const char *port, unsigned version)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct timeval before_again = {1, 0};
    struct addrinfo *address;
    struct netbuf server;
    CLIENT *client;
    int descriptor;
    int error = getaddrinfo(host, port, &hints, &address);

    if (error != 0) {
        fprintf(stderr, "stock_client: %s: %s\n", host, gai_strerror(error));
        exit(1);
    }
    descriptor = socket(address->ai_family, over_udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (descriptor < 0 ||
        (!over_udp && connect(descriptor, address->ai_addr, address->ai_addrlen) != 0)) {
        perror("stock_client: connect");
        exit(1);
    }
    server.len = address->ai_addrlen;
    server.maxlen = address->ai_addrlen;
    server.buf = address->ai_addr;
    client = over_udp ? clnt_dg_create(descriptor, &server, KV_PROG, version, 0, 0)
                      : clnt_vc_create(descriptor, &server, KV_PROG, version, 0, 0);
    if (client == NULL) {
        clnt_pcreateerror("stock_client");
        exit(1);
    }
    clnt_control(client, CLSET_FD_CLOSE, NULL);
    if (over_udp)
        clnt_control(client, CLSET_RETRY_TIMEOUT, (char *)&before_again);
    freeaddrinfo(address);
    return client;
}

static kv_key key_of(const char *bytes, size_t size)
{
    kv_key key = {.kv_key_len = (u_int)size, .kv_key_val = (char *)bytes};
    return key;
}

/* Each of these says whether the call itself went through; what it answered is in *result. */

static int put(CLIENT *client, kv_operation_id operation, kv_key key, const char *bytes,
               size_t size, kv_put_result *result)
{
    kv_put_args args;

    memset(&args, 0, sizeof args);
    memset(result, 0, sizeof *result);
    args.operation = operation;
    args.key = key;
    args.value.kv_value_len = (u_int)size;
    args.value.kv_value_val = (char *)bytes;
    if (put_1(&args, result, client) != RPC_SUCCESS) {
        clnt_perror(client, "PUT");
        return 0;
    }
    return 1;
}

static int get(CLIENT *client, kv_key key, kv_get_result *result)
{
    kv_get_args args;

    memset(&args, 0, sizeof args);
    memset(result, 0, sizeof *result);
    args.key = key;
    if (get_1(&args, result, client) != RPC_SUCCESS) {
        clnt_perror(client, "GET");
        return 0;
    }
    return 1;
}

static int del(CLIENT *client, kv_operation_id operation, kv_key key, kv_del_result *result)
{
    kv_del_args args;

    memset(&args, 0, sizeof args);
    memset(result, 0, sizeof *result);
    args.operation = operation;
    args.key = key;
    if (del_1(&args, result, client) != RPC_SUCCESS) {
        clnt_perror(client, "DEL");
        return 0;
    }
    return 1;
}

static int value_is(CLIENT *client, kv_key key, const char *bytes, size_t size)
{
    kv_get_result result;
    int equal = get(client, key, &result) && result.status == KV_OK &&
                result.kv_get_result_u.ok.value.kv_value_len == size &&
                (size == 0 ||
                 memcmp(result.kv_get_result_u.ok.value.kv_value_val, bytes, size) == 0);

    clnt_freeres(client, (xdrproc_t)xdr_kv_get_result, (caddr_t)&result);
    return equal;
}

static int is_absent(CLIENT *client, kv_key key)
{
    kv_get_result result;
    int absent = get(client, key, &result) && result.status == KV_NOT_FOUND;

    clnt_freeres(client, (xdrproc_t)xdr_kv_get_result, (caddr_t)&result);
    return absent;
}

/* Puts without an operation id. */
static int store(CLIENT *client, kv_key key, const char *bytes, size_t size)
{
    kv_operation_id none = {0, 0, 0};
    kv_put_result result;
    int stored = put(client, none, key, bytes, size, &result) && result.status == KV_OK;

    clnt_freeres(client, (xdrproc_t)xdr_kv_put_result, (caddr_t)&result);
    return stored;
}

static int remove_key(CLIENT *client, kv_key key, kv_status expected)
{
    kv_operation_id none = {0, 0, 0};
    kv_del_result result;
    int as_expected = del(client, none, key, &result) && result.status == expected;

    clnt_freeres(client, (xdrproc_t)xdr_kv_del_result, (caddr_t)&result);
    return as_expected;
}

static char largest[KV_VALUE_MAX];

static void check_large_values(CLIENT *client)
{
    check(store(client, key_of(largest, KV_KEY_MAX), largest, sizeof largest),
          "PUT, 1024 bytes of key and 1 MiB of value");
    check(value_is(client, key_of(largest, KV_KEY_MAX), largest, sizeof largest),
          "GET, 1024 bytes of key and 1 MiB of value");
}

/* What does not fit a datagram, there or back: the answer says so, and nothing has changed. */
static void check_use_tcp(CLIENT *client)
{
    kv_operation_id none = {0, 0, 0};
    kv_key small = key_of("stock-udp", 9);
    kv_put_result put_result;
    kv_get_result get_result;

    check(store(client, small, largest, 1000), "PUT, 1000 bytes of value");
    check(value_is(client, small, largest, 1000), "GET, 1000 bytes of value");
    check(put(client, none, small, largest, 2000, &put_result) &&
              put_result.status == KV_USE_TCP &&
              put_result.kv_put_result_u.failure.reason[0] != '\0',
          "PUT, 2000 bytes of value: KV_USE_TCP");
    clnt_freeres(client, (xdrproc_t)xdr_kv_put_result, (caddr_t)&put_result);
    check(value_is(client, small, largest, 1000), "GET, the value from before");
    check(get(client, key_of(largest, KV_KEY_MAX), &get_result) &&
              get_result.status == KV_USE_TCP,
          "GET of 1 MiB: KV_USE_TCP");
    clnt_freeres(client, (xdrproc_t)xdr_kv_get_result, (caddr_t)&get_result);
}

static void check_values(CLIENT *client)
{
    char all_bytes[256];
    kv_key text = key_of("stock", 5);
    kv_key with_nul = key_of("a\0b", 3);
    kv_key other_after_nul = key_of("a\0c", 3);
    size_t i;

    for (i = 0; i < sizeof all_bytes; ++i)
        all_bytes[i] = (char)i;
    for (i = 0; i < sizeof largest; ++i)
        largest[i] = (char)(i * 2654435761u >> 13);

    check(store(client, text, "value", 5), "PUT");
    check(value_is(client, text, "value", 5), "GET gives the value");
    check(store(client, text, "", 0), "PUT of an empty value");
    check(value_is(client, text, "", 0), "GET gives the empty value");
    check(remove_key(client, text, KV_OK), "DEL");
    check(is_absent(client, text), "GET after DEL: KV_NOT_FOUND");
    check(remove_key(client, text, KV_NOT_FOUND), "DEL again: KV_NOT_FOUND");

    check(store(client, with_nul, all_bytes, sizeof all_bytes), "PUT, NUL in key and value");
    check(store(client, other_after_nul, "other", 5), "PUT, a key that differs behind the NUL");
    check(value_is(client, with_nul, all_bytes, sizeof all_bytes), "GET, NUL in key and value");
    check(value_is(client, other_after_nul, "other", 5), "GET, the other key");
}

static void check_operation_id(CLIENT *client)
{
    kv_operation_id operation = {0, 1, 1};
    kv_key key = key_of("stock-named", 11);
    kv_put_result result;
    int i;

    operation.client = (u_quad_t)getpid() << 32 | (u_quad_t)time(NULL);
    for (i = 0; i < 2; ++i) {
        check(put(client, operation, key, "value", 5, &result) && result.status == KV_OK &&
                  result.kv_put_result_u.ok.key_version >= 1,
              i == 0 ? "PUT with an operation id" : "PUT, a retry of it");
        clnt_freeres(client, (xdrproc_t)xdr_kv_put_result, (caddr_t)&result);
    }
    check(value_is(client, key, "value", 5), "GET, what was put with an operation id");
}

static void check_inspection(CLIENT *client)
{
    kv_replicas_args replicas_args;
    kv_replicas_result replicas;
    kv_status_args status_args;
    kv_status_result status;
    u_int self = 0;

    memset(&replicas_args, 0, sizeof replicas_args);
    memset(&replicas, 0, sizeof replicas);
    if (replicas_1(&replicas_args, &replicas, client) != RPC_SUCCESS)
        clnt_perror(client, "REPLICAS");
    else if (replicas.status == KV_OK)
        self = replicas.kv_replicas_result_u.ok.self;
    check(self > 0 && replicas.kv_replicas_result_u.ok.replicas.replicas_len >= 1, "REPLICAS");
    clnt_freeres(client, (xdrproc_t)xdr_kv_replicas_result, (caddr_t)&replicas);

    memset(&status_args, 0, sizeof status_args);
    memset(&status, 0, sizeof status);
    status_args.state_hash = TRUE;
    if (status_1(&status_args, &status, client) != RPC_SUCCESS)
        clnt_perror(client, "STATUS");
    check(status.status == KV_OK && status.kv_status_result_u.ok.replica == self, "STATUS");
    check(status.status == KV_OK && status.kv_status_result_u.ok.state_hash.present &&
              status.kv_status_result_u.ok.state_hash.kv_state_hash_if_asked_u.state_hash.keys > 0,
          "STATUS with the state hash");
    clnt_freeres(client, (xdrproc_t)xdr_kv_status_result, (caddr_t)&status);
}

static void check_rpc(const char *host, const char *port, CLIENT *client)
{
    struct timeval patience = {20, 0};
    struct rpc_err error;
    CLIENT *other = connect_to(host, port, 9);

    check(clnt_call(client, NULLPROC, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL,
                    patience) == RPC_SUCCESS,
          "procedure 0");
    check(clnt_call(client, 99, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL,
                    patience) == RPC_PROCUNAVAIL,
          "procedure 99 is not there");
    check(clnt_call(other, NULLPROC, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL,
                    patience) == RPC_PROGVERSMISMATCH,
          "version 9 is a mismatch");
    clnt_geterr(other, &error);
    check(error.re_vers.low == KV_V1 && error.re_vers.high == KV_V1, "which says: 1 to 1");
    clnt_destroy(other);
}

static int print_value(CLIENT *client, const char *hex)
{
    char bytes[KV_KEY_MAX];
    size_t size = strlen(hex) / 2;
    size_t i;
    kv_get_result result;
    unsigned byte;

    for (i = 0; i < size && i < sizeof bytes; ++i) {
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return 2;
        bytes[i] = (char)byte;
    }
    if (!get(client, key_of(bytes, i), &result) || result.status != KV_OK)
        return 1;
    fwrite(result.kv_get_result_u.ok.value.kv_value_val, 1,
           result.kv_get_result_u.ok.value.kv_value_len, stdout);
    clnt_freeres(client, (xdrproc_t)xdr_kv_get_result, (caddr_t)&result);
    return 0;
}

int main(int argc, char **argv)
{
    struct timeval patience = {20, 0};
    CLIENT *client;

    over_udp = argc == 4 && strcmp(argv[3], "udp") == 0;
    if (argc != 3 && !over_udp && !(argc == 5 && strcmp(argv[3], "get") == 0)) {
        fprintf(stderr, "usage: stock_client HOST PORT [udp | get HEX]\n");
        return 2;
    }
    client = connect_to(argv[1], argv[2], KV_V1);
    clnt_control(client, CLSET_TIMEOUT, (char *)&patience);
    if (argc == 5) {
        int status = print_value(client, argv[4]);
        clnt_destroy(client);
        return status;
    }
    check_rpc(argv[1], argv[2], client);
    check_values(client);
    if (over_udp)
        check_use_tcp(client);
    else
        check_large_values(client);
    check_operation_id(client);
    check_inspection(client);
    clnt_destroy(client);
    return failures > 0;
}
