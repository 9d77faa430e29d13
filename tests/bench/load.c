/* Keeps thousands of event streams to one server open, in a single thread with little CPU.
 *
 * load PORT PATH COOKIES CAPACITY SECONDS: connects to 127.0.0.1:PORT and requests PATH, in which
 * each # is replaced by the connection's number. COOKIES is a file with the value of a Cookie
 * header per line, used in turn. Commands are read from stdin, and each is answered by a line of
 * JSON. The program ends after SECONDS, or when stdin is closed.
 *
 *   open N               open N more connections
 *   close N              close the N newest connections
 *   rate R W             open at most R per second, with at most W waiting for a response
 *   retry MIN MAX        reconnect after MIN to MAX ms when the server disconnects; 0 0: do not
 *   phase NAME MS        stay | early | head | live | stalled: when to disconnect
 *   stats, reset         print the counters; set them to zero
 *   dump FILE            write (stamp, arrival) of each event with "t=<nanoseconds>", as int64
 *   quit
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FREE, WAITING, CONNECTING, HEAD, BODY };
enum { STAY, EARLY, AT_HEAD, LIVE, STALLED };
enum { SIZE_LINE = -1, AFTER_CHUNK = -2 };
enum { EVENTS = 16, BATCH = 512, MOST_SAMPLES = 8000000 };

struct text { unsigned used; char bytes[200]; }; /* the start of a line; the rest is dropped */

struct stream {
    int fd, state;
    long number;
    int status, chunked, dated, event_known; /* from here on reset for each connection */
    long left; /* bytes of this chunk, or SIZE_LINE or AFTER_CHUNK */
    int64_t due, stamp;
    struct text meta, line; /* meta: head and chunk sizes; line: events */
    char event[32];
};

static struct { char name[32]; long count; int64_t first, last; } events[EVENTS];
static struct { int64_t stamp, arrival; } *samples;
static long n_samples, room_samples, n_events;

static struct stream *streams;
static char **cookies;
static const char *path;
static long capacity, n_cookies, port;
static int poller;

static long wanted, launched, awaiting, opened, waiting, timers;
static long ended, failed, refused, left_alone, heads;
static int64_t bytes, first_head, last_head;
static double rate = 500, tokens;
static long window = 64, retry_min, retry_max, phase, phase_ms;

static int64_t clock_ns(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t milliseconds(void) { return clock_ns(CLOCK_MONOTONIC) / 1000000; }

/* Timers: there are few, so a linear search is enough. */

static void set_timer(struct stream *s, int64_t after) {
    if (!s->dated) timers++;
    s->dated = 1;
    s->due = milliseconds() + after;
}

static void clear_timer(struct stream *s) {
    timers -= s->dated;
    s->dated = 0;
}

static long between(long least, long most) { return least + random() % (most - least + 1); }

/* Connections: open, request, close. */

static void leave(struct stream *s, int abruptly) {
    struct linger now = {1, 0};
    if (s->state == CONNECTING || s->state == HEAD) awaiting--;
    if (s->state == BODY) opened--;
    if (abruptly) setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (s->state > WAITING) close(s->fd);
    clear_timer(s);
    s->state = FREE;
}

static void lost(struct stream *s, long *counter) {
    (*counter)++;
    leave(s, 1);
    if (!retry_max) return;
    s->state = WAITING;
    waiting++;
    set_timer(s, between(retry_min, retry_max));
}

static void depart(struct stream *s) {
    left_alone++;
    leave(s, s->number % 2);
}

static void connect_it(struct stream *s) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int small = 4096;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(&s->status, 0, sizeof *s - offsetof(struct stream, status));
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) { perror("socket"); exit(1); }
    if (phase == STALLED) setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    s->state = CONNECTING;
    awaiting++;
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        lost(s, &failed);
        return;
    }
    struct epoll_event all = {EPOLLOUT, {.ptr = s}};
    epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &all);
}

static void ask(struct stream *s) {
    char request[4096], where[512], *w = where;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) { lost(s, &failed); return; }
    for (const char *p = path; *p && w < where + 480; p++)
        if (*p == '#') w += sprintf(w, "%ld", s->number); else *w++ = *p;
    *w = 0;
    int length = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n%s%s\r\n\r\n",
        where, n_cookies ? "Cookie: " : "X: ", n_cookies ? cookies[s->number % n_cookies] : "");
    if (send(s->fd, request, length, MSG_NOSIGNAL) != length) { lost(s, &failed); return; }
    struct epoll_event readable = {EPOLLIN, {.ptr = s}};
    epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &readable);
    s->state = HEAD;
    if (phase == EARLY) set_timer(s, between(0, phase_ms));
}

