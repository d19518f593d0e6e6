/* The load: every leg of every call behind one socket, each with an IP address of its own in 127.0.0.0/8
 * (IP_PKTINFO gives the source of what is sent and the destination of what comes).
 *
 *   generator FD SECONDS WARM SERVER_PID SERVER_CORE [SCRIPT]  < legs
 *
 * FD: the socket of the set-up phase (bound to 0.0.0.0, IP_PKTINFO on). A line of stdin is one leg:
 *   own-ip server-ip server-port turn-channel(0: none) number-of-the-peer's-leg
 * Each leg sends 160 packets a second, 50 of Opus's size and 110 of VP8's, and the packets of all legs are due at
 * even distances. SCRIPT: packets that were made beforehand, for servers that look into them; LENGTH (2 bytes,
 * big-endian) and bytes, as many for each leg, in the order of sending; they have no delay (-1), as nothing in them
 * tells when they were sent.
 * Counted is what is sent after WARM seconds. Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RATE 160
#define AUDIO 50
#define BATCH 64
#define SLOT 2048
#define LONGEST_US 200000
#define DRAIN_NS 500000000ull

struct leg {
    struct sockaddr_in server;
    struct in_addr own;
    uint32_t peer;
    uint16_t channel, sequence[2];
    uint8_t *script, *script_end;
};
static struct leg *legs;
static uint32_t leg_count, *leg_of_ip;  /* by the lower 24 bits of the address */
static uint32_t delays[LONGEST_US + 1];
static uint64_t sent, received, received_by_window, stray, send_failed, counted_from;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t server_ns(const char *pid) {  /* CPU time of all its threads */
    char path[300];
    uint64_t sum = 0, one;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file) {
            if (fscanf(file, "%lu", &one) == 1) sum += one;
            fclose(file);
        }
    }
    if (tasks) closedir(tasks);
    return sum;
}

static uint64_t idle_ticks(int core) {
    char name[300], wanted[16];
    uint64_t user, nice, system, idle = 0, wait = 0;
    FILE *file = fopen("/proc/stat", "r");
    snprintf(wanted, sizeof wanted, "cpu%d", core);
    while (file && fscanf(file, "%255s %lu %lu %lu %lu %lu%*[^\n]", name, &user, &nice, &system, &idle, &wait) > 0)
        if (!strcmp(name, wanted)) break;
    if (file) fclose(file);
    return idle + wait;
}

static int size_of(uint64_t turn, uint32_t number, int *audio) {
    *audio = (turn * AUDIO + number * 7) % RATE < AUDIO;
    if (*audio) return 90 + (turn * 31 + number) % 50;
    return (turn + number) % 4 ? 1150 : 300 + (turn * 97 + number * 13) % 800; /* the last one of a picture */
}

static int make(struct leg *leg, uint64_t turn, uint64_t now, uint8_t *at) {
    uint32_t number = leg - legs;
    if (leg->script) {
        if (leg->script + 2 > leg->script_end) return 0;
        int size = leg->script[0] << 8 | leg->script[1];
        memcpy(at, leg->script + 2, size);
        leg->script += 2 + size;
        return size;
    }
    int audio, size = size_of(turn, number, &audio), head = leg->channel ? 4 : 0;
    uint8_t *rtp = at + head;
    uint16_t sequence = leg->sequence[audio]++;
    uint64_t stamp = now >= counted_from ? now : 0;
    if (head) {
        at[0] = leg->channel >> 8, at[1] = leg->channel;
        at[2] = size >> 8, at[3] = size;
    }
    rtp[0] = 0x80, rtp[1] = audio ? 111 : 96, rtp[2] = sequence >> 8, rtp[3] = sequence;
    memcpy(rtp + 12, &stamp, 8);
    memcpy(rtp + 20, &number, 4);
    return head + size;
}

static void arrived(const uint8_t *data, int size, struct in_addr at, uint64_t now) {
    uint32_t number = leg_of_ip[ntohl(at.s_addr) & 0xffffff] - 1;
    if (number >= leg_count) { stray++; return; }
    struct leg *leg = &legs[number];
    if (leg->channel) data += 4, size -= 4;
    if (size < 24 || data[0] >> 6 != 2 || (data[1] >= 192 && data[1] < 224)) return; /* STUN, RTCP */
    received_by_window++;
    if (leg->script) return; /* whose sequence numbers the server may change: counted, not known again */
    uint64_t stamp;
    uint32_t from;
    memcpy(&stamp, data + 12, 8);
    memcpy(&from, data + 20, 4);
    if (from != leg->peer) { stray++; return; }
    if (!stamp) return;
    received++;
    uint64_t us = (now - stamp) / 1000;
    delays[us < LONGEST_US ? us : LONGEST_US]++;
}

static double percentile(double part) {
    uint64_t want = part * received, sum = 0;
    if (legs[0].script) return -1;
    for (int us = 0; us <= LONGEST_US; us++)
        if ((sum += delays[us]) > want) return us / 1000.0;
    return 0;
}

static uint8_t out[BATCH][SLOT], in[BATCH][SLOT], out_control[BATCH][64], in_control[BATCH][64];
static struct mmsghdr out_messages[BATCH], in_messages[BATCH];
static struct iovec out_parts[BATCH], in_parts[BATCH];

