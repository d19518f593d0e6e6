/* The limit: who comes from one leg's address is sent to the other's, one recvfrom and one sendto each.
 *   bare PORT FILE: the port of all legs, and a line "ip ip" for the two legs of each call. Prints its own port. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    static in_addr_t other[1 << 24];
    char a[64], b[64];
    uint8_t data[2048];
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    struct sockaddr_in own = {.sin_family = AF_INET}, from;
    socklen_t length = sizeof own;
    FILE *legs = argc > 2 ? fopen(argv[2], "r") : NULL;
    if (!legs) return 2;
    inet_aton("127.0.0.1", &own.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&own, length)) return 1;
    while (fscanf(legs, "%63s %63s", a, b) == 2) {
        in_addr_t left = inet_addr(a), right = inet_addr(b);
        other[ntohl(left) & 0xffffff] = right;
        other[ntohl(right) & 0xffffff] = left;
    }
    getsockname(fd, (struct sockaddr *)&own, &length);
    printf("%d\n", ntohs(own.sin_port));
    fflush(stdout);
    for (;;) {
        length = sizeof from;
        ssize_t got = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &length);
        if (got < 0 || ntohs(from.sin_port) != atoi(argv[1])) continue;
        from.sin_addr.s_addr = other[ntohl(from.sin_addr.s_addr) & 0xffffff];
        sendto(fd, data, got, 0, (struct sockaddr *)&from, length);
    }
}
