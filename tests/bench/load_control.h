/* The second half of load.c: commands, and the loop that drives the connections. */

static void print_stats(void) {
    printf("{\"wanted\":%ld,\"awaiting\":%ld,\"open\":%ld,\"waiting\":%ld,\"launched\":%ld,"
           "\"ended\":%ld,\"failed\":%ld,\"refused\":%ld,\"left\":%ld,\"heads\":%ld,\"bytes\":%lld,"
           "\"first_head\":%lld,\"last_head\":%lld,\"samples\":%ld,\"cpu\":%.6f,\"events\":{",
           wanted, awaiting, opened, waiting, launched, ended, failed, refused, left_alone, heads,
           (long long)bytes, (long long)first_head, (long long)last_head, n_samples,
           clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9);
    for (long i = 0; i < n_events; i++)
        printf("%s\"%s\":{\"count\":%ld,\"first\":%lld,\"last\":%lld}", i ? "," : "", events[i].name,
               events[i].count, (long long)events[i].first, (long long)events[i].last);
    printf("}}\n");
}

static void reset(void) {
    ended = failed = refused = left_alone = heads = n_samples = n_events = 0;
    bytes = first_head = last_head = 0;
    memset(events, 0, sizeof events);
}

static void close_newest(long count) {
    for (long i = capacity - 1; i >= 0 && count > 0; i--)
        if (streams[i].state == BODY) { leave(&streams[i], 0); count--; }
}

static void dump(const char *file) {
    FILE *to = fopen(file, "wb");
    if (!to || fwrite(samples, sizeof *samples, n_samples, to) != (size_t)n_samples || fclose(to))
        perror(file);
}

static long phase_named(const char *name) {
    const char *names[] = {"stay", "early", "head", "live", "stalled"};
    for (long i = 0; i < 5; i++) if (!strcmp(names[i], name)) return i;
    fprintf(stderr, "no such phase: %s\n", name);
    exit(2);
}

static void command(char *line) {
    char verb[16] = "", word[400] = "";
    double first = 0, second = 0;
    sscanf(line, "%15s %399s %lf", verb, word, &second);
    first = atof(word);
    if (!strcmp(verb, "open")) wanted += first;
    else if (!strcmp(verb, "close")) close_newest(first);
    else if (!strcmp(verb, "rate")) { rate = first; window = second; }
    else if (!strcmp(verb, "retry")) { retry_min = first; retry_max = second; }
    else if (!strcmp(verb, "phase")) { phase = phase_named(word); phase_ms = second; }
    else if (!strcmp(verb, "reset")) reset();
    else if (!strcmp(verb, "dump")) dump(word);
    else if (!strcmp(verb, "quit")) exit(0);
    else if (strcmp(verb, "stats")) { fprintf(stderr, "no such command: %s\n", line); exit(2); }
    print_stats();
    fflush(stdout);
}

static void read_commands(void) {
    static char text[1024];
    static size_t used;
    ssize_t got = read(0, text + used, sizeof text - used - 1);
    char *newline;
    if (got <= 0) exit(0); /* the parent process has ended */
    used += got;
    text[used] = 0;
    while ((newline = strchr(text, '\n'))) {
        *newline = 0;
        command(text);
        used -= newline + 1 - text;
        memmove(text, newline + 1, used + 1);
    }
}

static void run_timers(void) {
    int64_t now = milliseconds();
    long left = timers;
    for (long i = 0; i < capacity && left > 0; i++) {
        struct stream *s = &streams[i];
        if (!s->dated) continue;
        left--;
        if (s->due > now) continue;
        if (s->state != WAITING) { depart(s); continue; }
        if (awaiting >= window) continue;
        clear_timer(s);
        waiting--;
        connect_it(s);
    }
}

/* Opens the requested connections at the rate. A connection that ends makes room for the next. */
static void open_more(double seconds) {
    static long slot;
    tokens += seconds * rate;
    if (tokens > window) tokens = window;
    while (wanted > 0 && tokens >= 1 && (phase == STAY ? awaiting : awaiting + opened) < window) {
        long tried = 0;
        while (streams[slot = (slot + 1) % capacity].state != FREE)
            if (++tried > capacity) { fprintf(stderr, "CAPACITY is too small\n"); exit(2); }
        streams[slot].number = launched++;
        wanted--;
        tokens--;
        connect_it(&streams[slot]);
    }
}

static void drive(int64_t until) {
    struct epoll_event ready[BATCH];
    int64_t before = clock_ns(CLOCK_MONOTONIC), now;
    while ((now = clock_ns(CLOCK_MONOTONIC)) < until) {
        open_more((now - before) / 1e9);
        before = now;
        int n = epoll_wait(poller, ready, BATCH, wanted || timers ? 2 : 200);
        for (int i = 0; i < n; i++) {
            struct stream *s = ready[i].data.ptr;
            if (!s) read_commands();
            else if (s->state == CONNECTING) ask(s);
            else if (ready[i].events & EPOLLIN) readable(s);
            else if (s->state > WAITING) lost(s, s->state == BODY ? &ended : &failed);
        }
        if (timers) run_timers();
    }
}

static void read_cookies(const char *file) {
    FILE *from = fopen(file, "r");
    char line[2048];
    if (!from) { perror(file); exit(1); }
    while (fgets(line, sizeof line, from)) {
        line[strcspn(line, "\r\n")] = 0;
        cookies = realloc(cookies, (n_cookies + 1) * sizeof *cookies);
        cookies[n_cookies++] = strdup(line);
    }
    fclose(from);
}

int main(int count, char **words) {
    struct epoll_event commands = {EPOLLIN, {.ptr = NULL}};
    if (count != 6) { fprintf(stderr, "load PORT PATH COOKIES CAPACITY SECONDS\n"); return 2; }
    port = atol(words[1]);
    path = words[2];
    read_cookies(words[3]);
    capacity = atol(words[4]);
    streams = calloc(capacity, sizeof *streams);
    poller = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &commands);
    drive(clock_ns(CLOCK_MONOTONIC) + atoll(words[5]) * 1000000000LL);
    fprintf(stderr, "load: %s s are over\n", words[5]);
    return 1;
}
