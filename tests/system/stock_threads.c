/*
 * Many threads with rpcgen's own stubs and libtirpc as it is, a CLIENT for each thread.
 *
 *   stock_threads THREADS COUNT HOST PORT...   each thread at one of these replicas: COUNT times it
 *                                              puts a key and gets it, then it gets the keys of
 *                                              another thread, which were put at another replica.
 *                                              Ends with "calls N": how many were made.
 */
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kv.h"

enum { THREADS_MAX = 256, VALUE_MAX = 8192 };

struct worker {
    pthread_t thread;
    unsigned number;
    const char *host;
    const char *port;
    unsigned long calls;
    unsigned long failures;
};

static unsigned threads;
static unsigned count;
static pthread_barrier_t all_have_put;

/* A handle on a TCP connection of our own, so that no rpcbind is asked for the port. */
static CLIENT *connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct timeval patience = {20, 0};
    struct addrinfo *address;
    struct netbuf server;
    CLIENT *client = NULL;
    int descriptor;

    if (getaddrinfo(host, port, &hints, &address) != 0)
        return NULL;
    descriptor = socket(address->ai_family, SOCK_STREAM, 0);
    if (descriptor >= 0 && connect(descriptor, address->ai_addr, address->ai_addrlen) == 0) {
        server.len = server.maxlen = address->ai_addrlen;
        server.buf = address->ai_addr;
        client = clnt_vc_create(descriptor, &server, KV_PROG, KV_V1, 0, 0);
    }
    freeaddrinfo(address);
    if (client != NULL) {
        clnt_control(client, CLSET_FD_CLOSE, NULL);
        clnt_control(client, CLSET_TIMEOUT, (char *)&patience);
    } else if (descriptor >= 0) {
        close(descriptor);
    }
    return client;
}

/* Makes the key of a thread with this index, and the value that belongs to it; sets their sizes. */
static void make_pair(unsigned number, unsigned index, char key[64], u_int *key_size,
                      char value[VALUE_MAX], u_int *value_size)
{
    u_int i;

    *key_size = (u_int)snprintf(key, 64, "stock thread %u key %u", number, index);
    *value_size = (number * 31 + index * 997) % VALUE_MAX;
    for (i = 0; i < *value_size; ++i)
        value[i] = (char)(number * 7 + index * 13 + i);
}

static int put_pair(CLIENT *client, unsigned number, unsigned index)
{
    char key[64];
    char value[VALUE_MAX];
    kv_put_args args;
    kv_put_result result;
    int done;

    memset(&args, 0, sizeof args);
    memset(&result, 0, sizeof result);
    make_pair(number, index, key, &args.key.kv_key_len, value, &args.value.kv_value_len);
    args.key.kv_key_val = key;
    args.value.kv_value_val = value;
    done = put_1(&args, &result, client) == RPC_SUCCESS && result.status == KV_OK;
    clnt_freeres(client, (xdrproc_t)xdr_kv_put_result, (caddr_t)&result);
    return done;
}

static int get_pair(CLIENT *client, unsigned number, unsigned index)
{
    char key[64];
    char expected[VALUE_MAX];
    u_int expected_size;
    kv_get_args args;
    kv_get_result result;
    const kv_value *value = &result.kv_get_result_u.ok.value;
    int equal;

    memset(&args, 0, sizeof args);
    memset(&result, 0, sizeof result);
    make_pair(number, index, key, &args.key.kv_key_len, expected, &expected_size);
    args.key.kv_key_val = key;
    equal = get_1(&args, &result, client) == RPC_SUCCESS && result.status == KV_OK &&
            value->kv_value_len == expected_size &&
            (expected_size == 0 || memcmp(value->kv_value_val, expected, expected_size) == 0);
    clnt_freeres(client, (xdrproc_t)xdr_kv_get_result, (caddr_t)&result);
    return equal;
}

static void tally(struct worker *worker, CLIENT *client, int done, const char *what, unsigned index)
{
    ++worker->calls;
    if (!done) {
        fprintf(stderr, "FAILED thread %u: %s %u%s\n", worker->number, what, index,
                clnt_sperror(client, ""));
        ++worker->failures;
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    CLIENT *client = connect_to(worker->host, worker->port);
    unsigned other = (worker->number + 1) % threads;
    unsigned i;

    if (client == NULL) {
        fprintf(stderr, "FAILED thread %u: no connection\n", worker->number);
        ++worker->failures;
    }
    for (i = 0; client != NULL && i < count; ++i) {
        tally(worker, client, put_pair(client, worker->number, i), "PUT", i);
        tally(worker, client, get_pair(client, worker->number, i), "GET", i);
    }
    pthread_barrier_wait(&all_have_put);
    for (i = 0; client != NULL && i < count; ++i)
        tally(worker, client, get_pair(client, other, i), "GET of another thread's key", i);
    if (client != NULL)
        clnt_destroy(client);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    unsigned long calls = 0;
    unsigned long failures = 0;
    unsigned i;

    threads = argc > 4 ? (unsigned)atoi(argv[1]) : 0;
    count = argc > 4 ? (unsigned)atoi(argv[2]) : 0;
    if (threads < 1 || threads > THREADS_MAX || count < 1) {
        fprintf(stderr, "usage: stock_threads THREADS COUNT HOST PORT...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* which libtirpc sends itself when a server closes */
    pthread_barrier_init(&all_have_put, NULL, threads);
    for (i = 0; i < threads; ++i) {
        workers[i].number = i;
        workers[i].host = argv[3];
        workers[i].port = argv[4 + i % (unsigned)(argc - 4)];
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            perror("stock_threads: pthread_create");
            return 1;
        }
    }
    for (i = 0; i < threads; ++i) {
        pthread_join(workers[i].thread, NULL);
        calls += workers[i].calls;
        failures += workers[i].failures;
    }
    printf("calls %lu\n", calls);
    return failures > 0;
}
