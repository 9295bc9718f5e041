/* The cheapest server of STARTTLS: the same few replies to everybody, so that only the client is measured.

   responder CORE EHLO-REPLY FLIGHT...   with each of the last as a file

   Listens on one port of all of 127.0.0.0/8 for each flight, and prints the ports on one line; runs until it is killed. A connection is
   greeted; what begins with E, S or Q is answered as EHLO, STARTTLS or QUIT, and anything else is a hello, answered with the flight. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65536, MANY = 256 };

struct text {
    char *octets;
    size_t size;
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct text read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    struct text text = {malloc(MOST), 0};
    text.size = fread(text.octets, 1, MOST, file);
    fclose(file);
    return text;
}

static int listen_anywhere(void) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t size = sizeof any;
    if (listener < 0 || setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) fail("socket");
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 4096)) fail("listen");
    if (getsockname(listener, (struct sockaddr *)&any, &size)) fail("getsockname");
    printf("%d ", ntohs(any.sin_port));
    return listener;
}

static void watch(int poll, int socket, unsigned flight) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (unsigned long long)flight << 32 | (unsigned)socket};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event)) fail("epoll_ctl");
}

static void say(int socket, const char *octets, size_t size) {
    if (send(socket, octets, size, MSG_NOSIGNAL) != (ssize_t)size) shutdown(socket, SHUT_RDWR); /* its next event closes it */
}

int main(int count, char **arguments) {
    static const char greeting[] = "220 mx.bench.example ESMTP\r\n", go[] = "220 2.0.0 go\r\n", bye[] = "221 2.0.0 bye\r\n";
    static char heard[MOST];
    struct epoll_event events[MANY];
    struct text flights[8];
    int listeners[8], poll = epoll_create1(0), core = atoi(arguments[1]);
    if (count < 4 || count > 11 || poll < 0) return 2;
    if (core >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(core, &cores);
        sched_setaffinity(0, sizeof cores, &cores);
    }
    struct text ehlo = read_text(arguments[2]);
    for (int n = 3; n < count; n++) {
        flights[n - 3] = read_text(arguments[n]);
        listeners[n - 3] = listen_anywhere();
        watch(poll, listeners[n - 3], n - 3);
    }
    putchar('\n');
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll, events, MANY, -1);
        for (int n = 0; n < ready; n++) {
            int socket = (int)(events[n].data.u64 & 0xffffffff);
            unsigned flight = events[n].data.u64 >> 32;
            if (socket == listeners[flight]) {
                int made;
                while ((made = accept4(socket, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    watch(poll, made, flight);
                    say(made, greeting, sizeof greeting - 1);
                }
                continue;
            }
            ssize_t size = recv(socket, heard, MOST, 0);
            if (size <= 0)
                close(socket);
            else if (heard[0] == 'E')
                say(socket, ehlo.octets, ehlo.size);
            else if (heard[0] == 'S')
                say(socket, go, sizeof go - 1);
            else if (heard[0] == 'Q')
                say(socket, bye, sizeof bye - 1);
            else
                say(socket, flights[flight].octets, flights[flight].size);
        }
    }
}
