#define _GNU_SOURCE
#include "CPlatform.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int cplatform_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int epoll, int operation, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int cplatform_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data) {
    return control(epoll, EPOLL_CTL_ADD, descriptor, events, data);
}

int cplatform_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data) {
    return control(epoll, EPOLL_CTL_MOD, descriptor, events, data);
}

int cplatform_epoll_remove(int epoll, int descriptor) { return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0); }

int cplatform_epoll_wait(int epoll, struct cplatform_event *events, int capacity, int timeout_milliseconds) {
    struct epoll_event ready[256];
    int count = epoll_wait(epoll, ready, capacity < 256 ? capacity : 256, timeout_milliseconds);
    for (int index = 0; index < count; index++) {
        events[index].events = ready[index].events;
        events[index].data = ready[index].data.u64;
    }
    return count;
}

int cplatform_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void cplatform_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

uint64_t cplatform_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int failed(int descriptor) {
    int reason = errno;
    if (descriptor >= 0) close(descriptor);
    errno = reason;
    return -1;
}

static socklen_t make_address(const char *text, uint16_t port, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    errno = EINVAL;
    return 0;
}

int cplatform_listen_tcp(const char *address, uint16_t port, int backlog, bool reuse_port) {
    struct sockaddr_storage storage;
    socklen_t length = make_address(address, port, &storage);
    if (length == 0) return -1;
    int one = 1, zero = 0;
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (reuse_port) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (storage.ss_family == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(descriptor, (struct sockaddr *)&storage, length) || listen(descriptor, backlog)) return failed(descriptor);
    return descriptor;
}

int cplatform_connect_tcp(const char *address, uint16_t port) {
    struct sockaddr_storage storage;
    socklen_t length = make_address(address, port, &storage);
    if (length == 0) return -1;
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    cplatform_set_no_delay(descriptor, true);
    if (connect(descriptor, (struct sockaddr *)&storage, length) && errno != EINPROGRESS) return failed(descriptor);
    return descriptor;
}

int cplatform_listen_unix(const char *path, int backlog) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    unlink(path);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) || listen(descriptor, backlog)) return failed(descriptor);
    return descriptor;
}

int cplatform_local_port(int descriptor) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getsockname(descriptor, (struct sockaddr *)&storage, &length)) return -1;
    if (storage.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&storage)->sin_port);
    if (storage.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
    return 0;
}

int cplatform_accept(int listener, char *address, size_t capacity, uint16_t *port) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    int descriptor = accept4(listener, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return -1;
    *port = 0;
    address[0] = 0;
    if (storage.ss_family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
        inet_ntop(AF_INET, &v4->sin_addr, address, (socklen_t)capacity);
        *port = ntohs(v4->sin_port);
    } else if (storage.ss_family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, address, (socklen_t)capacity);
        else
            inet_ntop(AF_INET6, &v6->sin6_addr, address, (socklen_t)capacity);
        *port = ntohs(v6->sin6_port);
    }
    if (storage.ss_family != AF_UNIX) cplatform_set_no_delay(descriptor, true);
    return descriptor;
}

int cplatform_refuse_connections(int listener) {
    // Takes no byte of any packet, so that the kernel answers no handshake between the last accept and the close,
    // which would reset a connection that nobody has seen.
    struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog program = {.len = 1, .filter = &nothing};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

int cplatform_socket_error(int descriptor) {
    int code = 0;
    socklen_t length = sizeof code;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)) return errno;
    return code;
}

int cplatform_set_no_delay(int descriptor, bool enabled) {
    int value = enabled;
    return setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

int cplatform_set_keepalive(int descriptor, int idle_seconds, int interval_seconds, int count) {
    int one = 1;
    if (setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one)) return -1;
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds)) return -1;
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds)) return -1;
    return setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

#ifndef TCP_NOTSENT_LOWAT
#define TCP_NOTSENT_LOWAT 25
#endif

int cplatform_bound_sending(int descriptor, int unsent_bytes, int buffer_bytes) {
    if (setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes)) return -1;
    return setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
}

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

_Static_assert(sizeof(struct cplatform_datagram) == sizeof(struct mmsghdr), "the mirror of mmsghdr");
_Static_assert(offsetof(struct cplatform_datagram, length) == offsetof(struct mmsghdr, msg_len), "the mirror of mmsghdr");

int cplatform_bind_udp(const char *address, uint16_t port, bool reuse_port, int receive_bytes, int send_bytes) {
    struct sockaddr_storage storage;
    socklen_t length = make_address(address, port, &storage);
    if (length == 0) return -1;
    int one = 1;
    int descriptor = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (reuse_port) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (receive_bytes) setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    if (send_bytes) setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    if (storage.ss_family == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(descriptor, (struct sockaddr *)&storage, length)) return failed(descriptor);
    return descriptor;
}

int cplatform_receive_datagrams(int descriptor, struct cplatform_datagram *datagrams, unsigned int count) {
    return recvmmsg(descriptor, (struct mmsghdr *)datagrams, count, MSG_DONTWAIT, NULL);
}