static void prepare(void) {
    for (int i = 0; i < BATCH; i++) {
        out_parts[i].iov_base = out[i];
        in_parts[i] = (struct iovec){in[i], SLOT};
        out_messages[i].msg_hdr = (struct msghdr){.msg_iov = &out_parts[i], .msg_iovlen = 1,
            .msg_namelen = sizeof(struct sockaddr_in), .msg_control = out_control[i],
            .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo))};
        struct cmsghdr *head = CMSG_FIRSTHDR(&out_messages[i].msg_hdr);
        *head = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
        in_messages[i].msg_hdr = (struct msghdr){.msg_iov = &in_parts[i], .msg_iovlen = 1,
            .msg_control = in_control[i]};
    }
}

static void receive(int fd) {
    for (;;) {
        for (int i = 0; i < BATCH; i++) in_messages[i].msg_hdr.msg_controllen = sizeof in_control[i];
        int count = recvmmsg(fd, in_messages, BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0) return;
        uint64_t now = now_ns();
        for (int i = 0; i < count; i++) {
            struct cmsghdr *head = CMSG_FIRSTHDR(&in_messages[i].msg_hdr);
            if (head) arrived(in[i], in_messages[i].msg_len, ((struct in_pktinfo *)CMSG_DATA(head))->ipi_addr, now);
        }
        if (count < BATCH) return;
    }
}

static void send_all(int fd, int count) {
    for (int done = 0; done < count;) {
        int some = sendmmsg(fd, out_messages + done, count - done, 0);
        if (some <= 0) send_failed++, some = 1;
        done += some;
    }
}

static void read_legs(void) {
    char own[64], server[64];
    unsigned port, channel, peer;
    legs = calloc(1 << 16, sizeof *legs);
    leg_of_ip = calloc(1 << 24, sizeof *leg_of_ip);
    while (scanf("%63s %63s %u %u %u", own, server, &port, &channel, &peer) == 5) {
        struct leg *leg = &legs[leg_count++];
        *leg = (struct leg){.server = {.sin_family = AF_INET, .sin_port = htons(port)}, .channel = channel, .peer = peer};
        inet_aton(own, &leg->own);
        inet_aton(server, &leg->server.sin_addr);
        leg_of_ip[ntohl(leg->own.s_addr) & 0xffffff] = leg_count;
    }
}

static void read_script(const char *path, double seconds) {
    FILE *file = fopen(path, "rb");
    if (!file) exit(2);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *at = malloc(size), *end = at + size;
    if (fread(at, 1, size, file) != (size_t)size) exit(2);
    fclose(file);
    uint64_t each = seconds * RATE;
    for (uint32_t i = 0; i < leg_count; i++) {
        legs[i].script = at;
        for (uint64_t j = 0; j < each && at + 2 <= end; j++) at += 2 + (at[0] << 8 | at[1]);
        legs[i].script_end = at;
    }
}

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    int fd = atoi(argv[1]), core = atoi(argv[5]);
    double seconds = atof(argv[2]), warm = atof(argv[3]);
    read_legs();
    if (argc > 6) read_script(argv[6], seconds);
    prepare();
    uint64_t start = now_ns() + 50000000, late = 0, latest = 0, k = 0, total = seconds * RATE * leg_count;
    double gap = 1e9 / ((double)RATE * leg_count);
    uint64_t window = 0, cpu = 0, idle = 0, end = 0;
    counted_from = start + warm * 1e9;
    while (k < total) {
        uint64_t now = now_ns();
        if (!window && now >= counted_from) {
            cpu = server_ns(argv[4]), idle = idle_ticks(core);
            received_by_window = 0, window = now = now_ns();
        }
        int count = 0;
        for (; k < total && count < BATCH && now >= start + (uint64_t)(k * gap); k++) {
            struct leg *leg = &legs[k % leg_count];
            int size = make(leg, k / leg_count, now, out[count]);
            if (!size) continue;
            sent += now >= counted_from;
            struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(&out_messages[count].msg_hdr));
            *info = (struct in_pktinfo){.ipi_spec_dst = leg->own};
            out_messages[count].msg_hdr.msg_name = &leg->server;
            out_parts[count++].iov_len = size;
        }
        if (count) {
            uint64_t behind = now - start - (uint64_t)((k - 1) * gap);
            if (window && behind > latest) latest = behind;
            late += behind > 1000000 ? count : 0;
            send_all(fd, count);
        }
        receive(fd);
    }
    end = now_ns();
    cpu = server_ns(argv[4]) - cpu, idle = idle_ticks(core) - idle;
    uint64_t carried = received_by_window;
    while (now_ns() < end + DRAIN_NS) receive(fd);
    if (argc > 6) received = received_by_window;
    double span = (end - window) / 1e9, busy = 1 - idle / (double)sysconf(_SC_CLK_TCK) / span;
    printf("{\"sent\": %lu, \"received\": %lu, \"us_per_packet\": %.3f, \"core_busy\": %.3f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"late\": %.5f, \"latest_ms\": %.2f, \"stray\": %lu, \"send_failed\": %lu}\n",
           sent, received, carried ? cpu / 1e3 / carried : 0, busy < 0 ? 0 : busy, percentile(0.5), percentile(0.99),
           late / (double)total, latest / 1e6, stray, send_failed);
    return 0;
}