/* Received data. */

static void count_event(struct stream *s, int64_t now) {
    long at = 0;
    const char *name = s->event[0] ? s->event : "message";
    while (at < n_events && strcmp(events[at].name, name)) at++;
    if (at == EVENTS) return;
    if (at == n_events) strcpy(events[n_events++].name, name);
    if (!events[at].count++) events[at].first = now;
    events[at].last = now;
    if (phase == LIVE && !s->dated) set_timer(s, between(0, phase_ms));
    if (!s->stamp || n_samples == MOST_SAMPLES) return;
    if (n_samples == room_samples) {
        room_samples = room_samples ? 2 * room_samples : 65536;
        samples = realloc(samples, room_samples * sizeof *samples);
    }
    samples[n_samples].stamp = s->stamp;
    samples[n_samples++].arrival = now;
}

static void event_line(struct stream *s, int64_t now) {
    char *line = s->line.bytes, *found;
    if (!*line) {
        if (s->event_known) count_event(s, now);
        s->event_known = s->event[0] = s->stamp = 0;
    } else if (!strncmp(line, "event:", 6)) {
        snprintf(s->event, sizeof s->event, "%s", line + 6 + (line[6] == ' '));
        s->event_known = 1;
    } else if (!strncmp(line, "data:", 5)) {
        s->event_known = 1;
        for (found = line; (found = strstr(found, "t=")); found += 2)
            if (strspn(found + 2, "0123456789") > 15) s->stamp = atoll(found + 2);
    }
}

static void head_line(struct stream *s, int64_t now) {
    char *line = s->meta.bytes;
    if (!s->status) s->status = atoi(line + (s->meta.used > 9 ? 9 : s->meta.used));
    else if (!strncasecmp(line, "transfer-encoding:", 18) && strcasestr(line, "chunked")) s->chunked = 1;
    if (*line) return;
    if (s->status != 200) { lost(s, &refused); return; }
    awaiting--;
    opened++;
    if (!heads++) first_head = now;
    last_head = now;
    s->state = BODY;
    s->left = s->chunked ? SIZE_LINE : LONG_MAX;
    if (phase == AT_HEAD) depart(s);
    if (phase == STALLED) {
        struct epoll_event none = {0, {.ptr = s}};
        epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &none);
        set_timer(s, phase_ms);
    }
}

static void meta_line(struct stream *s, int64_t now) {
    if (s->state == HEAD) head_line(s, now);
    else if (s->left == AFTER_CHUNK) s->left = SIZE_LINE;
    else if (!(s->left = strtol(s->meta.bytes, NULL, 16))) lost(s, &ended);
}

/* Appends to a line, and returns the position after it. *whole: the line is complete. */
static const char *collect(struct text *t, const char *from, const char *to, int *whole) {
    const char *newline = memchr(from, '\n', to - from), *stop = newline ? newline : to;
    size_t room = sizeof t->bytes - 1 - t->used, size = stop - from;
    memcpy(t->bytes + t->used, from, size < room ? size : room);
    t->used += size < room ? size : room;
    *whole = newline != NULL;
    if (newline && t->used && t->bytes[t->used - 1] == '\r') t->used--;
    t->bytes[t->used] = 0;
    return newline ? newline + 1 : to;
}

static void take(struct stream *s, const char *at, const char *end, int64_t now) {
    int whole;
    while (at < end && s->state > CONNECTING) {
        if (s->state == HEAD || s->left < 0) {
            at = collect(&s->meta, at, end, &whole);
            if (whole) { meta_line(s, now); s->meta.used = 0; }
        } else {
            const char *stop = end - at > s->left ? at + s->left : end, *before = at;
            at = collect(&s->line, at, stop, &whole);
            s->left -= s->chunked ? at - before : 0;
            if (whole) { event_line(s, now); s->line.used = 0; }
            if (!s->left) s->left = AFTER_CHUNK;
        }
    }
}

static void readable(struct stream *s) {
    static char buffer[65536];
    ssize_t got = read(s->fd, buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) { lost(s, s->state == BODY ? &ended : &failed); return; }
    bytes += got;
    take(s, buffer, buffer + got, clock_ns(CLOCK_REALTIME));
}

#include "load_control.h"