int cplatform_peek_datagrams(int descriptor, struct cplatform_datagram *datagrams, unsigned int count) {
    return recvmmsg(descriptor, (struct mmsghdr *)datagrams, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

int cplatform_send_datagrams(int descriptor, struct cplatform_datagram *datagrams, unsigned int count) {
    return sendmmsg(descriptor, (struct mmsghdr *)datagrams, count, MSG_DONTWAIT);
}

size_t cplatform_segment_control_bytes(void) { return CMSG_SPACE(sizeof(int)); }

void cplatform_set_segment(struct msghdr *header, void *control, uint16_t segment) {
    header->msg_control = control;
    header->msg_controllen = CMSG_SPACE(sizeof segment);
    struct cmsghdr *option = CMSG_FIRSTHDR(header);
    option->cmsg_level = IPPROTO_UDP;
    option->cmsg_type = UDP_SEGMENT;
    option->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(option), &segment, sizeof segment);
}

int cplatform_set_receive_offload(int descriptor, bool enabled) {
    int value = enabled;
    return setsockopt(descriptor, IPPROTO_UDP, UDP_GRO, &value, sizeof value);
}

int cplatform_received_segment(struct msghdr *header) {
    for (struct cmsghdr *option = CMSG_FIRSTHDR(header); option; option = CMSG_NXTHDR(header, option)) {
        if (option->cmsg_level != IPPROTO_UDP || option->cmsg_type != UDP_GRO) continue;
        int segment;
        memcpy(&segment, CMSG_DATA(option), sizeof segment);
        return segment;
    }
    return 0;
}

int cplatform_interface_addresses(char *addresses, size_t capacity) {
    struct ifaddrs *list;
    if (capacity == 0 || getifaddrs(&list)) return -1;
    size_t used = 0;
    addresses[0] = 0;
    for (struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
        if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP)) continue;
        const void *source = NULL;
        if (entry->ifa_addr->sa_family == AF_INET) source = &((struct sockaddr_in *)entry->ifa_addr)->sin_addr;
        if (entry->ifa_addr->sa_family == AF_INET6) {
            const struct in6_addr *address = &((struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr;
            if (!IN6_IS_ADDR_LINKLOCAL(address)) source = address;
        }
        char text[INET6_ADDRSTRLEN];
        if (!source || !inet_ntop(entry->ifa_addr->sa_family, source, text, sizeof text)) continue;
        int length = snprintf(addresses + used, capacity - used, "%s %s\n", entry->ifa_name, text);
        if (length < 0 || (size_t)length >= capacity - used) {
            addresses[used] = 0;
            break;
        }
        used += (size_t)length;
    }
    freeifaddrs(list);
    return 0;
}

int cplatform_resolve(const char *host, char *addresses, size_t capacity) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    int code = getaddrinfo(host, NULL, &hints, &list);
    if (code) return code;
    size_t used = 0;
    addresses[0] = 0;
    for (struct addrinfo *entry = list; entry; entry = entry->ai_next) {
        char text[INET6_ADDRSTRLEN];
        const void *source = entry->ai_family == AF_INET
            ? (const void *)&((struct sockaddr_in *)entry->ai_addr)->sin_addr
            : (const void *)&((struct sockaddr_in6 *)entry->ai_addr)->sin6_addr;
        if (!inet_ntop(entry->ai_family, source, text, sizeof text)) continue;
        size_t length = strlen(text);
        if (used + length + 2 > capacity) break;
        memcpy(addresses + used, text, length);
        used += length;
        addresses[used++] = '\n';
        addresses[used] = 0;
    }
    freeaddrinfo(list);
    return 0;
}

ssize_t cplatform_sendfile(int socket, int file, off_t *offset, size_t count) { return sendfile(socket, file, offset, count); }

int cplatform_syncfs(int descriptor) { return syncfs(descriptor); }

long cplatform_resident_bytes(void) {
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%ld %ld", &total, &resident) != 2) resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

int cplatform_confine(size_t address_space) {
    struct rlimit none = {0, 0}, memory = {address_space, address_space};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return -1;
    if (address_space != 0 && setrlimit(RLIMIT_AS, &memory) != 0) return -1;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

uint64_t cplatform_cpu_microseconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u
        + (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint32_t crc_table[8][256];

__attribute__((constructor)) static void make_crc_table(void) {
    for (uint32_t index = 0; index < 256; index++) {
        uint32_t value = index;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
        crc_table[0][index] = value;
    }
    for (uint32_t index = 0; index < 256; index++)
        for (int slice = 1; slice < 8; slice++)
            crc_table[slice][index] = crc_table[slice - 1][index] >> 8 ^ crc_table[0][crc_table[slice - 1][index] & 255];
}

static uint32_t crc_portable(uint32_t crc, const uint8_t *bytes, size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        uint32_t low, high;
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + 4, 4);
        low ^= crc;
        crc = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^ crc_table[5][low >> 16 & 255] ^ crc_table[4][low >> 24]
            ^ crc_table[3][high & 255] ^ crc_table[2][high >> 8 & 255] ^ crc_table[1][high >> 16 & 255] ^ crc_table[0][high >> 24];
    }
    while (count--) crc = crc >> 8 ^ crc_table[0][(crc ^ *bytes++) & 255];
    return crc;
}

#if defined(__x86_64__)
#include <immintrin.h>
__attribute__((target("sse4.2"))) static uint32_t crc_hardware(uint32_t crc, const uint8_t *bytes, size_t count) {
    uint64_t wide = crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    while (count--) crc = _mm_crc32_u8(crc, *bytes++);
    return crc;
}
#endif

uint32_t cplatform_crc32c(uint32_t seed, const void *bytes, size_t count) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc_hardware(~seed, bytes, count);
#endif
    return ~crc_portable(~seed, bytes, count);
}
