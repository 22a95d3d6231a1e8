/*
 * What a service manager does for a service, as far as the test needs it. bash cannot: LISTEN_PID
 * must be the id of the process that the command becomes.
 *
 *   service_launcher listen NAMES SOCKET... -- COMMAND...
 *       Makes the sockets, hands them over as LISTEN_FDS with LISTEN_FDNAMES=NAMES, and becomes the
 *       command. A SOCKET is tcp:HOST:PORT, udp:HOST:PORT, bound:HOST:PORT (TCP that does not
 *       listen) or unix:PATH. HOST is a numeric IPv4 address.
 *   service_launcher receive SOCKET
 *       Receives notifications at NOTIFY_SOCKET=SOCKET (a path, or @ and an abstract name) and
 *       prints each of their lines, until it is killed.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_DESCRIPTOR = 3 };

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* The address of a path or an abstract name; returns its size. */
static socklen_t unix_address(const char *name, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strncpy(address->sun_path, name, sizeof address->sun_path - 1);
    if (name[0] != '@') return sizeof *address;
    address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

static int make_unix_socket(const char *path)
{
    struct sockaddr_un address;
    const socklen_t size = unix_address(path, &address);
    const int made = socket(AF_UNIX, SOCK_STREAM, 0);
    if (made < 0 || bind(made, (struct sockaddr *)&address, size) != 0 || listen(made, 16) != 0) {
        fail(path);
    }
    return made;
}

static int make_socket(const char *description)
{
    char kind[8], host[64];
    unsigned port;
    if (strncmp(description, "unix:", 5) == 0) return make_unix_socket(description + 5);
    if (sscanf(description, "%7[^:]:%63[^:]:%u", kind, host, &port) != 3) fail(description);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail(description);
    const int made = socket(AF_INET, strcmp(kind, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, 0);
    const int on = 1;
    if (made < 0) fail(description);
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(made, (struct sockaddr *)&address, sizeof address) != 0) fail(description);
    if (strcmp(kind, "tcp") == 0 && listen(made, 16) != 0) fail(description);
    return made;
}

static void become(char **words)
{
    char number[16];
    int count = 0;
    setenv("LISTEN_FDNAMES", *words++, 1);
    for (; *words != NULL && strcmp(*words, "--") != 0; ++words, ++count) {
        const int made = make_socket(*words);
        if (made != FIRST_DESCRIPTOR + count && dup2(made, FIRST_DESCRIPTOR + count) < 0) {
            fail("dup2");
        }
    }
    if (*words == NULL || words[1] == NULL) fail("no command");
    snprintf(number, sizeof number, "%d", count);
    setenv("LISTEN_FDS", number, 1);
    snprintf(number, sizeof number, "%ld", (long)getpid());
    setenv("LISTEN_PID", number, 1);
    execvp(words[1], words + 1);
    fail(words[1]);
}

static void receive(const char *name)
{
    struct sockaddr_un address;
    const socklen_t size = unix_address(name, &address);
    const int made = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (made < 0 || bind(made, (struct sockaddr *)&address, size) != 0) fail(name);
    puts("receiving");
    fflush(stdout);
    while (1) {
        char message[4096];
        const ssize_t length = recv(made, message, sizeof message, 0);
        if (length < 0) fail("recv");
        printf("%.*s\n", (int)length, message);
        fflush(stdout);
    }
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 3 && strcmp(arguments[1], "receive") == 0) {
        receive(arguments[2]);
    } else if (argument_count > 4 && strcmp(arguments[1], "listen") == 0) {
        become(arguments + 2);
    }
    fprintf(stderr, "service_launcher: see its source\n");
    return EXIT_FAILURE;
}
